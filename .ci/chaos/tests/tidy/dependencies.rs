//! Few direct dependencies, and none of our own crates in another.

use std::process::Command;

use crate::tree::Tree;

/// How many direct dependencies a crate may have with its default features.
fn limit(name: &str) -> usize {
    match name {
        "aio-files" | "aio-pool" => 8,
        _ => 6,
    }
}

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let crates = tree.crates();
    let mut complaints = Vec::new();
    for name in &crates {
        let direct = direct(tree, name);
        let limit = limit(name);
        if direct.len() > limit {
            complaints.push(format!(
                "{name} has {} direct dependencies, and may have {limit}: {}",
                direct.len(),
                direct.join(", ")
            ));
        }
        for other in direct
            .iter()
            .filter(|other| crates.contains(&other.as_str()))
        {
            complaints.push(format!(
                "{name} depends on {other}: each crate stands alone"
            ));
        }
    }
    if tree.members().contains(&"examples/message-store")
        && direct(tree, "message-store").contains(&"rusqlite".to_owned())
    {
        complaints.push("message-store depends on rusqlite: it shows that it need not".into());
    }
    complaints
}

/// Asks cargo for the normal dependencies of a member with its default features.
fn direct(tree: &Tree, name: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(tree.root())
        .args([
            "tree",
            "--offline",
            "-e",
            "normal",
            "--depth",
            "1",
            "--prefix",
            "none",
            "-p",
            name,
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo tree -p {name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut names: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .skip(1)
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect();
    names.sort();
    names.dedup();
    names
}
