//! What the sources and the documentation say agrees.

use std::fs;
use std::path::Path;

use crate::laws::{Card, operators};
use crate::preludes;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources(folder: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".rs"))
        .map(|name| (name.clone(), read(&format!("{folder}/{name}"))))
        .collect()
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

fn card_differs(source: &str, item: &str, card: &Card) -> Option<String> {
    let expected: Vec<(String, String)> = card
        .rows()
        .map(|(fact, value)| (fact.to_owned(), value.to_owned()))
        .into();
    match documented_card(source, item) {
        Some(rows) if rows == expected => None,
        other => Some(format!(
            "{item}: {other:?} is documented, {expected:?} is checked"
        )),
    }
}

#[test]
fn every_contract_card_is_the_one_that_the_laws_check() {
    for operator in operators() {
        let source = read(&format!("src/{}", operator.file));
        let item = format!("pub struct {}<", operator.name);
        assert_eq!(card_differs(&source, &item, &operator.card), None);
        // A card that says something else is noticed.
        let other = source.replace(
            "| cancel safety | Cancel safe |",
            "| cancel safety | Runs on |",
        );
        assert!(card_differs(&other, &item, &operator.card).is_some());
    }
}

#[test]
fn every_stream_has_a_card_and_the_snoozing_one_says_so() {
    let cards = [
        ("batched.rs", "pub struct Batched<"),
        ("batched.rs", "pub struct StrictBatched<"),
        ("iter.rs", "pub fn iter<"),
        ("gather.rs", "pub fn gather<"),
    ];
    for (file, item) in cards {
        let card = documented_card(&read(&format!("src/{file}")), item).expect(item);
        assert_eq!(card.len(), 8, "{item}");
        let snoozes = card.iter().any(|(_, value)| value.starts_with("snoozes"));
        assert_eq!(snoozes, file == "gather.rs", "{item}");
    }
    let streams: usize = sources("src")
        .iter()
        .map(|(_, source)| {
            source
                .lines()
                .filter(|line| line.contains("> Stream for "))
                .count()
        })
        .sum();
    // `Outputs` implements it in several lines, and its card is at `gather`.
    assert_eq!(streams, cards.len() - 1 + 1, "a stream without a card");
}

#[test]
fn every_method_of_the_trait_is_called_beside_the_preludes() {
    let methods: Vec<String> = read("src/trait_index.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("    fn "))
        .map(name_of)
        .collect();
    assert_eq!(methods, preludes::CALLED);
    let calls = read("tests/it/preludes.rs");
    for method in methods {
        assert!(
            calls.matches(&format!(".{method}(")).count() >= 4,
            "{method}"
        );
    }
}
