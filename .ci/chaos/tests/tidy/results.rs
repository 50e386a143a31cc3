//! A README shows the comparison that was run, and no other.

use crate::tree::Tree;

/// Between these the runner writes what it wrote to the table.
const BEGIN: &str = "<!-- written by compare/run, from compare/results/table.md -->\n";
const END: &str = "<!-- end of what compare/run wrote -->\n";

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    tree.crates()
        .into_iter()
        .filter_map(|name| {
            let readme = tree.text(&format!("{name}/README.md")).unwrap_or_default();
            let table = tree.text(&format!("{name}/compare/results/table.md"));
            let problem = problem(shown(&readme), table.as_deref())?;
            Some(format!("{name}/README.md {problem}"))
        })
        .collect()
}

/// Compares what is shown with what was measured. Before the first run both are
/// nothing.
fn problem(shown: Option<&str>, table: Option<&str>) -> Option<&'static str> {
    match (shown.unwrap_or_default(), table) {
        ("", None) => None,
        (_, None) => Some("shows results, and compare/results/table.md is missing"),
        ("", Some(_)) => Some("does not show compare/results/table.md"),
        (shown, Some(table)) if shown == table => None,
        _ => Some("differs from compare/results/table.md: let compare/run write it"),
    }
}

fn shown(readme: &str) -> Option<&str> {
    let (_, rest) = readme.split_once(BEGIN)?;
    Some(rest.split_once(END)?.0)
}
