//! What Python's originals answer, and what is answered here: the same.
//!
//! `tests/python/record.py` asked CPython 3.13, aioitertools 0.13 and aiostream 0.8;
//! its answers are in `tests/python/answers.txt`. The table of the crate's
//! documentation names every function of these libraries, and each row of it that
//! is ours is asked here.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use aio_itertools::adaptors::{
    accumulate, accumulate_from, batched, before_and_after, chain, chain_from_iterable, compress,
    cycle, dropwhile, filterfalse, groupby, islice, merge_sorted, pairwise, skip_last, starmap,
    take_last, take_while_inclusive, takewhile, tee, zip, zip_longest, zip_strict,
};
use aio_itertools::asyncio::{
    as_completed, as_generated, gather, gather_iter, merge, task_group, try_gather, wait, wait_for,
};
use aio_itertools::consumers::{
    counts, dict, eq, join, k_largest_by_key, k_smallest_by_key, list, max, max_by_key, min,
    min_by_key, nth, prod, reduce, set, sorted, sorted_by_key, sum,
};
use aio_itertools::sources::{
    combinations, combinations_with_replacement, count, iter, permutations, product, repeat,
};
use aio_itertools::{Stream, lag, next, prelude::*};

const ANSWERS: &str = include_str!("../python/answers.txt");

/// A value as JSON: what `Debug` prints, but for brackets.
fn json(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    text.replace('(', "[").replace(')', "]")
}

/// A stream of the letters of a word, each as a `&str`, which prints as JSON does.
fn letters(word: &'static str) -> impl Stream<Item = &'static str> + Unpin {
    iter(word.split("").filter(|letter| !letter.is_empty()))
}

fn pairs<const N: usize>(pairs: [(u32, u32); N]) -> impl Stream<Item = (u32, u32)> + Unpin {
    iter(pairs)
}

async fn later<T>(milliseconds: u64, value: T) -> T {
    // not a wait: the work itself, on the paused clock
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    value
}

fn less_than_five(n: &i32) -> bool {
    *n < 5
}

/// What is answered here, by the name and the case of Python's answer.
#[derive(Default)]
struct Ours(BTreeMap<String, String>);

impl Ours {
    fn add(&mut self, names: &[&str], case: &str, answer: &impl Debug) {
        for name in names {
            let asked = format!("{name} | {case}");
            let before = self.0.insert(asked.clone(), json(answer));
            assert_eq!(before, None, "{asked} is asked twice");
        }
    }
}

async fn itertools(ours: &mut Ours) {
    let numbers = list(accumulate(iter([1, 2, 3, 4, 5]), |a, b| a + b)).await;
    ours.add(&["itertools.accumulate"], "1 2 3 4 5", &numbers);
    let greatest = list(accumulate(iter([3, 4, 6, 2, 1, 9]), i32::max)).await;
    ours.add(&["itertools.accumulate"], "max", &greatest);
    let from = list(accumulate_from(iter([1, 2, 3]), 100, |a, b| a + b)).await;
    ours.add(&["itertools.accumulate"], "initial=100", &from);
    let none = list(accumulate(iter([0; 0]), |a, b| a + b)).await;
    ours.add(&["itertools.accumulate"], "empty", &none);
    let three = list(accumulate(iter([1, 2, 3]), |a, b| a + b)).await;
    let both = ["aioitertools.accumulate", "aiostream.accumulate"];
    ours.add(&both, "1 2 3", &three);

    let batches = list(batched(letters("ABCDEFG"), 3)).await;
    ours.add(&["itertools.batched"], "ABCDEFG 3", &batches);
    let strict = list(batched(letters("ABCDEFG"), 3).strict()).await;
    let error = strict.iter().any(Result::is_err).then_some("ValueError");
    ours.add(&["itertools.batched"], "ABCDEFG 3 strict", &error.unwrap());
    let batches = list(batched(letters("ABCD"), 3)).await;
    let all = [
        "aioitertools.batched",
        "aioitertools.chunked",
        "aiostream.chunks",
    ];
    ours.add(&all, "ABCD 3", &batches);

    let chained = list(chain([letters("ABC"), letters("DEF")])).await;
    ours.add(&["itertools.chain"], "ABC DEF", &chained);
    let chained = list(chain_from_iterable(iter([letters("ABC"), letters("DEF")]))).await;
    ours.add(&["itertools.chain.from_iterable"], "ABC DEF", &chained);
    let chained = list(chain([letters("AB"), letters("CD")])).await;
    ours.add(
        &["aioitertools.chain", "aiostream.chain"],
        "AB CD",
        &chained,
    );
    let chained = list(chain_from_iterable(iter([letters("AB"), letters("CD")]))).await;
    ours.add(&["aiostream.concat"], "AB CD", &chained);

    let two = list(combinations(letters("ABCD"), 2)).await;
    let both = ["itertools.combinations", "aioitertools.combinations"];
    ours.add(&both, "ABCD 2", &two);
    let none = list(combinations(letters("AB"), 3)).await;
    ours.add(&["itertools.combinations"], "AB 3", &none);
    let empty = list(combinations(letters("AB"), 0)).await;
    ours.add(&["itertools.combinations"], "AB 0", &empty);
    let two = list(combinations_with_replacement(letters("ABC"), 2)).await;
    ours.add(&["itertools.combinations_with_replacement"], "ABC 2", &two);
    let two = list(combinations_with_replacement(letters("AB"), 2)).await;
    ours.add(
        &["aioitertools.combinations_with_replacement"],
        "AB 2",
        &two,
    );
    let two = list(permutations(letters("ABCD"), 2)).await;
    ours.add(&["itertools.permutations"], "ABCD 2", &two);
    let all = list(permutations(iter(0..3), 3)).await;
    ours.add(&["itertools.permutations"], "012", &all);
    let all = list(permutations(letters("AB"), 2)).await;
    ours.add(&["aioitertools.permutations"], "AB", &all);
    let all = list(product((letters("ABCD"), letters("xy")))).await;
    ours.add(&["itertools.product"], "ABCD xy", &all);
    let all = list(product([iter(0..2), iter(0..2), iter(0..2)])).await;
    ours.add(&["itertools.product"], "01 repeat=3", &all);
    let none = list(product((letters("AB"), letters("")))).await;
    ours.add(&["itertools.product"], "one empty", &none);
    let all = list(product((letters("AB"), letters("xy")))).await;
    ours.add(&["aioitertools.product"], "AB xy", &all);

    fn selectors<const N: usize>(selectors: [i32; N]) -> impl Stream<Item = bool> + Unpin {
        iter(selectors.into_iter().map(|n| n == 1))
    }
    let some = list(compress(letters("ABCDEF"), selectors([1, 0, 1, 0, 1, 1]))).await;
    ours.add(&["itertools.compress"], "ABCDEF 1 0 1 0 1 1", &some);
    let some = list(compress(letters("ABCDEF"), selectors([1, 0]))).await;
    ours.add(&["itertools.compress"], "ABCDEF 1 0", &some);
    let some = list(compress(letters("ABCD"), selectors([1, 0, 1, 1]))).await;
    ours.add(&["aioitertools.compress"], "ABCD 1 0 1 1", &some);

    let numbers = list(islice(count(10), ..5)).await;
    ours.add(&["itertools.count"], "10", &numbers);
    let numbers = list(islice(count(2.5).step(0.5), ..3)).await;
    ours.add(&["itertools.count"], "2.5 0.5", &numbers);
    let numbers = list(islice(count(0).step(-3), ..3)).await;
    ours.add(&["itertools.count"], "0 -3", &numbers);
    let numbers = list(islice(count(5).step(2), ..3)).await;
    ours.add(&["aioitertools.count", "aiostream.count"], "5 2", &numbers);
    let again = list(islice(cycle(letters("ABCD")), ..10)).await;
    ours.add(&["itertools.cycle"], "ABCD", &again);
    let none = list(islice(cycle(letters("")), ..10)).await;
    ours.add(&["itertools.cycle"], "empty", &none);
    let again = list(islice(cycle(letters("AB")), ..5)).await;
    ours.add(&["aioitertools.cycle", "aiostream.cycle"], "AB", &again);
    let same = list(repeat(10).times(3)).await;
    ours.add(&["itertools.repeat"], "10 3", &same);
    let same = list(islice(repeat(10), ..2)).await;
    ours.add(&["itertools.repeat"], "10", &same);
    let same = list(repeat(7).times(3)).await;
    ours.add(&["aioitertools.repeat", "aiostream.repeat"], "7 3", &same);

    let rest = list(dropwhile(iter([1, 4, 6, 3, 8]), less_than_five)).await;
    ours.add(&["itertools.dropwhile"], "<5", &rest);
    let rest = list(dropwhile(iter([1, 6, 2]), less_than_five)).await;
    ours.add(
        &["aioitertools.dropwhile", "aiostream.dropwhile"],
        "<5",
        &rest,
    );
    let not = list(filterfalse(iter([1, 4, 6, 3, 8]), less_than_five)).await;
    ours.add(&["itertools.filterfalse"], "<5", &not);
    let not = list(filterfalse(iter([1, 6, 2]), less_than_five)).await;
    ours.add(&["aioitertools.filterfalse"], "<5", &not);
    let while_less = list(takewhile(iter([1, 4, 6, 3, 8]), less_than_five)).await;
    ours.add(&["itertools.takewhile"], "<5", &while_less);
    let while_less = list(takewhile(iter([1, 6, 2]), less_than_five)).await;
    let both = ["aioitertools.takewhile", "aiostream.takewhile"];
    ours.add(&both, "<5", &while_less);
    let until = list(take_while_inclusive(iter([1, 6, 2]), less_than_five)).await;
    ours.add(&["aiostream.until"], ">=5", &until);
    let (before, after) = before_and_after(iter([1, 2, 6, 3]), less_than_five);
    let halves = [list(before).await, list(after).await];
    ours.add(&["aioitertools.before_and_after"], "<5", &halves);

    let runs = list(groupby(letters("AAAABBBCCDAABBB"), |&letter| letter)).await;
    ours.add(&["itertools.groupby"], "AAAABBBCCDAABBB", &runs);
    let runs = list(groupby(letters("AABA"), |&letter| letter)).await;
    ours.add(&["aioitertools.groupby"], "AABA", &runs);
    let slice = list(islice(letters("ABCDEFG"), ..2)).await;
    ours.add(&["itertools.islice"], "ABCDEFG 2", &slice);
    let slice = list(islice(letters("ABCDEFG"), 2..4)).await;
    ours.add(&["itertools.islice"], "ABCDEFG 2 4", &slice);
    let slice = list(islice(letters("ABCDEFG"), 2..)).await;
    ours.add(&["itertools.islice"], "ABCDEFG 2 None", &slice);
    let slice = list(islice(letters("ABCDEFG"), ..).step(2)).await;
    ours.add(&["itertools.islice"], "ABCDEFG 0 None 2", &slice);
    let slice = list(islice(letters("ABCDEFG"), 3..3)).await;
    ours.add(&["itertools.islice"], "ABCDEFG 3 3", &slice);
    let slice = list(islice(letters("ABCDEFG"), 1..100).step(3)).await;
    ours.add(&["itertools.islice"], "ABCDEFG 1 100 3", &slice);
    let slice = list(islice(letters("ABCD"), 1..4).step(2)).await;
    ours.add(&["aioitertools.islice"], "ABCD 1 4 2", &slice);
    ours.add(&["aiostream.getitem"], "1:4:2", &slice);
    let numbers = list(islice(count(1).step(3), ..3)).await;
    ours.add(&["aiostream.range"], "1 8 3", &numbers);

    let neighbours = list(pairwise(letters("ABCDEFG"))).await;
    ours.add(&["itertools.pairwise"], "ABCDEFG", &neighbours);
    let none = list(pairwise(letters("A"))).await;
    ours.add(&["itertools.pairwise"], "A", &none);
    let powers = list(starmap(pairs([(2, 5), (3, 2), (10, 3)]), u32::pow)).await;
    ours.add(&["itertools.starmap"], "pow", &powers);
    let powers = list(starmap(pairs([(2, 5), (3, 2)]), u32::pow)).await;
    ours.add(
        &["aioitertools.starmap", "aiostream.starmap"],
        "pow",
        &powers,
    );
    let [a, b] = tee(letters("ABC"), lag::unbounded());
    let both = [list(a).await, list(b).await];
    ours.add(&["itertools.tee"], "ABC 2", &both);
    let [a, b] = tee(letters("AB"), lag::unbounded());
    ours.add(
        &["aioitertools.tee"],
        "AB 2",
        &[list(a).await, list(b).await],
    );

    let filled =
        |(a, b): (Option<&'static str>, Option<&'static str>)| (a.unwrap_or("-"), b.unwrap_or("-"));
    let longest = list(zip_longest((letters("ABCD"), letters("xy")))).await;
    let longest: Vec<_> = longest.into_iter().map(filled).collect();
    ours.add(&["itertools.zip_longest"], "ABCD xy -", &longest);
    let longest = list(zip_longest((letters("AB"), letters("x")))).await;
    let longest: Vec<_> = longest.into_iter().map(filled).collect();
    ours.add(&["aioitertools.zip_longest"], "AB x -", &longest);
    let last = list(take_last(letters("ABCD"), 3)).await;
    ours.add(&["aiostream.takelast"], "ABCD 3", &last);
    let but = list(skip_last(letters("ABCD"), 3)).await;
    ours.add(&["aiostream.skiplast"], "ABCD 3", &but);
}

async fn builtins(ours: &mut Ours) {
    let found = dict(iter([("a", 1), ("b", 2), ("a", 3)])).await;
    let found: BTreeMap<_, _> = found.into_iter().collect();
    ours.add(&["builtins.dict"], "pairs", &found);
    let all = list(letters("ABC")).await;
    ours.add(
        &[
            "builtins.list",
            "builtins.tuple",
            "builtins.iter",
            "builtins.aiter",
        ],
        "ABC",
        &all,
    );
    let all = list(letters("AB")).await;
    let names = [
        "aioitertools.list",
        "aioitertools.tuple",
        "aioitertools.iter",
        "aiostream.list",
        "aiostream.iterate",
    ];
    ours.add(&names, "AB", &all);
    let mut distinct: Vec<_> = set(letters("ABCA")).await.into_iter().collect();
    distinct.sort_unstable();
    ours.add(&["builtins.set", "builtins.frozenset"], "ABCA", &distinct);
    let mut distinct: Vec<_> = set(letters("ABA")).await.into_iter().collect();
    distinct.sort_unstable();
    ours.add(&["aioitertools.set"], "ABA", &distinct);

    let greatest = max(iter([1, 3, 2])).await.unwrap();
    ours.add(&["builtins.max"], "1 3 2", &greatest);
    let first_longest = max_by_key(iter(["aa", "b", "cc"]), |word| word.len()).await;
    let both = ["builtins.max", "aioitertools.max"];
    ours.add(&both, "ties by length", &first_longest.unwrap());
    let default = max(iter([0; 0])).await.unwrap_or(7);
    ours.add(&["builtins.max"], "default", &default);
    let least = min(iter([2, 1, 3])).await.unwrap();
    ours.add(&["builtins.min"], "2 1 3", &least);
    let first_shortest = min_by_key(iter(["aa", "b", "c"]), |word| word.len()).await;
    let both = ["builtins.min", "aioitertools.min"];
    ours.add(&both, "ties by length", &first_shortest.unwrap());
    let default = min(iter([0; 0])).await.unwrap_or(7);
    ours.add(&["builtins.min"], "default", &default);
    ours.add(
        &["builtins.sorted"],
        "3 1 2",
        &sorted(iter([3, 1, 2])).await,
    );
    let stable = sorted_by_key(iter(["bb", "a", "cc", "d"]), |word| word.len()).await;
    ours.add(&["builtins.sorted"], "stable by length", &stable);
    ours.add(&["builtins.sum"], "1 2 3", &sum(iter([1, 2, 3]), 0).await);
    ours.add(
        &["builtins.sum"],
        "start=10",
        &sum(iter([1, 2, 3]), 10).await,
    );
    ours.add(
        &["aioitertools.sum"],
        "start=10",
        &sum(iter([1, 2]), 10).await,
    );

    let zipped = list(zip((letters("ABC"), letters("xy")))).await;
    ours.add(&["builtins.zip"], "ABC xy", &zipped);
    let zipped = list(zip((letters("ABC"), letters("xyz"), iter([1, 2, 3])))).await;
    ours.add(&["builtins.zip"], "three", &zipped);
    let strict = list(zip_strict((letters("ABC"), letters("xy")))).await;
    let error = strict.iter().any(Result::is_err).then_some("ValueError");
    ours.add(&["builtins.zip"], "strict", &error.unwrap());
    let zipped = list(zip((letters("AB"), letters("xyz")))).await;
    ours.add(&["aioitertools.zip", "aiostream.zip"], "AB xyz", &zipped);
    let first = next(&mut letters("ABC")).await.unwrap();
    ours.add(&["builtins.next", "builtins.anext"], "ABC", &first);
    ours.add(
        &["aioitertools.next"],
        "AB",
        &nth(letters("AB"), 0).await.unwrap(),
    );

    let left = reduce(iter([10, 3, 2]), |a, b| a - b).await.unwrap();
    ours.add(&["functools.reduce", "aiostream.reduce"], "-", &left);
    ours.add(&["math.prod"], "2 3 4", &prod(iter([2, 3, 4]), 1).await);
    ours.add(&["math.prod"], "empty", &prod(iter([0; 0]), 1).await);
    let joined = join(iter(["a", "b", "c"]), ", ").await;
    ours.add(&["str.join"], "a b c", &joined);
    let counted: BTreeMap<_, _> = counts(letters("abca")).await.into_iter().collect();
    ours.add(&["collections.Counter"], "abca", &counted);
    let merged = merge_sorted([iter([1, 4, 7]), iter([2, 5, 8]), iter([3, 6, 9])]);
    ours.add(&["heapq.merge"], "three", &list(merged).await);
    let merged = merge_sorted([iter(["a", "ccc"]), iter(["bb", "ddd"])]);
    let merged = merged.by_key(|word: &&str| word.len());
    ours.add(&["heapq.merge"], "by length", &list(merged).await);
    let most = iter([3, 1, 4, 1, 5]).k_largest(2).await;
    ours.add(&["heapq.nlargest"], "2", &most);
    let most = k_largest_by_key(iter(["aa", "b", "cc", "dd"]), 2, |word| word.len()).await;
    ours.add(&["heapq.nlargest"], "ties by length", &most);
    let least = iter([3, 1, 4, 1, 5]).k_smallest(2).await;
    ours.add(&["heapq.nsmallest"], "2", &least);
    let least = k_smallest_by_key(iter(["aa", "b", "c", "d"]), 2, |word| word.len()).await;
    ours.add(&["heapq.nsmallest"], "ties by length", &least);
    assert!(eq(iter([1, 2]), iter([1, 2])).await);
}

async fn asyncio(ours: &mut Ours) {
    let slow_and_fast = || [later(20, "a"), later(10, "b")];
    let both = gather(slow_and_fast()).await;
    ours.add(&["asyncio.gather"], "in order", &both);
    let fallible = [Some("a"), None].map(async |found: Option<&str>| {
        let found = found.ok_or("ValueError")?;
        Ok::<_, &str>(later(10, found).await)
    });
    ours.add(
        &["asyncio.gather"],
        "fails",
        &try_gather(fallible).await.unwrap_err(),
    );
    let both = gather(slow_and_fast()).limit(1).await;
    ours.add(&["aioitertools.asyncio.gather"], "limit=1", &both);
    let both = gather_iter(iter(slow_and_fast())).await;
    ours.add(&["aioitertools.asyncio.gather_iter"], "in order", &both);
    let order = list(as_completed(slow_and_fast()).stream()).await;
    let names = ["asyncio.as_completed", "aioitertools.asyncio.as_completed"];
    ours.add(&names, "in time", &order);
    let streams =
        || [vec![1, 2], vec![3]].map(|numbers| iter(numbers.into_iter().map(Ok::<_, ()>)));
    let generated = list(as_generated(streams())).await;
    let mut generated: Vec<_> = generated.into_iter().map(Result::unwrap).collect();
    generated.sort_unstable();
    ours.add(&["aioitertools.asyncio.as_generated"], "all", &generated);
    let merged = sorted(merge([iter(vec![1, 2]), iter(vec![3])])).await;
    ours.add(&["aiostream.merge"], "all", &merged);

    let tasks = [0, 1, 2].map(|n| Box::pin(later(10 + 100 * n, n)));
    let (done, pending) = wait(tasks).first_completed().await;
    let done: Vec<_> = done.into_iter().map(|(_, output)| output).collect();
    ours.add(&["asyncio.wait"], "first", &(done, pending.len()));
    let (done, pending) = wait(pending).await;
    let done: Vec<_> = done.into_iter().map(|(_, output)| output).collect();
    ours.add(&["asyncio.wait"], "the rest", &(done, pending.len()));
    let second = Duration::from_secs(1);
    let in_time = wait_for(later(10, "a"), second).await.unwrap();
    ours.add(&["asyncio.wait_for"], "in time", &in_time);
    let late = wait_for(later(1000, "a"), Duration::from_millis(10)).await;
    ours.add(
        &["asyncio.wait_for"],
        "late",
        &late.map_err(|_| "TimeoutError").unwrap_err(),
    );

    let cancelled = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    struct Told(std::sync::Arc<std::sync::Mutex<Vec<&'static str>>>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.lock().unwrap().push("sibling");
        }
    }
    let told = Told(std::sync::Arc::clone(&cancelled));
    let failed = task_group()
        .with(async |group| -> Result<(), &'static str> {
            group.spawn(async move {
                let _told = told;
                std::future::pending::<Result<(), _>>().await
            });
            group.spawn(async { Err::<(), _>("no") });
            std::future::pending().await
        })
        .await
        .unwrap_err();
    let cancelled = cancelled.lock().unwrap().clone();
    ours.add(
        &["asyncio.TaskGroup"],
        "fails",
        &(failed.errors(), cancelled),
    );

    let double = |n: u64| later(n * 50, n * 2);
    let ordered = iter([3, 1, 2])
        .pipeline()
        .map_concurrent(8, double)
        .list()
        .await;
    ours.add(&["aiostream.map"], "ordered", &ordered);
    let unordered = iter([3, 1, 2])
        .pipeline()
        .map_concurrent(8, double)
        .unordered()
        .list()
        .await;
    ours.add(&["aiostream.amap"], "unordered", &unordered);
}

/// Python's answers: by the name and the case.
fn theirs() -> BTreeMap<String, String> {
    let answers = ANSWERS.lines().filter_map(|line| line.rsplit_once(" | "));
    answers
        .map(|(asked, answer)| (asked.to_owned(), answer.to_owned()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_answers_are_pythons() {
    let mut ours = Ours::default();
    itertools(&mut ours).await;
    builtins(&mut ours).await;
    asyncio(&mut ours).await;
    let theirs = theirs();
    for (asked, answer) in &theirs {
        let ours = ours.0.get(asked);
        assert_eq!(ours, Some(answer), "{asked}");
    }
    let unasked: Vec<_> = ours
        .0
        .keys()
        .filter(|ours| !theirs.contains_key(*ours))
        .collect();
    assert!(unasked.is_empty(), "{unasked:?}");
    println!("answers={}", theirs.len());
}

/// The rows of the table in the crate's documentation: names, what is here, the file.
fn table() -> Vec<[&'static str; 3]> {
    let lib = include_str!("../../src/lib.rs");
    let start = lib.find("//! | Python |").expect("the table");
    let rows = lib[start..].lines().skip(2);
    rows.map_while(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"))
        .map(|row| {
            let cells: Vec<_> = row.split(" | ").collect();
            cells.try_into().unwrap_or_else(|cells| panic!("{cells:?}"))
        })
        .collect()
}

/// The names in the first cell of a row, without their arguments.
fn names(cell: &str) -> Vec<String> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted
        .map(|name| name.split('(').next().unwrap_or(name).to_owned())
        .collect()
}

#[test]
fn the_table_names_every_function_and_every_row_of_ours_is_asked() {
    let asked = theirs();
    let table = table();
    let listed: Vec<String> = table
        .iter()
        .flat_map(|[python, ..]| names(python))
        .collect();
    for name in ANSWERS.lines().filter(|line| !line.contains(" | ")) {
        assert!(
            listed.iter().any(|listed| listed == name),
            "{name} is in no row"
        );
    }
    for [python, _, file] in table {
        let Some(file) = file
            .strip_prefix('`')
            .and_then(|file| file.strip_suffix('`'))
        else {
            continue; // somebody else's, or what Rust itself has
        };
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src")
            .join(file);
        assert!(path.exists(), "{file} of {python}");
        for name in names(python) {
            let is_asked = asked
                .keys()
                .any(|asked| asked.starts_with(&format!("{name} | ")));
            assert!(is_asked, "{name} is ours and isn't asked");
        }
    }
}
