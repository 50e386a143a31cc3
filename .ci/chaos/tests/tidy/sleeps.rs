//! Tests wait on events, not on the clock.

use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in tree
        .below("", ".rs")
        .filter(|file| file.contains("/tests/"))
    {
        let text = tree.text(file).unwrap_or_default();
        let mut above = "";
        for (number, line) in text.lines().enumerate() {
            if sleeps(line) && !excused(line) && !(above.trim().starts_with("//") && excused(above))
            {
                complaints.push(format!(
                    "{file}:{}: wait on an event, or say `// not a wait: why`: {}",
                    number + 1,
                    line.trim()
                ));
            }
            above = line;
        }
    }
    complaints
}

/// Says whether the code of a line, not its comment, calls a function of such a name.
fn sleeps(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    ["sleep", "sleep_until"].into_iter().any(|name| {
        code.match_indices(&format!("{name}(")).any(|(at, _)| {
            let before = code[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
                && !code[..at].trim_end().ends_with("fn")
        })
    })
}

/// A reason must follow, and not only the words.
fn excused(line: &str) -> bool {
    line.split_once("// not a wait:")
        .is_some_and(|(_, reason)| reason.trim().len() > 3)
}
