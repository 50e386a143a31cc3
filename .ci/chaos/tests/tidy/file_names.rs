//! No file that nobody could name.

use crate::tree::Tree;

const NAMELESS: [&str; 7] = [
    "mod.rs",
    "util.rs",
    "utils.rs",
    "helper.rs",
    "helpers.rs",
    "common.rs",
    "misc.rs",
];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    tree.files()
        .filter(|file| {
            file.rsplit('/')
                .next()
                .is_some_and(|name| NAMELESS.contains(&name))
        })
        .map(|file| format!("{file}: name it after the one concept in it"))
        .collect()
}
