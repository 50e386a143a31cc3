//! Every dependency, feature and profile line says why it is there.

use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    // Of the root manifest the profiles: what a crate needs a dependency for
    // is said in that crate's manifest.
    let root = tree.text("Cargo.toml").unwrap_or_default();
    let mut complaints = silent("Cargo.toml", &root, |section| {
        section.starts_with("profile")
    });
    for member in tree.members() {
        let file = format!("{member}/Cargo.toml");
        let text = tree.text(&file).unwrap_or_default();
        complaints.extend(silent(&file, &text, |section| {
            section.contains("dependencies")
                || section == "features"
                || section.starts_with("profile")
        }));
    }
    complaints
}

/// Finds the entries of the sections in question that have a comment neither on their lines nor above.
fn silent(file: &str, text: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain = |number: usize, what: &str| {
        complaints.push(format!("{file}:{number}: `{what}` says no why"));
    };
    let mut section = String::new();
    let mut commented_above = false;
    // The entry that is open over several lines, until its brackets close.
    let mut open: Option<(usize, String, bool)> = None;
    let mut depth = 0_i32;
    for (index, line) in text.lines().enumerate() {
        let (code, comment) = split(line);
        let (code, number) = (code.trim(), index + 1);
        if depth == 0 && code.starts_with('[') {
            section = code.trim_matches(['[', ']']).to_owned();
            // `[dependencies.name]` is an entry itself; `[profile.dev]` is a heading.
            let is_entry = section
                .rsplit_once('.')
                .is_some_and(|(before, _)| before.ends_with("dependencies"));
            if is_entry && !comment && !commented_above {
                complain(number, code);
            }
            if is_entry {
                section.clear();
            }
        } else if !code.is_empty() && wanted(&section) {
            if depth == 0 {
                let name = code.split(['=', '.', ' ']).next().unwrap_or(code);
                open = Some((number, name.to_owned(), commented_above));
            }
            depth += brackets(code);
            if let Some((_, _, said)) = &mut open {
                *said |= comment;
            }
            if depth == 0
                && let Some((number, name, false)) = open.take()
            {
                complain(number, &name);
            }
        }
        commented_above = code.is_empty() && comment;
    }
    complaints
}

/// Splits a line into what is before its comment, and whether it has one.
fn split(line: &str) -> (&str, bool) {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return (&line[..at], line[at + 1..].trim().len() > 3),
            _ => {}
        }
    }
    (line, false)
}

fn brackets(code: &str) -> i32 {
    code.chars()
        .map(|c| match c {
            '[' | '{' => 1,
            ']' | '}' => -1,
            _ => 0,
        })
        .sum()
}
