//! What the laws don't say about batches by weight, runs, separators and marks.

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aio_itertools::adaptors::{Position, groupby};
use aio_itertools::consumers::list;
use aio_itertools::{FusedStream, Stream, iter, next, prelude::*};
use futures_util::{StreamExt, stream};
use itertools::Itertools;

use crate::by_hand::poll_next_cut;
use crate::panics::panic_text;

/// Items that can be neither cloned, compared nor printed.
struct Opaque(u8);

fn opaque(values: &[u8]) -> impl Stream<Item = Opaque> + Unpin {
    let items: Vec<_> = values.iter().copied().map(Opaque).collect();
    iter(items)
}

/// The items, then a silence without end.
fn live<T>(items: Vec<T>) -> impl Stream<Item = T> + Unpin {
    stream::iter(items).chain(stream::pending())
}

/// What a stream gives before it is pending for the first time, or at its end.
fn ready_now<S: Stream + Unpin>(stream: &mut S) -> Vec<S::Item> {
    let poll = || match poll_next_cut(stream, Waker::noop()) {
        Poll::Ready(item) => item,
        Poll::Pending => None,
    };
    std::iter::from_fn(poll).collect()
}

#[test]
fn zero_is_refused_at_the_call_and_named() {
    let numbers = || iter([1]);
    for (name, message) in [
        (
            "the greatest weight",
            panic_text(|| numbers().batched_weighted(0, |_| 1)),
        ),
        (
            "the greatest length",
            panic_text(|| numbers().batched_weighted(1, |_| 1).max_len(0)),
        ),
        (
            "the greatest length",
            panic_text(|| numbers().chunk_by(|n| *n).max_len(0)),
        ),
        (
            "the number of keys",
            panic_text(|| numbers().unique().remember(0)),
        ),
        (
            "the number of items",
            panic_text(|| numbers().interspersed(0).every(0)),
        ),
    ] {
        assert_eq!(message, format!("{name} must be at least 1, got 0"));
    }
}

#[test]
fn a_batch_is_given_as_soon_as_it_weighs_enough() {
    let mut batches = live(vec![3, 2, 0, 4, 4]).batched_weighted(5, |n| *n);
    assert_eq!(ready_now(&mut batches), [vec![3, 2], vec![0, 4]]);
    // It didn't fit, and is the first of the next batch.
    assert_eq!(batches.into_parts().1, [4]);
}

#[test]
fn an_item_that_is_too_heavy_is_alone_and_not_held_up() {
    let mut batches = live(vec![1, 9, 1, 5]).batched_weighted(5, |n| *n);
    assert_eq!(ready_now(&mut batches), [[1], [9], [1], [5]]);
}

#[tokio::test]
async fn weights_at_the_end_of_usize_dont_wrap_around() {
    let weights = [usize::MAX, usize::MAX - 1, 1, 1, usize::MAX, 0];
    let batches = list(iter(weights).batched_weighted(usize::MAX, |weight| *weight)).await;
    let expected = [
        vec![usize::MAX],
        vec![usize::MAX - 1, 1],
        vec![1],
        vec![usize::MAX],
        vec![0],
    ];
    assert_eq!(batches, expected);
}

#[tokio::test]
async fn items_without_weight_are_one_batch() {
    let batches = list(iter([0; 100]).batched_weighted(1, |n| *n)).await;
    assert_eq!(batches, [[0; 100]]);
}

#[tokio::test]
async fn groupby_is_chunk_by_under_pythons_name() {
    let groups = list(groupby(iter("AAAABBBCCDAABBB".chars()), |&letter| letter)).await;
    let letters: String = groups.iter().map(|(letter, _)| *letter).collect();
    assert_eq!(letters, "ABCDAB");
    let groups: Vec<String> = groups
        .into_iter()
        .map(|(_, group)| group.into_iter().collect())
        .collect();
    assert_eq!(groups, ["AAAA", "BBB", "CC", "D", "AA", "BBB"]);
}

#[tokio::test]
async fn a_key_is_computed_once_an_item_and_neednt_be_cloned() {
    #[derive(PartialEq)]
    struct Key(u8);
    let calls = Cell::new(0);
    let runs = opaque(&[1, 1, 2]).chunk_by(|item| {
        calls.set(calls.get() + 1);
        Key(item.0)
    });
    let runs = list(runs).await;
    assert_eq!(
        runs.iter()
            .map(|(key, run)| (key.0, run.len()))
            .collect::<Vec<_>>(),
        [(1, 2), (2, 1)]
    );
    assert_eq!(calls.get(), 3);
}

#[tokio::test]
async fn a_key_that_isnt_equal_to_itself_makes_a_run_of_each_item() {
    assert_eq!(list(iter([f64::NAN; 3]).chunk_by(|n| *n)).await.len(), 3);
    assert_eq!(list(iter([f64::NAN; 3]).dedup()).await.len(), 3);
}

#[test]
fn a_run_without_end_comes_in_parts() {
    chaos::watchdog::closure("a run without end", || {
        let mut parts = iter(std::iter::repeat(7)).chunk_by(|n| *n).max_len(3);
        for _ in 0..3 {
            let part = poll_next_cut(&mut parts, Waker::noop());
            assert_eq!(part, Poll::Ready(Some((7, vec![7, 7, 7]))));
        }
        assert!(parts.into_parts().1.is_none());
        let weightless = iter(std::iter::repeat(0));
        let mut parts = weightless.batched_weighted(1, |n| *n).max_len(2);
        for _ in 0..3 {
            let part = poll_next_cut(&mut parts, Waker::noop());
            assert_eq!(part, Poll::Ready(Some(vec![0, 0])));
        }
    });
}

#[tokio::test]
async fn nothing_empty_comes_between_full_parts() {
    let parts = list(iter([1, 1, 2, 2]).chunk_by(|n| *n).max_len(2)).await;
    assert_eq!(parts, [(1, vec![1, 1]), (2, vec![2, 2])]);
    let whole = list(iter([1, 1]).chunk_by(|n| *n).max_len(usize::MAX)).await;
    assert_eq!(whole, [(1, vec![1, 1])]);
}

#[test]
fn a_key_whose_clone_panics_loses_no_item() {
    struct Key(Rc<Cell<bool>>);
    impl PartialEq for Key {
        fn eq(&self, _: &Key) -> bool {
            true
        }
    }
    impl Clone for Key {
        fn clone(&self) -> Self {
            assert!(!self.0.replace(false), "once");
            Key(Rc::clone(&self.0))
        }
    }
    let fuse = Rc::new(Cell::new(true));
    let mut parts = iter([1, 2, 3])
        .chunk_by(|_| Key(Rc::clone(&fuse)))
        .max_len(2);
    let poll = AssertUnwindSafe(|| poll_next_cut(&mut parts, Waker::noop()));
    assert!(catch_unwind(poll).is_err());
    let Poll::Ready(Some((_, part))) = poll_next_cut(&mut parts, Waker::noop()) else {
        panic!("the part is there");
    };
    assert_eq!(part, [1, 2]);
}

#[test]
fn the_first_of_a_run_comes_at_once_and_a_count_at_its_end() {
    let mut changes = live(vec![1, 1, 2]).dedup();
    assert_eq!(ready_now(&mut changes), [1, 2]);
    let mut runs = live(vec![1, 1, 2]).dedup().with_count();
    assert_eq!(ready_now(&mut runs), [(2, 1)]);
    assert_eq!(runs.into_parts().1, Some((1, 2)));
}

#[tokio::test]
async fn a_drift_is_measured_from_what_was_given() {
    let given = list(iter(0..10).dedup_by(|given, new| new - given < 3)).await;
    assert_eq!(given, [0, 3, 6, 9]);
    let runs = list(
        iter(0..10)
            .dedup_by(|given, new| new - given < 3)
            .with_count(),
    )
    .await;
    assert_eq!(runs, [(3, 0), (3, 3), (3, 6), (1, 9)]);
}

#[tokio::test]
async fn items_that_cant_be_cloned_have_keys_and_counts() {
    let given = list(opaque(&[1, 1, 2, 1]).dedup_by_key(|item| item.0)).await;
    assert_eq!(
        given.iter().map(|item| item.0).collect::<Vec<_>>(),
        [1, 2, 1]
    );
    let runs = list(opaque(&[1, 1, 2]).dedup_by(|a, b| a.0 == b.0).with_count()).await;
    assert_eq!(
        runs.iter()
            .map(|(n, item)| (*n, item.0))
            .collect::<Vec<_>>(),
        [(2, 1), (1, 2)]
    );
    let runs = list(opaque(&[1, 1, 2]).dedup_by_key(|item| item.0).with_count()).await;
    assert_eq!(runs.len(), 2);
    let firsts = list(opaque(&[1, 2, 1]).unique_by_key(|item| item.0).remember(5)).await;
    assert_eq!(firsts.len(), 2);

    #[derive(PartialEq)]
    struct Equal(u8);
    let runs = list(iter([Equal(1), Equal(1)]).dedup().with_count()).await;
    assert_eq!(runs.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn runs_are_those_of_itertools() {
    let values = [1, 1, 2, 3, 3, 3, 1, 2, 2];
    let counted: Vec<_> = values.into_iter().dedup_with_count().collect();
    assert_eq!(list(iter(values).dedup().with_count()).await, counted);
    let merge = |a: i32, b: i32| {
        if (a < 3) == (b < 3) {
            Ok(a + b)
        } else {
            Err((a, b))
        }
    };
    let merged: Vec<_> = values.into_iter().coalesce(merge).collect();
    assert_eq!(list(iter(values).coalesce(merge)).await, merged);
    let unique: Vec<_> = values.into_iter().unique().collect();
    assert_eq!(list(iter(values).unique()).await, unique);
}

#[tokio::test]
async fn what_coalesce_gives_back_neednt_be_what_it_got() {
    // The smaller one first: one pass of a bubble sort.
    let sorted = list(iter([3, 1, 2, 0]).coalesce(|a, b| Err((a.min(b), a.max(b))))).await;
    assert_eq!(sorted, [1, 2, 0, 3]);
}

#[tokio::test]
async fn a_key_is_forgotten_when_enough_others_were_given() {
    // A repetition that is dropped doesn't refresh its key.
    let letters = list(iter("ABABACA".chars()).unique().remember(2)).await;
    assert_eq!(String::from_iter(letters), "ABCA");
    let last = list(iter([1, 1, 2, 2, 1, 1]).unique().remember(1)).await;
    assert_eq!(last, [1, 2, 1]);
    let all_of_them = list(iter([1, 2, 1]).unique().remember(usize::MAX)).await;
    assert_eq!(all_of_them, [1, 2]);
    let many = list(
        iter((0..1000).chain(990..1000).chain(0..5))
            .unique()
            .remember(10),
    )
    .await;
    assert_eq!(many, (0..1000).chain(0..5).collect::<Vec<_>>());
}

#[test]
fn a_separator_waits_for_the_next_item() {
    let mut list = live(vec![1]).interspersed(0);
    assert_eq!(ready_now(&mut list), [1]);

    let mut list = iter([1, 2]).interspersed(0);
    for expected in [1, 0] {
        let given = poll_next_cut(&mut list, Waker::noop());
        assert_eq!(given, Poll::Ready(Some(expected)));
    }
    assert_eq!(list.into_parts().1, Some(2));
}

#[tokio::test]
async fn separators_stand_between_groups_and_never_at_an_end() {
    assert_eq!(list(iter([]).interspersed(0)).await, [0; 0]);
    assert_eq!(list(iter([1]).interspersed(0)).await, [1]);
    assert_eq!(
        list(iter(1..=4).interspersed(0).every(2)).await,
        [1, 2, 0, 3, 4]
    );
    assert_eq!(
        list(iter(1..=3).interspersed(0).every(usize::MAX)).await,
        [1, 2, 3]
    );
}

#[tokio::test]
async fn how_many_stand_between_separators_can_change_on_the_way() {
    let mut spaced = iter(1..=6).interspersed(0).every(5);
    for n in 1..=3 {
        assert_eq!(next(&mut spaced).await, Some(n));
    }
    let rest = spaced.every(2);
    assert_eq!(rest.size_hint(), (5, Some(5)));
    assert_eq!(list(rest).await, [0, 4, 5, 0, 6]);
}

#[test]
fn a_separator_whose_clone_panics_is_given_at_the_next_poll() {
    struct Fuse(u8, Rc<Cell<bool>>);
    impl Clone for Fuse {
        fn clone(&self) -> Self {
            assert!(!self.1.replace(false), "once");
            Fuse(self.0, Rc::clone(&self.1))
        }
    }
    let fuse = Rc::new(Cell::new(true));
    let item = |n| Fuse(n, Rc::clone(&fuse));
    let mut flat = iter([item(1), item(2)]).interspersed(item(0));
    let mut nested = iter([iter([item(1)]), iter([item(2)])]).joined(item(0));
    let mut polls: [&mut dyn FnMut() -> Poll<Option<Fuse>>; 2] =
        [&mut || poll_next_cut(&mut flat, Waker::noop()), &mut || {
            poll_next_cut(&mut nested, Waker::noop())
        }];
    for poll in &mut polls {
        fuse.set(true);
        let mut given = Vec::new();
        let mut panics = 0;
        loop {
            match catch_unwind(AssertUnwindSafe(&mut *poll)) {
                Ok(Poll::Ready(Some(item))) => given.push(item.0),
                Ok(_) => break,
                Err(_) => panics += 1,
            }
        }
        assert_eq!((given, panics), (vec![1, 0, 2], 1));
    }
}

#[tokio::test]
async fn joined_is_str_join() {
    for words in [
        vec![],
        vec![""],
        vec!["", ""],
        vec!["ab", "", "c"],
        vec!["", "a", "", ""],
    ] {
        let letters: Vec<_> = words.iter().map(|word| iter(word.chars())).collect();
        assert_eq!(
            String::from_iter(list(iter(letters).joined('-')).await),
            words.join("-")
        );
    }
}

#[test]
fn a_stream_that_isnt_there_yet_has_no_separator_yet() {
    let mut pages = live(vec![iter(vec![1])]).joined(0);
    assert_eq!(pages.size_hint(), (0, None));
    assert_eq!(ready_now(&mut pages), [1]);
    assert!(pages.into_parts().1.is_none());

    // Its separator was given: the stream is given back before its first item.
    let mut pages = iter([iter(vec![1]), iter(vec![2, 3])]).joined(0);
    for expected in [1, 0] {
        let given = poll_next_cut(&mut pages, Waker::noop());
        assert_eq!(given, Poll::Ready(Some(expected)));
    }
    let (_, current) = pages.into_parts();
    assert_eq!(current.unwrap().into_parts().unwrap().as_slice(), [2, 3]);
}

#[tokio::test]
async fn streams_that_must_be_pinned_are_joined() {
    let page = |numbers: Vec<u8>| {
        stream::iter(numbers).then(|number| async move {
            tokio::task::yield_now().await;
            number
        })
    };
    let pages = stream::iter([vec![1], vec![], vec![2, 3]]).map(page);
    assert_eq!(list(pages.joined(0)).await, [1, 0, 0, 2, 3]);
}

#[test]
fn a_stream_whose_drop_panics_is_not_polled_after_its_end() {
    struct Empty {
        ended: bool,
        fuse: Rc<Cell<bool>>,
    }
    impl Stream for Empty {
        type Item = u8;
        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u8>> {
            assert!(!std::mem::replace(&mut self.ended, true), "polled again");
            Poll::Ready(None)
        }
    }
    impl Drop for Empty {
        fn drop(&mut self) {
            assert!(!self.fuse.replace(false), "once");
        }
    }
    let fuse = Rc::new(Cell::new(true));
    let streams = [(), ()].map(|()| Empty {
        ended: false,
        fuse: Rc::clone(&fuse),
    });
    let mut joined = iter(streams).joined(0);
    let mut poll = || poll_next_cut(&mut joined, Waker::noop());
    assert!(catch_unwind(AssertUnwindSafe(&mut poll)).is_err());
    assert_eq!(poll(), Poll::Ready(Some(0)));
    assert_eq!(poll(), Poll::Ready(None));
}

#[test]
fn the_last_none_ends_at_once_and_polls_nothing() {
    let mut none = live(vec![1]).take_last(0);
    assert!(!none.is_terminated());
    assert_eq!(none.size_hint(), (0, Some(0)));
    assert_eq!(poll_next_cut(&mut none, Waker::noop()), Poll::Ready(None));
    assert!(none.is_terminated());
    let (mut source, held) = none.into_parts();
    assert_eq!(held, []);
    assert_eq!(ready_now(&mut source), [1]);
}

#[tokio::test]
async fn zero_and_the_end_of_usize_are_numbers_like_others_at_the_end() {
    assert_eq!(list(iter(0..3).take_last(usize::MAX)).await, [0, 1, 2]);
    assert_eq!(list(iter(0..3).skip_last(usize::MAX)).await, [0; 0]);
    assert_eq!(ready_now(&mut live(vec![1, 2]).skip_last(0)), [1, 2]);
    let mut waits = live(vec![1, 2]).skip_last(1);
    assert_eq!(ready_now(&mut waits), [1]);
    assert_eq!(waits.into_parts().1, [2]);
}

#[test]
fn a_position_is_known_when_the_next_item_is() {
    let mut items = live(vec!['a', 'b']).with_position();
    assert_eq!(ready_now(&mut items), [(Position::First, 'a')]);
    assert_eq!(items.into_parts().1, Some('b'));
}

#[tokio::test]
async fn a_default_is_given_once_and_handed_back_if_not_needed() {
    let mut found = iter([]).default_if_empty(7);
    assert_eq!(found.size_hint(), (1, Some(1)));
    assert_eq!(next(&mut found).await, Some(7));
    assert!(!found.is_terminated());
    assert_eq!(next(&mut found).await, None);
    assert!(found.is_terminated());
    assert_eq!(found.into_parts().1, None);

    let mut found = iter([1]).default_if_empty(7);
    assert_eq!(next(&mut found).await, Some(1));
    assert_eq!(found.into_parts().1, Some(7));
}

#[test]
fn a_bound_that_is_said_midway_leaves_the_size_hint_a_bracket() {
    let mut runs = live(vec![1; 5]).chunk_by(|n| *n);
    assert!(poll_next_cut(&mut runs, Waker::noop()).is_pending());
    let mut parts = runs.max_len(2);
    assert_eq!(parts.size_hint(), (1, Some(1)));
    assert_eq!(ready_now(&mut parts), [(1, vec![1; 5])]);

    let mut batches = live(vec![1; 5]).batched_weighted(10, |n| *n);
    assert!(poll_next_cut(&mut batches, Waker::noop()).is_pending());
    let mut batches = batches.max_len(2);
    assert_eq!(batches.size_hint(), (1, Some(1)));
    assert_eq!(ready_now(&mut batches), [vec![1; 5]]);
}

#[test]
fn size_hints_at_the_end_of_usize_stay_bounds() {
    /// Says the most that can be said, and gives items for ever.
    struct Most;
    impl Stream for Most {
        type Item = u8;
        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u8>> {
            Poll::Ready(Some(1))
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (usize::MAX, Some(usize::MAX))
        }
    }
    let no_bound = (usize::MAX, None);
    assert_eq!(Most.interspersed(0).size_hint(), no_bound);
    let every = Most.interspersed(0).every(usize::MAX);
    assert_eq!(every.size_hint(), (usize::MAX, Some(usize::MAX)));
    assert_eq!(Most.take_last(3).size_hint(), (3, Some(3)));
    assert_eq!(Most.skip_last(3).size_hint().0, usize::MAX - 3);
    assert_eq!(
        Most.with_position().size_hint(),
        (usize::MAX, Some(usize::MAX))
    );
    assert_eq!(Most.chunk_by(|n| *n).size_hint(), (1, Some(usize::MAX)));

    let mut begun = live(vec![1, 2]).chunk_by(|n| *n);
    assert_eq!(ready_now(&mut begun), [(1, vec![1])]);
    assert_eq!(begun.size_hint(), (1, Some(1)));
}

#[test]
fn what_is_held_neednt_be_printable() {
    #[derive(Debug)]
    struct Quiet;
    impl Stream for Quiet {
        type Item = Opaque;
        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Opaque>> {
            Poll::Pending
        }
    }
    let shown = |stream: &dyn Debug, name: &str| {
        let text = format!("{stream:?}");
        assert!(text.starts_with(&format!("{name} {{ stream")), "{text}");
    };
    let within = Duration::from_millis(1);
    shown(&Quiet.batched_weighted(1, |_| 1), "BatchedWeighted");
    shown(&Quiet.batched_within(1, within), "BatchedWithin");
    shown(&Quiet.chunk_by(|item| item.0), "ChunkBy");
    shown(&Quiet.coalesce(|a, b| Err((a, b))), "Coalesce");
    shown(&Quiet.dedup_by(|a, b| a.0 == b.0), "Dedup");
    let counted = Quiet.dedup_by_key(|item| item.0).with_count();
    shown(&counted, "DedupWithCount");
    shown(&Quiet.unique_by_key(|item| item.0), "Unique");
    shown(&Quiet.take_last(1), "TakeLast");
    shown(&Quiet.skip_last(1), "SkipLast");
    shown(&Quiet.with_position(), "WithPosition");
    shown(&Quiet.default_if_empty(Opaque(1)), "DefaultIfEmpty");
    shown(&iter([iter([1])]).joined(0), "Joined");
    shown(&iter([1]).interspersed(0), "Interspersed");
}
