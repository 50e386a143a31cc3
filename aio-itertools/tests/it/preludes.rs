//! No method of ours has a name that a popular trait has.
//!
//! A name in two imported traits is an error at the call, so the first part of
//! this file compiles only while every method of
//! [`AioItertools`](aio_itertools::AioItertools) can be called beside them. The
//! second part compares the names themselves, because a clash needn't show: a
//! method that takes `self` is found before one that takes `&mut self`, and would
//! silently be called in its place.
#![allow(
    unused_imports,
    reason = "a trait that is imported and not used is what may clash"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aio_itertools::{Stream, iter, lag, prelude::*};

fn numbers() -> impl Stream<Item = u32> + Unpin {
    iter(1..=5)
}

fn pairs() -> impl Stream<Item = (u32, u32)> + Unpin {
    iter([(2, 5), (3, 2)])
}

fn streams() -> impl Stream<Item = impl Stream<Item = u32>> + Unpin {
    iter([numbers(), numbers()])
}

fn odd(number: &u32) -> bool {
    number % 2 == 1
}

/// Nothing runs: that it compiles is the test.
fn called<T>(_: T) {}

/// Every method of the trait, in its order, a line for each; the tidy test
/// compares the list with the trait.
macro_rules! calls {
    () => {
        called(numbers().accumulate(|a, b| a + b));
        called(numbers().accumulate_from(1, |a, b| a + b));
        called(numbers().pairwise());
        called(numbers().windows::<3>());
        called(numbers().islice(1..3));
        called(numbers().compress(iter([true])));
        called(pairs().starmap(u32::pow));
        called(numbers().filterfalse(odd));
        called(numbers().takewhile(odd));
        called(numbers().dropwhile(odd));
        called(numbers().take_while_inclusive(odd));
        called(numbers().before_and_after(odd));
        called(numbers().batched(2));
        called(numbers().batched_weighted(9, |_| 1));
        #[cfg(feature = "time")]
        called(numbers().batched_within(2, std::time::Duration::ZERO));
        called(numbers().chunk_by(odd));
        called(numbers().dedup());
        called(numbers().dedup_by(u32::eq));
        called(numbers().dedup_by_key(odd));
        called(numbers().unique());
        called(numbers().unique_by_key(odd));
        called(numbers().coalesce(|a, b| Err((a, b))));
        called(numbers().interspersed(0));
        called(streams().joined(0));
        called(numbers().take_last(2));
        called(numbers().skip_last(2));
        called(numbers().with_position());
        called(numbers().default_if_empty(0));
        called(numbers().zip_strict(iter([1])));
        called(numbers().zip_longest(iter([1])));
        called(numbers().tee::<2, _>(lag::unbounded()));
        called(numbers().pipeline());
        #[cfg(feature = "spawn")]
        called(numbers().map_spawned(2, std::future::ready));
        #[cfg(feature = "spawn")]
        called(numbers().prefetch(2));
        called(numbers().min());
        called(numbers().min_by(u32::cmp));
        called(numbers().min_by_key(odd));
        called(numbers().max());
        called(numbers().max_by(u32::cmp));
        called(numbers().max_by_key(odd));
        called(numbers().minmax());
        called(numbers().minmax_by(u32::cmp));
        called(numbers().minmax_by_key(odd));
        called(numbers().sum(0));
        called(numbers().prod(1));
        called(numbers().reduce(|a, b| a + b));
        called(numbers().exactly_one());
        called(numbers().at_most_one());
        called(numbers().all_equal());
        called(numbers().is_sorted());
        called(numbers().is_sorted_by(u32::le));
        called(numbers().is_sorted_by_key(odd));
        called(numbers().list());
        called(numbers().set());
        called(pairs().dict());
        called(numbers().counts());
        called(numbers().counts_by_key(odd));
        called(pairs().group_map());
        called(numbers().group_map_by_key(odd));
        called(numbers().sorted());
        called(numbers().sorted_by(u32::cmp));
        called(numbers().sorted_by_key(odd));
        called(numbers().k_smallest(2));
        called(numbers().k_smallest_by(2, u32::cmp));
        called(numbers().k_smallest_by_key(2, odd));
        called(numbers().k_largest(2));
        called(numbers().k_largest_by(2, u32::cmp));
        called(numbers().k_largest_by_key(2, odd));
    };
}

mod beside_futures {
    use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _};

    use super::*;

    #[tokio::test]
    async fn every_method_is_called() {
        calls!();
        // Theirs can be called, too.
        let batches: Vec<_> = numbers().map(|n| n * 2).batched(2).collect().await;
        assert_eq!(batches, [vec![2, 4], vec![6, 8], vec![10]]);
        let fallible = iter([Ok(1), Err("late")]).batched(2).map(Ok::<_, ()>);
        let collected: Result<Vec<_>, ()> = fallible.try_collect().await;
        assert_eq!(collected, Ok(vec![vec![Ok(1), Err("late")]]));
        async {}.boxed().await;
    }
}

mod beside_tokio_stream {
    use tokio_stream::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn every_method_is_called() {
        calls!();
        let batches: Vec<_> = numbers().map(|n| n * 2).batched(3).collect().await;
        assert_eq!(batches, [vec![2, 4, 6], vec![8, 10]]);
    }
}

mod beside_futures_lite {
    use futures_lite::prelude::*;

    use super::*;

    #[test]
    fn every_method_is_called() {
        calls!();
        let batches = futures_lite::future::block_on(iter(1..=3).batched(2).collect::<Vec<_>>());
        assert_eq!(batches, [vec![1, 2], vec![3]]);
    }
}

mod beside_futures_concurrency {
    use futures_concurrency::prelude::*;

    use super::*;

    #[tokio::test]
    async fn every_method_is_called() {
        calls!();
        let mut both = (numbers(), numbers()).merge().batched(10);
        let batch = aio_itertools::next(&mut both).await;
        assert_eq!(batch.map(|batch| batch.len()), Some(10));
    }
}

mod beside_futures_time {
    use futures_time::prelude::*;

    use super::*;

    #[tokio::test]
    async fn every_method_is_called() {
        calls!();
        let day = futures_time::time::Duration::from_secs(24 * 3600);
        called(numbers().throttle(day).batched(2));
    }
}

mod beside_all_of_them_at_once {
    use futures_concurrency::prelude::*;
    use futures_lite::prelude::*;
    use futures_time::prelude::*;
    use futures_util::{
        FutureExt as _, StreamExt as Futures, TryFutureExt as _, TryStreamExt as _,
    };
    use tokio_stream::StreamExt as Tokio;

    use super::*;

    #[tokio::test]
    async fn every_method_is_called() {
        calls!();
        // A name of theirs must say whose it is; ours needn't.
        let source = Tokio::map(Futures::map(iter(1..=3), |n| n), |n| n);
        let mut batches = source.batched(2).strict();
        let batch = aio_itertools::next(&mut batches).await;
        assert_eq!(batch, Some(Ok(vec![1, 2])));
        let mut outputs = aio_itertools::gather([async { 1 }]).limit(1).stream();
        assert_eq!(outputs.next().await, Some((0, 1)));
    }
}

/// The crates whose traits may be in scope beside ours.
const NEIGHBOURS: [&str; 7] = [
    "futures-concurrency",
    "futures-core",
    "futures-lite",
    "futures-sink",
    "futures-time",
    "futures-util",
    "tokio-stream",
];

/// Traits that must be found with methods that they have: a reading that overlooks
/// them would find no clash either.
const KNOWN: [(&str, &str, &[&str]); 10] = [
    ("futures-concurrency", "Join", &["join"]),
    (
        "futures-concurrency",
        "StreamExt",
        &["merge", "zip", "chain", "co"],
    ),
    ("futures-core", "FusedStream", &["is_terminated"]),
    (
        "futures-lite",
        "StreamExt",
        &["nth", "last", "cycle", "find"],
    ),
    (
        "futures-time",
        "StreamExt",
        &["debounce", "sample", "throttle", "park"],
    ),
    (
        "futures-util",
        "FutureExt",
        &["map", "shared", "now_or_never"],
    ),
    ("futures-util", "SinkExt", &["feed", "fanout"]),
    (
        "futures-util",
        "StreamExt",
        &["chunks", "zip", "select_next_some"],
    ),
    ("futures-util", "TryStreamExt", &["try_collect", "map_ok"]),
    (
        "tokio-stream",
        "StreamExt",
        &["chunks_timeout", "throttle", "merge"],
    ),
];

/// Where cargo has unpacked a dependency, in the version that is locked.
fn unpacked(metadata: &str, package: &str) -> PathBuf {
    let found = metadata
        .split("\"manifest_path\":\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(path, _)| Path::new(path).parent().unwrap().to_owned())
        .find(|folder| {
            let name = folder.file_name().unwrap().to_string_lossy();
            name.strip_prefix(package)
                .and_then(|rest| rest.strip_prefix('-'))
                .is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
        });
    found.unwrap_or_else(|| panic!("cargo has not unpacked {package}"))
}

fn read_below(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_below(&path, texts);
        } else if path.extension().is_some_and(|end| end == "rs") {
            texts.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// The methods of every public trait in a source text, as rustfmt lays it out.
fn methods_by_trait(text: &str, traits: &mut BTreeMap<String, BTreeSet<String>>) {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let start = line.trim_start();
        let Some(declared) = start.strip_prefix("pub trait ") else {
            continue;
        };
        let methods = traits.entry(name_of(declared)).or_default();
        if start.contains('}') {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - start.len()]);
        for line in lines.by_ref().take_while(|line| *line != end) {
            let line = line.trim_start();
            let is_comment = line.starts_with("//");
            // Before it there may be `unsafe`, `async` or `const`.
            if let Some(at) = line.find("fn ").filter(|_| !is_comment) {
                methods.insert(name_of(&line[at + 3..]));
            }
        }
    }
}

fn name_of(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn run(command: &mut Command) -> String {
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The traits of all neighbours, each as `crate::Trait`, with their methods.
fn neighbours() -> BTreeMap<String, BTreeSet<String>> {
    // For this platform alone: what only others need may not be there.
    let about = run(Command::new("rustc").arg("-vV"));
    let platform = about.lines().find_map(|line| line.strip_prefix("host: "));
    let metadata = run(Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--format-version", "1"])
        .args(["--filter-platform", platform.unwrap()]));
    let mut all = BTreeMap::new();
    for package in NEIGHBOURS {
        let mut texts = Vec::new();
        read_below(&unpacked(&metadata, package).join("src"), &mut texts);
        let mut traits = BTreeMap::new();
        for text in &texts {
            methods_by_trait(text, &mut traits);
        }
        all.extend(
            traits
                .into_iter()
                .map(|(name, methods)| (format!("{package}::{name}"), methods)),
        );
    }
    for (package, name, methods) in KNOWN {
        let found = all.get(&format!("{package}::{name}"));
        let found = found.unwrap_or_else(|| panic!("{package} has no trait {name}"));
        for method in methods {
            assert!(
                found.contains(*method),
                "{name} of {package} has no {method}"
            );
        }
    }
    all
}

/// The methods of ours that a trait of a neighbour has as well.
fn clashes(ours: &[String], traits: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let clash = |(name, methods): (&String, &BTreeSet<String>)| {
        let both = ours.iter().filter(|method| methods.contains(*method));
        both.map(|method| format!("{name}::{method}"))
            .collect::<Vec<_>>()
    };
    traits.iter().flat_map(clash).collect()
}

/// std's `Iterator`, `Ord` and `PartialOrd` do share names with consumers of a
/// stream (`min`, `max`, `reduce`, `is_sorted` …), and that is wanted: a stream is
/// driven as an iterator is. It is no clash, because a method is looked for among
/// the traits that the type has. A stream is no iterator and has no order; for a
/// type that is both, the call says which is meant.
#[test]
fn no_name_is_another_traits() {
    let traits = neighbours();
    let ours = crate::tidy::methods_of_the_trait();
    assert!(ours.contains(&"batched".to_owned()));
    assert_eq!(clashes(&ours, &traits), Vec::<String>::new());
    let names: BTreeSet<_> = traits.values().flatten().collect();
    println!(
        "methods={} traits={} names={}",
        ours.len(),
        traits.len(),
        names.len()
    );
    // A clash is noticed, wherever it is.
    for (name, methods) in &traits {
        for method in methods {
            let clash = format!("{name}::{method}");
            assert!(clashes(std::slice::from_ref(method), &traits).contains(&clash));
        }
    }
}
