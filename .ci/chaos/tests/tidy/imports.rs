//! Imports between the modules of a crate run one way.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};

use crate::tree::Tree;

/// The layers of a crate, lowest first: a module may import from its own layer or a lower one.
type Layers = &'static [&'static [&'static str]];

/// What is without layers here, as an example or the fixture, may import as it likes, but
/// not in a circle.
const LAYERS: &[(&str, Layers)] = &[
    (
        "aio-sqlite",
        &[
            // What is true without a database.
            &[
                "error", "deadline", "reentry", "turn", "receipt", "budget", "group", "spin",
                "wakes", "by_text", "columns", "unfit", "tables", "change", "look", "sets", "list",
                "marks", "bell",
            ],
            &["change_log", "footprint"],
            &["touched"],
            &["journal", "observers"],
            &["overheard", "attached"],
            &["recorder", "reads"],
            &["callers"],
            &["handoff", "crew"],
            &["op", "chunk", "params", "options", "authorizer"],
            &["wal_race", "handlers"],
            // What is done with one, on its thread.
            &["cursor", "row"],
            &[
                "engine",
                "shared_read",
                "lend",
                "observing",
                "pipe",
                "from_row",
            ],
            &["work", "worker", "reader", "selects"],
            &[
                "flows", "nesting", "member", "patience", "publish", "abroad",
            ],
            // The handles' side.
            &["link", "routes"],
            &["foreign"],
            &["pool"],
            &["session"],
            &["level", "connection", "execute", "query"],
            &["rows", "serde", "savepoint", "bulk", "batch", "call"],
            &["transaction"],
            &["migrate"],
            &["database", "connect"],
            &["open", "closures", "changes", "watch"],
        ],
    ),
    (
        "aio-files",
        &[
            // What is true without a file, and what leaves the caller's thread.
            &[
                "error",
                "mode",
                "ranges",
                "read_buffer",
                "buffers",
                "budget",
                "fairness",
            ],
            &["offload", "turnstile", "cached", "folder", "like_a_file"],
            &[
                "handed",
                "alarm",
                "descriptor",
                "parting",
                "ahead",
                "in_flight",
            ],
            &["errand", "failure", "temporary", "work", "read_ahead"],
            // The file.
            &["backing"],
            &["file"],
            &["file_io", "open"],
            &["reading", "writing", "handover", "sending"],
            &["positional"],
            // The doors beside it.
            &["whole", "chunks", "lines", "os", "walk", "lock", "stdio"],
            &["many", "records", "replace", "temp"],
        ],
    ),
    (
        "aio-itertools",
        &[
            // What an operator is made of.
            &[
                "budget",
                "choices",
                "collected",
                "deadline",
                "drive",
                "ending",
                "in_flight",
                "item_timeout",
                "job",
                "lag",
                "lanes",
                "limit",
                "next",
                "prefetch",
                "readers",
                "sealed",
                "size_hint",
                "slots",
                "tasks",
                "turns",
                "waiters",
                "wakes",
            ],
            // The operators; `siblings` says that none imports another.
            &["adaptors", "asyncio", "consumers", "pipeline", "sources"],
            // What all of them are reached by, and tested with.
            &["testing", "trait_index"],
            &["prelude"],
        ],
    ),
    (
        "aio-pool",
        &[
            // What is true without a second process.
            &[
                "error", "codec", "context", "handover", "ids", "marks", "output", "sheaf", "spin",
            ],
            // What a program says of its tasks and of its workers.
            &["task", "stream_task", "initializer", "role", "queue"],
            &["environment", "limits", "sandbox"],
            &["setup"],
            &["blueprint"],
            // What crosses, and where it comes from and goes to.
            &["wire"],
            &["job", "inflow", "slots"],
            &["items", "reply"],
            // The worker's side, with the table of what it can run.
            &["registry"],
            &["worker"],
            &["init"],
            &["harness"],
            // The parent's side.
            &["engine"],
            &["line"],
            &["supervisor"],
            // The doors.
            &["outcome", "terms"],
            &["call", "results", "streams"],
            &["map", "task_macro"],
            &["pool"],
            &["start"],
            &["process"],
            // Only for a fuzzer.
            &["fuzz"],
        ],
    ),
];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    check_with(tree, LAYERS)
}

/// The same with layers that the fixture breaks.
pub(crate) fn check_fixture_layers(tree: &Tree) -> Vec<String> {
    check_with(
        tree,
        &[("aio-files", &[&["low"], &["middle", "beside"], &["high"]])],
    )
}

type Imports = BTreeMap<String, BTreeSet<String>>;

fn check_with(tree: &Tree, layers: &[(&str, Layers)]) -> Vec<String> {
    let mut complaints = Vec::new();
    let examples = tree.members().into_iter();
    let examples = examples.filter(|member| member.starts_with("examples/"));
    for name in tree.crates().into_iter().chain(examples) {
        let imports = imports(tree, name);
        let layers = layers
            .iter()
            .find(|(of, _)| *of == name)
            .map_or(&[][..], |(_, layers)| layers);
        if layers.is_empty() {
            for circle in circles(&imports) {
                complaints.push(format!(
                    "{name}: modules import each other: {}",
                    circle.join(" → ")
                ));
            }
            continue;
        }
        let layer = |module: &str| layers.iter().position(|layer| layer.contains(&module));
        for (module, imported) in &imports {
            let Some(own) = layer(module) else {
                complaints.push(format!(
                    "{name}: module {module} is in no layer of the table"
                ));
                continue;
            };
            for other in imported {
                if layer(other).is_some_and(|other| other > own) {
                    complaints.push(format!(
                        "{name}: {module} may not import {other}, which is above it"
                    ));
                }
            }
        }
    }
    complaints
}

/// Which top-level module names which, through `crate::`, or through `super::` from the top level.
fn imports(tree: &Tree, name: &str) -> Imports {
    let src = format!("{name}/src/");
    let module_of = |file: &str| {
        let inside = file.strip_prefix(&src).unwrap_or(file);
        inside
            .split('/')
            .next()
            .unwrap_or(inside)
            .trim_end_matches(".rs")
            .to_owned()
    };
    let files: Vec<&str> = tree
        .below(&src, ".rs")
        .filter(|file| !file.ends_with("src/lib.rs") && !file.ends_with("src/main.rs"))
        .collect();
    let modules: BTreeSet<String> = files.iter().map(|file| module_of(file)).collect();
    let front = reexports(
        &tree.text(&format!("{src}lib.rs")).unwrap_or_default(),
        &modules,
    );
    let mut imports: Imports = modules
        .iter()
        .map(|module| (module.clone(), BTreeSet::new()))
        .collect();
    for file in files {
        let module = module_of(file);
        let text = tree.text(file).unwrap_or_default();
        let tokens: TokenStream = text
            .parse()
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut named = BTreeSet::new();
        let at_top = file
            .strip_prefix(&src)
            .is_some_and(|file| !file.contains('/'));
        after_root(tokens, at_top, &mut named);
        for name in named {
            let target = if modules.contains(&name) {
                Some(&name)
            } else {
                front.get(&name)
            };
            if let Some(target) = target.filter(|target| **target != module) {
                imports
                    .entry(module.clone())
                    .or_default()
                    .insert(target.clone());
            }
        }
    }
    imports
}

/// Collects each first name after `crate::`, also in braces and inside macros.
fn after_root(tokens: TokenStream, super_is_root: bool, named: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => after_root(group.stream(), super_is_root, named),
            TokenTree::Ident(ident) if ident == "crate" || (super_is_root && ident == "super") => {
                let colons = tokens[at + 1..].iter().take(2);
                let is_path = colons.filter(|token| token.to_string() == ":").count() == 2;
                match tokens.get(at + 3) {
                    Some(TokenTree::Ident(first)) if is_path => {
                        named.insert(first.to_string());
                    }
                    Some(TokenTree::Group(group)) if is_path => {
                        let mut first = true;
                        for token in group.stream() {
                            match token {
                                TokenTree::Ident(ident) if first => {
                                    named.insert(ident.to_string());
                                    first = false;
                                }
                                TokenTree::Punct(punct) => first = punct.as_char() == ',',
                                _ => {}
                            }
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// Which module the front door takes each of its names from.
fn reexports(lib: &str, modules: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let file = syn::parse_file(lib).unwrap_or_else(|error| panic!("lib.rs: {error}"));
    for item in file.items {
        if let syn::Item::Use(item) = item {
            leaves(&item.tree, None, modules, &mut names);
        }
    }
    names
}

fn leaves(
    tree: &syn::UseTree,
    module: Option<&str>,
    modules: &BTreeSet<String>,
    names: &mut BTreeMap<String, String>,
) {
    let mut leaf = |name: String| {
        if let Some(module) = module {
            names.insert(name, module.to_owned());
        }
    };
    match tree {
        syn::UseTree::Path(path) => {
            let name = path.ident.to_string();
            let module = module
                .map(str::to_owned)
                .or_else(|| modules.contains(&name).then_some(name));
            leaves(&path.tree, module.as_deref(), modules, names);
        }
        syn::UseTree::Name(name) => leaf(name.ident.to_string()),
        syn::UseTree::Rename(rename) => leaf(rename.rename.to_string()),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, module, modules, names);
            }
        }
        _ => {}
    }
}

/// Finds circles, each once, named from its alphabetically first module.
fn circles(imports: &Imports) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    for start in imports.keys() {
        // Only through modules that come later, so that no circle is found twice.
        if let Some(path) = way_back(imports, start) {
            found.push(path);
        }
    }
    found
}

/// The shortest way from a module back to itself, through later modules only.
fn way_back(imports: &Imports, start: &str) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in imports.get(way.last()?).into_iter().flatten() {
                let mut way = way.clone();
                way.push(next.clone());
                if next == start {
                    return Some(way);
                }
                if next.as_str() > start && seen.insert(next.clone()) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}
