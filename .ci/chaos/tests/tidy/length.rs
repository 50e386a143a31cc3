//! A source file stays short enough to be one concept.

use crate::tree::Tree;

const LINES: usize = 600;

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    tree.below("", ".rs")
        .filter(|file| file.contains("/src/"))
        .filter_map(|file| {
            let lines = tree.text(file)?.lines().count();
            (lines > LINES).then(|| format!("{file} has {lines} lines: it is asking to be two"))
        })
        .collect()
}
