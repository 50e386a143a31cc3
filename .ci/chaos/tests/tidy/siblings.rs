//! Operators don't import each other: each is read, and changed, by itself.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::tree::Tree;

const SRC: &str = "aio-itertools/src/";

/// The folders whose files are operators. Those of `pipeline` are parts of one.
const FOLDERS: [&str; 4] = ["adaptors", "asyncio", "consumers", "sources"];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let names = names(tree);
    let mut complaints = Vec::new();
    for file in tree.below(SRC, ".rs") {
        let module: Vec<String> = file[SRC.len()..file.len() - ".rs".len()]
            .split('/')
            .map(str::to_owned)
            .collect();
        if module.len() < 2 || !FOLDERS.contains(&module[0].as_str()) {
            continue;
        }
        let mut found = Vec::new();
        paths(parse(tree, file), &module, &mut found);
        for path in found {
            let target = resolve(&path.absolute, &names);
            let Some((folder, operator)) = target else {
                continue;
            };
            let what = match operator {
                Some(operator) if module[..2] == [folder.clone(), operator.clone()] => continue,
                Some(operator) => format!("{folder}/{operator}.rs"),
                None => format!("all of {folder}"),
            };
            complaints.push(format!(
                "{} may not import {what}, as `{}`",
                &file[SRC.len()..],
                path.written
            ));
        }
    }
    complaints.sort();
    complaints.dedup();
    complaints
}

fn parse(tree: &Tree, file: &str) -> TokenStream {
    let text = tree.text(file).unwrap_or_default();
    text.parse()
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Where the root and the folders have their names from: `adaptors::Batched` is
/// `adaptors::batched::Batched`, and `gather` is `asyncio::gather`.
fn names(tree: &Tree) -> BTreeMap<Vec<String>, Vec<String>> {
    let mut names = BTreeMap::new();
    for index in [""].iter().chain(&FOLDERS) {
        let file = match *index {
            "" => format!("{SRC}lib.rs"),
            folder => format!("{SRC}{folder}.rs"),
        };
        let module: Vec<String> = match *index {
            "" => Vec::new(),
            folder => vec![folder.to_owned()],
        };
        let Ok(file) = syn::parse_file(&tree.text(&file).unwrap_or_default()) else {
            continue;
        };
        for item in file.items {
            if let syn::Item::Use(item) = item {
                leaves(&item.tree, &module, &module, &mut names);
            }
        }
    }
    names
}

fn leaves(
    tree: &syn::UseTree,
    module: &[String],
    prefix: &[String],
    names: &mut BTreeMap<Vec<String>, Vec<String>>,
) {
    let join = |path: &[String], name: &syn::Ident| [path, &[name.to_string()]].concat();
    match tree {
        syn::UseTree::Path(path) => leaves(&path.tree, module, &join(prefix, &path.ident), names),
        syn::UseTree::Name(name) => {
            names.insert(join(module, &name.ident), join(prefix, &name.ident));
        }
        syn::UseTree::Rename(name) => {
            names.insert(join(module, &name.rename), join(prefix, &name.ident));
        }
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, module, prefix, names);
            }
        }
        syn::UseTree::Glob(_) => {}
    }
}

/// The folder and the operator that a path leads to; no operator is the whole folder.
fn resolve(
    path: &[String],
    names: &BTreeMap<Vec<String>, Vec<String>>,
) -> Option<(String, Option<String>)> {
    let mut path = path.to_vec();
    // A name of the root may be one of a folder, and that one of a file.
    for length in [1, 2] {
        if let Some(whole) = path.get(..length).and_then(|start| names.get(start)) {
            path = [whole, &path[length..]].concat();
        }
    }
    let folder = path
        .first()
        .filter(|name| FOLDERS.contains(&name.as_str()))?;
    Some((folder.clone(), path.get(1).cloned()))
}

/// A path in a source file.
struct Found {
    written: String,
    absolute: Vec<String>,
}

/// Collects the paths that begin with `crate`, `super` or `self`, also in braces and
/// inside macros.
fn paths(tokens: TokenStream, module: &[String], found: &mut Vec<Found>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            // `pub(super)` says who may import, not what is imported.
            TokenTree::Group(_) if at > 0 && tokens[at - 1].to_string() == "pub" => {}
            TokenTree::Group(group) => {
                // `super` inside of `mod tests { … }` is the file itself.
                let inner = match &tokens[..at] {
                    [.., TokenTree::Ident(keyword), TokenTree::Ident(name)]
                        if keyword == "mod" && group.delimiter() == Delimiter::Brace =>
                    {
                        [module, &[name.to_string()]].concat()
                    }
                    _ => module.to_vec(),
                };
                paths(group.stream(), &inner, found);
            }
            TokenTree::Ident(ident) if ident == "crate" || ident == "super" || ident == "self" => {
                at = path(&tokens, at, &[], module, found);
            }
            _ => {}
        }
        at += 1;
    }
}

/// Reads one path from `at`, and returns where it ends.
fn path(
    tokens: &[TokenTree],
    mut at: usize,
    prefix: &[String],
    module: &[String],
    found: &mut Vec<Found>,
) -> usize {
    let mut segments = prefix.to_vec();
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(name)) => segments.push(name.to_string()),
            Some(TokenTree::Group(group)) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inner
                    .split(|token| is(token, ','))
                    .filter(|part| !part.is_empty())
                {
                    path(part, 0, &segments, module, found);
                }
                return at;
            }
            // A `*` is the module before it.
            _ => {}
        }
        match &tokens[(at + 1).min(tokens.len())..] {
            [first, second, _, ..] if is(first, ':') && is(second, ':') => at += 3,
            _ => break,
        }
    }
    // `{self}` is the module before it.
    if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
        segments.pop();
    }
    found.push(Found {
        written: segments.join("::"),
        absolute: absolute(&segments, module),
    });
    at
}

fn is(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

/// The path from the root of the crate.
fn absolute(segments: &[String], module: &[String]) -> Vec<String> {
    let mut absolute = module.to_vec();
    let mut rest = segments;
    while let [first, others @ ..] = rest {
        match first.as_str() {
            "crate" => absolute.clear(),
            "super" => drop(absolute.pop()),
            "self" => {}
            _ => break,
        }
        rest = others;
    }
    [absolute.as_slice(), rest].concat()
}
