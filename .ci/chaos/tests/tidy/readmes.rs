//! READMEs, changelogs and manifests say the same.

use crate::tree::Tree;

const ADD: &str = "cargo add --path ../aio/";

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    let crates = tree.crates();
    for name in &crates {
        let version = version(tree, name);
        match tree.text(&format!("{name}/CHANGELOG.md")) {
            None => complaints.push(format!("{name}/CHANGELOG.md is missing")),
            Some(log) => {
                let heading = format!("## {version}");
                if !log
                    .lines()
                    .any(|line| line.split(" (").next().map(str::trim_end) == Some(&heading))
                {
                    complaints.push(format!("{name}/CHANGELOG.md has no `{heading}`"));
                }
            }
        }
        let file = format!("{name}/README.md");
        let Some(readme) = tree.text(&file) else {
            complaints.push(format!("{file} is missing"));
            continue;
        };
        if !added(&readme).any(|added| added == *name) {
            complaints.push(format!("{file} has no line `{ADD}{name}`"));
        }
    }
    let readmes = crates.iter().map(|name| format!("{name}/README.md"));
    for file in readmes.chain(["README.md".to_owned()]) {
        let text = tree.text(&file).unwrap_or_default();
        for added in added(&text) {
            if !crates.contains(&added) {
                complaints.push(format!(
                    "{file} adds `../aio/{added}`, which is no crate here"
                ));
            }
        }
        for name in &crates {
            complaints.extend(
                other_version(&text, name, &version(tree, name)).map(|printed| {
                    format!(
                        "{file} names version {printed} of {name}, which is at {}",
                        version(tree, name)
                    )
                }),
            );
        }
    }
    complaints
}

/// The crates that the printed `cargo add` lines name.
fn added(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.trim().trim_start_matches("$ ").strip_prefix(ADD))
        .filter_map(|rest| rest.split_whitespace().next())
}

/// A printed manifest line of one of our crates with another version than its own.
fn other_version(text: &str, name: &str, version: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let rest = line
            .trim()
            .strip_prefix(name)?
            .trim_start()
            .strip_prefix('=')?;
        let rest = match rest.split_once("version") {
            Some((_, rest)) => rest,
            None if rest.trim_start().starts_with('"') => rest,
            None => return None,
        };
        let printed = rest.split('"').nth(1)?;
        let agrees = printed == version || version.starts_with(&format!("{printed}."));
        (!agrees).then(|| format!("{printed:?}"))
    })
}

/// The version of a member, which most inherit from the workspace.
fn version(tree: &Tree, name: &str) -> String {
    let own = tree.text(&format!("{name}/Cargo.toml")).unwrap_or_default();
    let root = tree.text("Cargo.toml").unwrap_or_default();
    entry(&own, "[package]")
        .or_else(|| entry(&root, "[workspace.package]"))
        .unwrap_or_default()
}

fn entry(manifest: &str, section: &str) -> Option<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != section)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| line.strip_prefix("version")?.trim_start().strip_prefix('='))
        .and_then(|value| value.split('"').nth(1).map(str::to_owned))
}
