//! Every member inherits the lints of the workspace.

use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    tree.members()
        .into_iter()
        .filter(|member| {
            let manifest = tree
                .text(&format!("{member}/Cargo.toml"))
                .unwrap_or_default();
            let mut lines = manifest.lines().map(str::trim);
            lines.by_ref().find(|line| *line == "[lints]");
            !lines
                .take_while(|line| !line.starts_with('['))
                .any(|line| line == "workspace = true")
        })
        .map(|member| format!("{member}/Cargo.toml does not inherit the lints of the workspace"))
        .collect()
}
