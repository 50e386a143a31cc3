//! The rules of this repository that a machine can check.
//!
//! Each rule is one function from a tree to its complaints. It must accept the
//! repository, and reject its fixture with exactly the complaints named here:
//! what else the fixture holds shows what the rule accepts.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps says what it expects by failing there"
)]

mod dependencies;
mod docs;
mod file_names;
mod ignored;
mod imports;
mod length;
mod lints;
mod machine;
mod manifests;
mod public;
mod readmes;
mod results;
mod root_names;
mod siblings;
mod sleeps;
mod top_level;
mod tree;

use tree::Tree;

/// A rule: what it has to say about a tree, one complaint a line.
type Rule = fn(&Tree) -> Vec<String>;

fn accepts(rule: Rule) {
    let complaints = rule(&Tree::repository());
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn rejects(name: &str, rule: Rule, expected: &[&str]) {
    let complaints = rule(&Tree::fixture(name));
    for expected in expected {
        assert!(
            complaints.iter().any(|said| said.contains(expected)),
            "nothing says {expected:?} in\n{}\n",
            complaints.join("\n")
        );
    }
    for said in &complaints {
        assert!(
            expected.iter().any(|expected| said.contains(expected)),
            "the fixture is not that bad: {said}"
        );
    }
}

macro_rules! rules {
    ($($name:ident = $rule:path { $($complaint:literal),+ $(,)? })*) => {
        mod repository {
            $(#[test] fn $name() { crate::accepts($rule); })*
        }
        mod fixture {
            $(#[test] fn $name() { crate::rejects(stringify!($name), $rule, &[$($complaint),+]); })*
        }
    };
}

rules! {
    top_level = crate::top_level::check {
        "notes.txt does not belong at the top level",
        "README.md is missing at the top level",
    }
    file_names = crate::file_names::check {
        "aio-sqlite/src/utils.rs",
        "aio-sqlite/src/rows/mod.rs",
        "aio-sqlite/tests/it/common.rs",
    }
    docs = crate::docs::check {
        "Connection::silent has no `# Cancel safety`",
        "Connection::vague: `# Cancel safety` opens with \"Safe to drop\"",
        "Connection::unsaid_error has no `# Errors`",
        "Connection::query has no `# Cancel safety`",
        "Connection::later has no `# Cancel safety`",
        "Connection::named has no `# Cancel safety`",
        "Query is awaited and has no `# Cancel safety`",
        "open has no `# Errors`",
    }
    async_items = crate::docs::check_list {
        "Connection::forgotten is not in",
        "Connection::gone is no public async item",
        "Connection::untried: no test function untried",
        "Connection::untested: no test function cuts::untested",
        "line 5: not `Type::method — test`",
        "aio-files/tests/it/async_items.txt is missing",
    }
    manifests = crate::manifests::check {
        "aio-sqlite/Cargo.toml:6: `tokio` says no why",
        "aio-sqlite/Cargo.toml:12: `serde` says no why",
        "aio-sqlite/Cargo.toml:16: `[dev-dependencies.tempfile]` says no why",
        "Cargo.toml:5: `debug` says no why",
    }
    dependencies = crate::dependencies::check {
        "aio-sqlite has 7 direct dependencies, and may have 6: a, b, c, d, e, f, g",
        "aio-pool depends on aio-sqlite",
        "message-store depends on rusqlite",
    }
    readmes = crate::readmes::check {
        "aio-sqlite/CHANGELOG.md has no `## 0.2.0`",
        "aio-sqlite/README.md has no line `cargo add --path ../aio/aio-sqlite`",
        "README.md adds `../aio/aio-nothing`, which is no crate here",
        "aio-files/README.md is missing",
        "aio-files/CHANGELOG.md is missing",
        "aio-sqlite/README.md names version \"0.1\" of aio-sqlite, which is at 0.2.0",
    }
    results = crate::results::check {
        "aio-files/README.md differs from compare/results/table.md",
        "aio-itertools/README.md shows results, and compare/results/table.md is missing",
        "aio-pool/README.md does not show compare/results/table.md",
    }
    machine = crate::machine::check {
        "aio-sqlite/src/lib.rs:2:",
        "aio-sqlite/src/lib.rs:3:",
    }
    imports = crate::imports::check {
        "aio-round: modules import each other: alpha → beta → gamma → alpha",
        "aio-round: modules import each other: delta → epsilon → delta",
        "examples/round: modules import each other: back → forth → back",
    }
    siblings = crate::siblings::check {
        "adaptors/above.rs may not import adaptors/beta.rs, as `super::beta::Beta`",
        "adaptors/door.rs may not import adaptors/beta.rs, as `crate::Second`",
        "adaptors/inside/deeper.rs may not import adaptors/beta.rs, as `super::super::beta`",
        "adaptors/listed.rs may not import adaptors/beta.rs, as `crate::adaptors::Beta`",
        "adaptors/listed.rs may not import sources/spring.rs, as `crate::sources::spring`",
        "adaptors/macros.rs may not import consumers/sink.rs, as `crate::consumers::sink`",
        "adaptors/renamed.rs may not import adaptors/beta.rs, as `crate::adaptors::Renamed`",
        "consumers/sink.rs may not import all of adaptors, as `crate::adaptors`",
        "sources/spring.rs may not import all of sources, as `super`",
    }
    length = crate::length::check {
        "aio-sqlite/src/long.rs has 601 lines",
        "aio-itertools/src/trait_index.rs has 901 lines",
    }
    sleeps = crate::sleeps::check {
        "aio-sqlite/tests/it/main.rs:3:",
        "aio-sqlite/tests/it/main.rs:4:",
        "aio-sqlite/tests/it/main.rs:8:",
    }
    lints = crate::lints::check {
        "aio-sqlite/Cargo.toml does not inherit the lints",
    }
    ignored = crate::ignored::check {
        "messages.db is not ignored by git",
        "t.db is not ignored by git",
        "t.db-wal is not ignored by git",
        "t.db-shm is not ignored by git",
    }
    root_names = crate::root_names::check {
        "aio-sqlite has 19 public names at its root",
        "aio-files re-exports a whole module at its root",
    }
}

/// Layers bind a crate only once the table names them, so the fixture brings its own.
#[test]
fn fixture_layers() {
    rejects(
        "layers",
        imports::check_fixture_layers,
        &[
            "aio-files: low may not import high",
            "aio-files: module stray is in no layer",
        ],
    );
}
