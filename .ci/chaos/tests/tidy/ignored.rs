//! The databases that the README's commands make are not committed by accident,
//! and are no strays at the top level.

use std::process::Command;

use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let by_git = tree.root().join(".git").exists();
    let ignores = tree.text(".gitignore").unwrap_or_default();
    // Enough of git's patterns for a tree that is no repository of its own.
    let by_pattern = |name: &str| {
        ignores
            .lines()
            .map(|line| line.trim().trim_start_matches('/'))
            .any(|line| {
                line == name
                    || line
                        .strip_suffix('*')
                        .is_some_and(|start| !start.is_empty() && name.starts_with(start))
            })
    };
    ["messages.db", "t.db"]
        .into_iter()
        .flat_map(|name| ["", "-wal", "-shm"].map(|end| format!("{name}{end}")))
        .filter(|name| {
            let ignored = by_git
                .then(|| {
                    Command::new("git")
                        .arg("-C")
                        .arg(tree.root())
                        .args(["check-ignore", "-q", name])
                        .status()
                        .ok()
                })
                .flatten()
                .map_or_else(|| by_pattern(name), |status| status.success());
            !ignored
        })
        .map(|name| format!("{name} is not ignored by git"))
        .collect()
}
