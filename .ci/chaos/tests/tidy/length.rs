//! A source file stays short enough to be one concept.

use crate::tree::Tree;

const LINES: usize = 600;

/// What may be longer, up to its own bound, and why.
const LONGER: &[(&str, usize)] = &[
    // An index of one trait: splitting it would make two traits.
    ("aio-itertools/src/trait_index.rs", 900),
];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    tree.below("", ".rs")
        .filter(|file| file.contains("/src/"))
        .filter_map(|file| {
            let lines = tree.text(file)?.lines().count();
            let longer = LONGER.iter().find(|(longer, _)| *longer == file);
            let most = longer.map_or(LINES, |(_, most)| *most);
            (lines > most).then(|| format!("{file} has {lines} lines: it is asking to be two"))
        })
        .collect()
}
