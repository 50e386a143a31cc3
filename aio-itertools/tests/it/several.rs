//! What the laws don't say about several streams side by side or in a row.

use std::cell::Cell;
use std::task::{Poll, Waker};
use std::time::Duration;

use aio_itertools::adaptors::{chain_from_iterable, cycle, zip, zip_strict};
use aio_itertools::consumers::list;
use aio_itertools::{FusedStream, Stream, chain, count, iter, next, prelude::*, zip_longest};
use futures_util::StreamExt;
use futures_util::stream::{empty, once, pending};
use tokio::time::{Instant, sleep};

use crate::by_hand::poll_next_cut;

fn letters(text: &'static str) -> aio_itertools::sources::Iter<std::str::Chars<'static>> {
    iter(text.chars())
}

fn words(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|&part| part.to_owned()).collect()
}

#[tokio::test]
async fn the_examples_of_pythons_zips() {
    let rows = list(zip((iter(0..3), iter(["fee", "fi", "fo", "fum"])))).await;
    assert_eq!(rows, [(0, "fee"), (1, "fi"), (2, "fo")]);

    let rows = list(zip_longest((letters("ABCD"), letters("xy"))).fill('-')).await;
    let rows: Vec<String> = rows.into_iter().map(|(a, b)| format!("{a}{b}")).collect();
    assert_eq!(rows, words(&["Ax", "By", "C-", "D-"]));

    let mut strict = iter(0..3).zip_strict(iter(["fee", "fi", "fo", "fum"]));
    for expected in ["fee", "fi", "fo"] {
        assert_eq!(next(&mut strict).await.unwrap().unwrap().1, expected);
    }
    let error = next(&mut strict).await.unwrap().unwrap_err();
    assert_eq!((error.lane(), error.rounds()), (0, 3));
    assert_eq!(error.kept(), &(None, Some("fum")));
    assert!(!strict.is_terminated());
    assert_eq!(next(&mut strict).await, None);
    assert!(strict.is_terminated());
}

#[tokio::test]
async fn the_methods_are_the_functions() {
    let pairs = || (iter(0..3), iter(0..2));
    let (a, b) = pairs();
    assert_eq!(
        list(a.zip_longest(b)).await,
        list(zip_longest(pairs())).await
    );
    let (a, b) = pairs();
    assert_eq!(list(a.zip_strict(b)).await, list(zip_strict(pairs())).await);
}

#[tokio::test]
async fn borrowed_streams_go_on_after_the_adaptor() {
    let (mut numbers, mut letters) = (iter(0..5), letters("ab"));
    assert_eq!(list(zip((&mut letters, &mut numbers))).await.len(), 2);
    // The shorter stream was asked first, so nothing was taken in vain.
    assert_eq!(numbers.next().await, Some(2));
}

#[tokio::test]
async fn no_streams_give_nothing() {
    type Numbers = aio_itertools::sources::Iter<std::ops::Range<u8>>;
    let none = || Vec::<Numbers>::new();
    assert_eq!(zip(none()).size_hint(), (0, Some(0)));
    assert_eq!(list(zip(none())).await, [[0; 0]; 0]);
    assert_eq!(list(zip_strict(none())).await, []);
    assert_eq!(list(zip_longest(none())).await, [[None; 0]; 0]);
    assert_eq!(list(chain(none())).await, []);
    let arrays: [Numbers; 0] = [];
    assert_eq!(list(zip(arrays)).await.len(), 0);
}

#[tokio::test]
async fn a_tuple_may_have_eight_streams_of_different_kinds() {
    let eight = zip((
        iter(0..),
        iter([1_u8]),
        count(2_i64),
        letters("3"),
        once(async { "4" }).boxed(),
        cycle(iter([5.0])),
        iter([Some(6)]),
        iter([[7]]),
    ));
    let row = list(eight).await;
    assert_eq!(row, [(0, 1, 2, '3', "4", 5.0, Some(6), [7])]);
}

#[tokio::test(start_paused = true)]
async fn a_round_takes_as_long_as_its_slowest_stream() {
    let after = |seconds: u64| {
        iter(0..3).then(move |n| async move {
            sleep(Duration::from_secs(seconds)).await; // not a wait: the clock is paused
            n
        })
    };
    for rounds in [
        list(zip((after(1), after(5), after(3)))).await.len(),
        list(zip_strict((after(1), after(5), after(3)))).await.len(),
        list(zip_longest([after(1), after(5)])).await.len(),
    ] {
        assert_eq!(rounds, 3);
    }
    let start = Instant::now();
    list(zip((after(1), after(5), after(3)))).await;
    assert_eq!(start.elapsed().as_secs(), 15);
}

#[test]
fn zip_ends_as_soon_as_one_stream_has_ended() {
    // The stream before it never answers, and the one after it isn't asked.
    let asked = Cell::new(false);
    let unasked = futures_util::stream::poll_fn(|_| {
        asked.set(true);
        Poll::Ready(Some(()))
    });
    let mut rows = zip((pending::<()>(), empty::<()>(), unasked));
    assert_eq!(poll_next_cut(&mut rows, Waker::noop()), Poll::Ready(None));
    assert!(!asked.get());
}

#[test]
fn zip_strict_fails_as_soon_as_lengths_must_differ() {
    let mut rows = zip_strict((pending::<()>(), empty::<()>(), iter([3])));
    let Poll::Ready(Some(Err(error))) = poll_next_cut(&mut rows, Waker::noop()) else {
        panic!("one has ended and another has not");
    };
    assert_eq!((error.lane(), error.rounds()), (1, 0));
    assert_eq!(
        error.to_string(),
        "stream 1 ended before another; complete rounds: 0"
    );
    assert_eq!(format!("{error:?}"), "ZipError { lane: 1, rounds: 0, .. }");
    assert_eq!(error.into_kept(), (None, None, Some(3)));
    let end = poll_next_cut(&mut rows, Waker::noop());
    assert!(matches!(end, Poll::Ready(None)) && rows.is_terminated());
    // What waits may still be at its end, too.
    let mut rows = zip_strict((pending::<()>(), empty::<()>()));
    assert_eq!(poll_next_cut(&mut rows, Waker::noop()), Poll::Pending);
}

#[tokio::test]
async fn zip_strict_of_a_list_hands_over_the_round_as_a_list() {
    let mut rows = zip_strict([iter(0..2), iter(0..1), iter(0..1)]);
    assert_eq!(next(&mut rows).await, Some(Ok(vec![0, 0, 0])));
    assert_eq!(rows.size_hint(), (1, Some(1)));
    let error = next(&mut rows).await.unwrap().unwrap_err();
    assert_eq!((error.lane(), error.rounds()), (1, 1));
    assert_eq!(error.into_kept(), [Some(1), None, None]);
    assert_eq!(rows.size_hint(), (0, Some(0)));
    fn is_an_error<E: std::error::Error + Send + Sync + 'static>() {}
    is_an_error::<aio_itertools::adaptors::ZipError<Vec<Option<u8>>>>();
}

#[test]
fn size_hints_at_the_end_of_usize_stay_bounds() {
    let endless = || iter(std::iter::repeat(()));
    assert_eq!(zip((endless(), endless())).size_hint(), (usize::MAX, None));
    assert_eq!(zip((endless(), iter([1]))).size_hint(), (1, Some(1)));
    assert_eq!(zip_strict((endless(), iter([1]))).size_hint(), (2, Some(2)));
    assert_eq!(
        zip_longest((endless(), iter([1]))).size_hint(),
        (usize::MAX, None)
    );
    assert_eq!(cycle(endless()).size_hint(), (usize::MAX, None));
    assert_eq!(cycle(iter(0..0)).size_hint(), (0, Some(0)));
    assert_eq!(chain([iter(0..3)]).size_hint(), (0, None));
}

#[tokio::test]
async fn the_examples_of_pythons_chain_and_cycle() {
    let chained: String = list(chain([letters("ABC"), letters("DEF")]))
        .await
        .into_iter()
        .collect();
    assert_eq!(chained, "ABCDEF");
    let streams = iter([letters("ABC"), letters("DEF")]);
    let chained: String = list(chain_from_iterable(streams))
        .await
        .into_iter()
        .collect();
    assert_eq!(chained, "ABCDEF");
    let cycled: String = list(cycle(letters("ABCD")).take(10))
        .await
        .into_iter()
        .collect();
    assert_eq!(cycled, "ABCDABCDAB");
}

#[tokio::test]
async fn chain_takes_each_stream_when_its_turn_comes() {
    let taken = Cell::new(0);
    let streams = (1..=3).map(|n| {
        taken.set(n);
        iter([n])
    });
    let mut chained = chain(streams);
    assert_eq!(taken.get(), 0);
    assert_eq!(next(&mut chained).await, Some(1));
    assert_eq!(taken.get(), 1);
    assert_eq!(next(&mut chained).await, Some(2));
    assert_eq!(taken.get(), 2);
    // An endless iterator of streams is fine.
    let mut endless = chain((0..).map(|n| iter(n..n + 1)));
    for n in 0..1000 {
        assert_eq!(next(&mut endless).await, Some(n));
    }
}

#[tokio::test(start_paused = true)]
async fn chain_from_iterable_waits_for_each_stream() {
    let pages = iter(1..=3).then(|page| async move {
        sleep(Duration::from_secs(1)).await; // not a wait: the clock is paused
        iter(vec![page; page])
    });
    let start = Instant::now();
    let mut items = std::pin::pin!(chain_from_iterable(pages));
    assert_eq!(next(&mut items).await, Some(1));
    assert_eq!(start.elapsed().as_secs(), 1);
    assert_eq!(next(&mut items).await, Some(2));
    assert_eq!(next(&mut items).await, Some(2));
    assert_eq!(start.elapsed().as_secs(), 2);
    assert_eq!(list(items).await, [3, 3, 3]);
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn cycle_of_nothing_ends_at_once() {
    let mut nothing = cycle(iter(0..0));
    assert_eq!(next(&mut nothing).await, None);
    assert!(nothing.is_terminated());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_around_an_endless_cycle_fires() {
    let endless = async {
        let mut numbers = cycle(futures_util::stream::iter(0..3));
        while next(&mut numbers).await.is_some() {}
    };
    let run = tokio::time::timeout(Duration::from_secs(1), endless);
    let run = chaos::watchdog::future("a timeout around an endless cycle", run);
    // Time stands still while the loop is ready, so another task moves it.
    let clock = tokio::spawn(tokio::time::advance(Duration::from_secs(2)));
    assert!(run.await.is_err());
    clock.await.unwrap();
}

#[test]
fn a_copy_that_panics_is_made_again() {
    struct Brittle<'a>(&'a Cell<bool>, u8);
    impl Clone for Brittle<'_> {
        fn clone(&self) -> Self {
            if self.0.replace(false) {
                std::panic::resume_unwind(Box::new("in a copy"));
            }
            Self(self.0, self.1)
        }
    }
    let breaks = Cell::new(true);
    let mut cycled = cycle(iter([1, 2].map(|n| Brittle(&breaks, n))));
    let mut give = || {
        let poll = std::panic::AssertUnwindSafe(|| poll_next_cut(&mut cycled, Waker::noop()));
        std::panic::catch_unwind(poll).map(|polled| polled.map(|item| item.map(|item| item.1)))
    };
    assert!(give().is_err());
    assert_eq!(give().unwrap(), Poll::Ready(Some(1)));
    assert_eq!(give().unwrap(), Poll::Ready(Some(2)));
    breaks.set(true);
    assert!(give().is_err());
    assert_eq!(give().unwrap(), Poll::Ready(Some(1)));
}

#[test]
fn debug_needs_nothing_of_the_items() {
    struct Silent;
    let silent = || iter(0..1).map(|_| Silent);
    assert!(format!("{:?}", zip((silent(), silent()))).starts_with("Zip { lanes: Two {"));
    assert!(format!("{:?}", zip_strict([silent()])).starts_with("ZipStrict { lanes: Many("));
    assert!(format!("{:?}", zip_longest((silent(), silent()))).contains("ready: false"));
    assert!(format!("{:?}", chain([silent()])).starts_with("Chain {"));
}
