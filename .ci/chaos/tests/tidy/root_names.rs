//! The root of a crate shows few names; the rest lives in named modules.

use syn::{Item, UseTree, Visibility};

use crate::public::is_hidden;
use crate::tree::Tree;

/// About 15 is the aim; more than this is not about 15.
const NAMES: usize = 18;

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for name in tree.crates() {
        let Some(lib) = tree.text(&format!("{name}/src/lib.rs")) else {
            complaints.push(format!("{name}/src/lib.rs is missing"));
            continue;
        };
        let file = syn::parse_file(&lib).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut names = Vec::new();
        for item in &file.items {
            match item {
                Item::Use(item)
                    if is_public(&item.vis)
                        && !is_hidden(&item.attrs)
                        && !leaves(&item.tree, &mut names) =>
                {
                    complaints.push(format!("{name} re-exports a whole module at its root"));
                }
                Item::Macro(item)
                    if item
                        .attrs
                        .iter()
                        .any(|attr| attr.path().is_ident("macro_export")) =>
                {
                    names.extend(item.ident.iter().map(ToString::to_string));
                }
                Item::Fn(item) if is_public(&item.vis) => names.push(item.sig.ident.to_string()),
                Item::Struct(item) if is_public(&item.vis) => names.push(item.ident.to_string()),
                Item::Enum(item) if is_public(&item.vis) => names.push(item.ident.to_string()),
                Item::Trait(item) if is_public(&item.vis) => names.push(item.ident.to_string()),
                Item::Type(item) if is_public(&item.vis) => names.push(item.ident.to_string()),
                Item::Const(item) if is_public(&item.vis) => names.push(item.ident.to_string()),
                _ => {}
            }
        }
        names.sort();
        names.dedup();
        if names.len() > NAMES {
            complaints.push(format!(
                "{name} has {} public names at its root, and about 15 are enough: {}",
                names.len(),
                names.join(", ")
            ));
        }
    }
    complaints
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Collects the names of a `pub use`; says false for a glob.
fn leaves(tree: &UseTree, names: &mut Vec<String>) -> bool {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, names),
        UseTree::Group(group) => group.items.iter().all(|tree| leaves(tree, names)),
        UseTree::Glob(_) => false,
        UseTree::Name(name) => {
            names.push(name.ident.to_string());
            true
        }
        UseTree::Rename(rename) => {
            names.push(rename.rename.to_string());
            true
        }
    }
}
