//! What the sources and the documentation say agrees.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::consumer_entries;
use crate::entries;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every source file, by its path in `src`.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src")
            .join(&folder);
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                folders.push(format!("{name}/"));
            } else if name.ends_with(".rs") {
                found.push((name.clone(), read(&format!("src/{name}"))));
            }
        }
    }
    found.sort();
    found
}

fn name_of(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The contract card in the documentation of a type or function, row by row.
fn documented_card(source: &str, item: &str) -> Option<Vec<(String, String)>> {
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let at = lines.iter().position(|line| line.starts_with(item))?;
    let docs = lines[..at]
        .iter()
        .rposition(|line| !line.starts_with("//") && !line.starts_with("#["))
        .map_or(0, |before| before + 1);
    let rows = lines[docs..at]
        .iter()
        .skip_while(|line| **line != "/// # Contract")
        .filter_map(|line| line.strip_prefix("/// | "))
        .filter_map(|row| row.strip_suffix(" |"))
        .filter_map(|row| row.split_once(" | "))
        .map(|(fact, value)| (fact.to_owned(), value.to_owned()))
        .collect();
    Some(rows)
}

fn card_differs(source: &str, item: &str, rows: &[(&str, &str)]) -> Option<String> {
    let expected: Vec<(String, String)> = rows
        .iter()
        .map(|&(fact, value)| (fact.to_owned(), value.to_owned()))
        .collect();
    match documented_card(source, item) {
        Some(rows) if rows == expected => None,
        other => Some(format!(
            "{item}: {other:?} is documented, {expected:?} is checked"
        )),
    }
}

#[test]
fn every_contract_card_is_the_one_that_the_laws_check() {
    for operator in entries::all() {
        let source = read(&format!("src/{}", operator.file));
        let item = format!("pub struct {}<", operator.name);
        assert_eq!(card_differs(&source, &item, &operator.card.rows()), None);
        // A card that says something else is noticed.
        let other = source.replace(
            "| cancel safety | Cancel safe |",
            "| cancel safety | Runs on |",
        );
        assert!(card_differs(&other, &item, &operator.card.rows()).is_some());
    }
}

/// Streams that the registry can't hold: many futures or streams in, or a task
/// beside it. Each names the test file that proves its card.
const ELSEWHERE: &[(&str, &str)] = &[
    ("After", "before_and_after.rs"),
    ("Before", "before_and_after.rs"),
    ("Iter", "iter.rs"),
    ("Outputs", "gather_laws.rs"),
    ("Marbles", "testing.rs"),
    ("TryMarbles", "testing.rs"),
    ("Count", "sources.rs"),
    ("Repeat", "sources.rs"),
    ("TryOutputs", "gather_laws.rs"),
    ("GatherIterOutputs", "gather_laws.rs"),
    ("Completed", "gather_laws.rs"),
    ("CompletedWithin", "gather_laws.rs"),
    ("Merge", "merge_laws.rs"),
    ("FailFast", "merge_laws.rs"),
    ("CollectErrors", "merge_laws.rs"),
    ("MapSpawned", "map_spawned.rs"),
    ("Prefetch", "prefetch.rs"),
];

#[test]
fn every_stream_has_a_card_and_an_entry() {
    let mut entries: Vec<_> = entries::all().iter().map(|entry| entry.name).collect();
    entries.sort_unstable();
    entries.dedup();
    // A stream may have several entries, one for each way to build it.
    let entries: BTreeSet<_> = entries::all().iter().map(|entry| entry.name).collect();
    let mut streams = 0;
    for (file, source) in sources() {
        for line in source
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            let Some((_, implementor)) = line.split_once(" Stream for ") else {
                continue;
            };
            let name = name_of(implementor);
            if !source.contains(&format!("pub struct {name}")) {
                continue;
            }
            streams += 1;
            let card =
                source.contains("/// # Contract\n") || source.contains("    /// # Contract\n");
            assert!(card, "{name} in {file} has no contract card");
            if let Some((_, proof)) = ELSEWHERE.iter().find(|(other, _)| *other == name) {
                read(&format!("tests/it/{proof}"));
            } else {
                assert!(
                    entries.contains(name.as_str()),
                    "{name} in {file} has no entry"
                );
            }
        }
    }
    assert!(streams >= entries.len(), "{streams} streams were found");
}

#[test]
fn every_consumer_has_an_entry_with_the_card_of_its_documentation() {
    let entries = consumer_entries::all();
    for consumer in &entries {
        let source = read(&format!("src/{}", consumer.file));
        let item = format!("pub fn {}<", consumer.name);
        let rows = consumer.card.rows();
        assert_eq!(card_differs(&source, &item, &rows), None);
        // A card that says something else is noticed.
        let other = source.replace("| runtime | any |", "| runtime | tokio |");
        assert!(card_differs(&other, &item, &rows).is_some());
    }
    let mut public = 0;
    for (file, source) in sources() {
        if !file.starts_with("consumers/") {
            continue;
        }
        for line in source.lines() {
            let Some(name) = line.strip_prefix("pub fn ").map(name_of) else {
                continue;
            };
            public += 1;
            assert!(
                entries
                    .iter()
                    .any(|entry| entry.name == name && entry.file == file),
                "{name} in {file} has no entry"
            );
        }
    }
    assert_eq!(public, entries.len());
}

/// What keeps futures in flight and lets nobody poll them while its consumer is
/// busy says so, and a test shows it.
#[test]
fn what_snoozes_says_so_and_is_shown_to() {
    let says: Vec<String> = sources()
        .into_iter()
        .filter(|(_, source)| source.contains("/// | in-flight work | snoozes"))
        .map(|(file, _)| file)
        .collect();
    assert_eq!(says, crate::snoozing::SHOWN);
}

/// The methods of the extension trait, in its order.
pub(crate) fn methods_of_the_trait() -> Vec<String> {
    read("src/trait_index.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("    fn "))
        .map(name_of)
        .collect()
}

/// The methods that the macro `calls!` calls, in its order.
fn methods_called(preludes: &str) -> Vec<String> {
    preludes
        .lines()
        .skip_while(|line| *line != "macro_rules! calls {")
        .take_while(|line| *line != "}")
        .filter_map(|line| line.trim_start().strip_prefix("called(")?.split_once("()."))
        .map(|(_, call)| name_of(call))
        .collect()
}

#[test]
fn every_method_of_the_trait_is_called_beside_the_preludes() {
    let preludes = read("tests/it/preludes.rs");
    assert_eq!(methods_called(&preludes), methods_of_the_trait());
    // Each module of a prelude makes the calls, also where it is named anew.
    let modules = preludes.matches("\nmod beside_").count();
    assert_eq!(preludes.matches("\n        calls!();\n").count(), modules);
    assert_eq!(modules, 6);
    // A method that isn't called is noticed.
    let fewer = preludes.replace("numbers().batched(2));\n", "numbers());\n");
    assert_ne!(methods_called(&fewer), methods_of_the_trait());
}
