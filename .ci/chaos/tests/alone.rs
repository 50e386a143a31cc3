//! Each crate alone: a new package outside the workspace that follows the crate's README.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps says what it expects by failing there"
)]

use std::fs;
use std::path::Path;

use chaos::package::{Package, root};

/// The text of the first fenced block of a kind after a heading, or from the start.
fn first_block<'a>(text: &'a str, kind: &str, after: Option<&str>) -> Option<&'a str> {
    let text = match after {
        Some(heading) => &text[text.find(&format!("\n{heading}\n"))?..],
        None => text,
    };
    let fence = format!("\n```{kind}\n");
    let start = text.find(&fence)? + fence.len();
    let length = text[start..].find("\n```")?;
    Some(&text[start..start + length])
}

/// Makes a package of a program and its dependencies.
fn package_of(name: &str, main: &str) -> Package {
    let package = Package::new(name, env!("CARGO_TARGET_TMPDIR"));
    package.write("src/main.rs", main);
    package
}

/// Does what the README says, and returns what its first example prints.
fn follow(name: &str, readme: &str) -> String {
    let add = first_block(readme, "sh", Some("## Add it")).expect("a `sh` block under `## Add it`");
    let main = first_block(readme, "rust", None).expect("a `rust` block");
    let package = package_of(name, main);
    let mut added = 0;
    for line in add.lines().filter(|line| line.starts_with("cargo add ")) {
        package.sh(line);
        added += 1;
    }
    assert!(added > 0, "no `cargo add` line in\n{add}");
    let resolved = package.sh("cargo tree --prefix none -e normal");
    for other in ["aio-sqlite", "aio-files", "aio-itertools", "aio-pool"] {
        let there = resolved
            .lines()
            .any(|line| line.starts_with(&format!("{other} ")));
        assert_eq!(there, other == name, "{other} in\n{resolved}");
    }
    package.sh("cargo run -q")
}

fn alone(name: &str) {
    let readme = fs::read_to_string(root().join(name).join("README.md")).unwrap();
    let printed = follow(name, &readme);
    assert!(
        !printed.trim().is_empty(),
        "the first example of {name} prints nothing"
    );
    println!("{printed}");
}

#[test]
fn aio_sqlite() {
    alone("aio-sqlite");
}

#[test]
fn aio_files() {
    alone("aio-files");
}

#[test]
fn aio_itertools() {
    alone("aio-itertools");
}

#[test]
fn aio_pool() {
    alone("aio-pool");
}

/// What a program without tokio does with aio-itertools.
const WITHOUT_A_RUNTIME: &str = r#"
use aio_itertools::{gather, iter, lag, next, prelude::*};

fn main() {
    futures_lite::future::block_on(async {
        let mut batches = iter(1..=1000).batched(400);
        while let Some(batch) = next(&mut batches).await {
            println!("batch of {}", batch.len());
        }
        let squares = gather((1..=4).map(|n| async move { n * n })).limit(2).await;
        println!("squares {squares:?}");
        let [mut left, mut right] = iter("ab".chars()).tee(lag::unbounded());
        while let Some(letter) = next(&mut left).await {
            println!("{letter} {:?}", next(&mut right).await);
        }
        let doubled = iter(1..=3).pipeline().map_concurrent(2, async |n| n * 2).list().await;
        println!("doubled {doubled:?}");
        // Without tokio's budget a count of its own lets the neighbour run.
        let endless = async {
            iter(std::iter::repeat(1)).filterfalse(|_| true).list().await;
            "nobody"
        };
        let neighbour = async {
            for _ in 0..3 {
                futures_lite::future::yield_now().await;
            }
            "the neighbour"
        };
        println!("{} ran", futures_lite::future::or(endless, neighbour).await);
    });
}
"#;

/// Without its default features aio-itertools brings no runtime, and runs on any.
#[test]
fn aio_itertools_without_a_runtime() {
    let has_tokio = |package: &Package| {
        let tree = package.sh("cargo tree --prefix none -e normal");
        assert!(tree.contains("aio-itertools "), "{tree}");
        tree.lines().any(|line| line.starts_with("tokio"))
    };
    let package = package_of("no-runtime", WITHOUT_A_RUNTIME);
    package.sh("cargo add -q futures-lite@2.6");
    package.sh("cargo add -q --path ../aio/aio-itertools --no-default-features");
    assert!(!has_tokio(&package));
    let printed = package.sh("cargo run -q");
    let expected = [
        "batch of 400",
        "batch of 400",
        "batch of 200",
        "squares [1, 4, 9, 16]",
        "a Some('a')",
        "b Some('b')",
        "doubled [2, 4, 6]",
        "the neighbour ran",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    // With them it would be noticed.
    package.sh("cargo add -q --path ../aio/aio-itertools --default-features");
    assert!(has_tokio(&package));
}

/// A README whose example does not compile, or whose line adds another crate, is caught.
#[test]
fn a_readme_that_does_not_work_is_caught() {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/alone/README.md"))
            .unwrap();
    let caught = |readme: String| {
        let panic = std::panic::catch_unwind(move || follow("aio-itertools", &readme)).unwrap_err();
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    let said = caught(readme.clone());
    assert!(said.contains("no_such_function"), "{said}");
    let said = caught(readme.replace("aio/aio-itertools", "aio/aio-files"));
    assert!(
        said.contains("aio-sqlite in") || said.contains("aio-files in"),
        "{said}"
    );
    let said = caught(readme.replace("aio/aio-itertools", "aio/aio-nothing"));
    assert!(
        said.contains("`cargo add --path ../aio/aio-nothing` ends with"),
        "{said}"
    );
}
