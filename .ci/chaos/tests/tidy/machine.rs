//! No file speaks of the machine or the tools that wrote it.

use crate::tree::Tree;

/// Each in two halves, so that this file does not match itself.
const PATTERNS: [(&str, &str); 8] = [
    ("/wor", "k/"),
    ("/far", "m/"),
    ("/roo", "t/"),
    ("/hom", "e/"),
    ("/Use", "rs/"),
    ("/tmp/tar", "get"),
    ("clau", "de"),
    ("anthro", "pic"),
];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in tree.files() {
        // What is no text can't be read by people either.
        let Some(text) = tree.text(file) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for (head, tail) in PATTERNS {
                let pattern = format!("{head}{tail}");
                let found = match pattern.starts_with('/') {
                    true => starts_path(line, &pattern),
                    false => line.to_lowercase().contains(&pattern),
                };
                if found {
                    complaints.push(format!(
                        "{file}:{}: speaks of this machine: {}",
                        number + 1,
                        line.trim()
                    ));
                }
            }
        }
    }
    complaints
}

/// Says whether an absolute path starts so: `folder` + pattern is a relative one.
fn starts_path(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        !line[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '~' | '}'))
    })
}
