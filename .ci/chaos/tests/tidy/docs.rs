//! Every public async item says what cancelling it does, and every fallible one how it fails.

use std::collections::{BTreeMap, BTreeSet};

use crate::public;
use crate::tree::Tree;

/// The four fixed openings of a verdict.
const VERDICTS: [&str; 4] = ["Cancel safe", "Runs on", "Rolls back", "Not cancel safe"];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for name in tree.crates() {
        let public = public::of(tree, name);
        for function in &public.functions {
            if function.is_async {
                complaints.extend(
                    verdict(&function.name, &function.docs).map(|said| format!("{name}: {said}")),
                );
            }
            if function.is_fallible && section(&function.docs, "Errors").is_none() {
                complaints.push(format!("{name}: {} has no `# Errors`", function.name));
            }
        }
        for (builder, docs) in &public.builders {
            let said = verdict(&format!("{builder} is awaited and"), docs);
            complaints.extend(said.map(|said| format!("{name}: {said}")));
        }
    }
    complaints
}

/// Complains about a missing verdict, or one that opens in words of its own.
fn verdict(name: &str, docs: &str) -> Option<String> {
    let Some(text) = section(docs, "Cancel safety") else {
        return Some(format!("{name} has no `# Cancel safety`"));
    };
    let text = text.trim_start_matches(['*', '_', ' ']);
    if VERDICTS.iter().any(|verdict| text.starts_with(verdict)) {
        return None;
    }
    let opening: String = text.chars().take(12).collect();
    Some(format!(
        "{name}: `# Cancel safety` opens with {opening:?}, not with one of {VERDICTS:?}"
    ))
}

/// The first line of text under a heading.
fn section<'a>(docs: &'a str, heading: &str) -> Option<&'a str> {
    docs.lines()
        .map(str::trim)
        .skip_while(|line| {
            line.trim_start_matches('#').trim() != heading || !line.starts_with("# ")
        })
        .skip(1)
        .find(|line| !line.is_empty())
        .filter(|line| !line.starts_with('#'))
}

/// Compares the public async items with the crate's list, and the list with its tests.
pub(crate) fn check_list(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for name in tree.crates() {
        let items: BTreeSet<String> = public::of(tree, name)
            .functions
            .into_iter()
            .filter(|function| function.is_async)
            .map(|function| function.name)
            .collect();
        let file = format!("{name}/tests/it/async_items.txt");
        let Some(text) = tree.text(&file) else {
            if !items.is_empty() {
                complaints.push(format!(
                    "{file} is missing, and {name} has {} async items",
                    items.len()
                ));
            }
            continue;
        };
        let mut listed = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            match line.split_once(" — ") {
                Some((item, test)) => {
                    listed.insert(item.trim(), test.trim());
                }
                None if line.trim().is_empty() || line.starts_with('#') => {}
                None => complaints.push(format!(
                    "{file}, line {}: not `Type::method — test`",
                    index + 1
                )),
            }
        }
        for item in &items {
            if !listed.contains_key(item.as_str()) {
                complaints.push(format!(
                    "{name}: {item} is not in {file}, so nothing says which test cuts it"
                ));
            }
        }
        let tests = tests(tree, name);
        for (item, test) in listed {
            if !items.contains(item) {
                complaints.push(format!(
                    "{name}: {item} is no public async item, and {file} lists it"
                ));
            } else if !tests
                .iter()
                .any(|known| known == test || known.ends_with(&format!("::{test}")))
            {
                complaints.push(format!(
                    "{name}: {item}: no test function {test} in {name}/tests/it"
                ));
            }
        }
    }
    complaints
}

/// The test functions of a crate's one test binary, as `module::name`.
fn tests(tree: &Tree, name: &str) -> Vec<String> {
    let folder = format!("{name}/tests/it/");
    let mut tests = Vec::new();
    for file in tree.below(&folder, ".rs") {
        let module = file[folder.len()..]
            .trim_end_matches(".rs")
            .replace('/', "::");
        let text = tree.text(file).unwrap_or_default();
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        gather(&parsed.items, &module, &mut tests);
    }
    tests
}

fn gather(items: &[syn::Item], module: &str, tests: &mut Vec<String>) {
    let registered = registered(items);
    for item in items {
        match item {
            syn::Item::Fn(function) => {
                let name = function.sig.ident.to_string();
                if is_test(&function.attrs) || registered.contains(&name) {
                    tests.push(format!("{module}::{name}"));
                }
            }
            syn::Item::Mod(inner) => {
                if let Some((_, items)) = &inner.content {
                    gather(items, &format!("{module}::{}", inner.ident), tests);
                }
            }
            _ => {}
        }
    }
}

/// The functions that a file gives to a harness of its own, by `trials![…]`.
fn registered(items: &[syn::Item]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for item in items {
        if let syn::Item::Macro(call) = item
            && call.mac.path.is_ident("trials")
        {
            let tokens = call.mac.tokens.to_string();
            names.extend(tokens.split(',').map(|name| name.trim().to_owned()));
        }
    }
    names
}

fn is_test(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path()
            .segments
            .last()
            .is_some_and(|last| last.ident == "test")
    })
}
