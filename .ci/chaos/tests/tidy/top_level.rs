//! The top level holds what the layout names, and dot-files.

use std::collections::BTreeSet;

use crate::tree::Tree;

const TOP: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "aio-sqlite",
    "aio-files",
    "aio-itertools",
    "aio-pool",
    "examples",
];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let found: BTreeSet<&str> = tree
        .files()
        .filter_map(|file| file.split('/').next())
        .filter(|name| !name.starts_with('.'))
        .collect();
    let top = BTreeSet::from(TOP);
    let stray = found
        .difference(&top)
        .map(|name| format!("{name} does not belong at the top level"));
    let missing = top
        .difference(&found)
        .map(|name| format!("{name} is missing at the top level"));
    stray.chain(missing).collect()
}
