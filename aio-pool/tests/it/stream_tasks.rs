//! The stream tasks that the tests call.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use aio_pool::streams::StreamTask;
use aio_pool::{Context, Never, register, task};
use futures_core::Stream;
use futures_util::stream;

use crate::forge::{framed, own_socket};
use crate::line;
use crate::tasks::{Bulk, Overflow, Picky};

task! {
    /// Numbers, from one to below another.
    pub(crate) fn numbers(from: u32, to: u32) -> impl Stream<Item = u32> {
        stream::iter(from..to)
    }
}

task! {
    pub(crate) fn nested(n: Vec<Option<u8>>) -> impl futures_core::Stream<Item = Vec<Option<u8>>> + Send {
        stream::once(async { n })
    }
}

task! {
    /// Three angle brackets at the end are two tokens.
    pub(crate) fn fails_with_a_list(n: u8) -> impl Stream<Item = Result<u8, Vec<u8>>> {
        stream::iter([Ok(n), Err(vec![n])])
    }
}

task! {
    /// And four are two again.
    pub(crate) fn fails_with_a_list_of_lists() -> impl Stream<Item = Result<(), Vec<Vec<u8>>>> + Send {
        stream::iter([Err(vec![vec![7]])])
    }
}

task! {
    /// Behind the overflow is what nobody must see.
    pub(crate) fn counts_to_overflow(cx: Context, from: u8,) -> impl Stream<Item = Result<u8, Overflow>> {
        assert_eq!(cx.place(), 0);
        let end = [Err(Overflow { at: 256 }), Ok(0), Err(Overflow { at: 0 })];
        stream::iter((from..=u8::MAX).map(Ok).chain(end))
    }
}

/// By hand, with a name of its own.
pub(crate) enum Letters {}

impl StreamTask for Letters {
    const NAME: &'static str = "tests/letters";
    type Input = String;
    type Item = char;
    type Error = Never;

    fn run(_: Context, word: String) -> impl Stream<Item = Result<char, Never>> + Send {
        stream::iter(word.chars().map(Ok).collect::<Vec<_>>())
    }
}

register!(Letters);

/// Nobody registered it.
pub(crate) enum Stranger {}

impl StreamTask for Stranger {
    const NAME: &'static str = "tests/strange-stream";
    type Input = ();
    type Item = ();
    type Error = Never;

    fn run(_: Context, (): ()) -> impl Stream<Item = Result<(), Never>> + Send {
        stream::empty()
    }
}

task! {
    pub(crate) fn panics_behind(items: u32) -> impl Stream<Item = u32> {
        stream::iter((0..=items).inspect(move |&n| assert!(n < items, "no more milk")))
    }
}

/// How many items this process has made.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Counts what it makes, for ever.
fn counted() -> impl Iterator<Item = u64> {
    std::iter::repeat_with(|| MADE.fetch_add(1, Ordering::Relaxed))
}

task! {
    pub(crate) fn endless(line: String) -> impl Stream<Item = u64> {
        let line = line::call(&line);
        stream::iter(counted().inspect(move |_| {
            let _held = &line;
        }))
    }
}

task! {
    pub(crate) async fn made() -> u64 {
        MADE.load(Ordering::Relaxed)
    }
}

task! {
    pub(crate) fn large(bytes: usize) -> impl Stream<Item = Bulk> {
        stream::repeat_with(move || Bulk(bytes))
    }
}

task! {
    /// The most memory that this process has had, in KiB.
    pub(crate) async fn peak_memory() -> u64 {
        crate::deeds::peak() >> 10
    }
}

task! {
    /// Some items, and then none for ever.
    pub(crate) fn stalls_behind(items: u32, line: String) -> impl Stream<Item = u32> {
        let line = line::call(&line);
        let mut made = 0..items;
        stream::poll_fn(move |_| {
            let _held = &line;
            made.next().map_or(Poll::Pending, |n| Poll::Ready(Some(n)))
        })
    }
}

task! {
    pub(crate) fn dies_behind(items: u32) -> impl Stream<Item = u32> {
        stream::iter((0..=items).inspect(move |&n| {
            if n == items {
                std::process::abort();
            }
        }))
    }
}

task! {
    pub(crate) fn picky_items(last: bool) -> impl Stream<Item = Picky> {
        let last = if last { Picky::NotWritten } else { Picky::NotRead };
        stream::iter([Picky::Fine, last, Picky::Fine])
    }
}

task! {
    pub(crate) fn unreadable(line: String) -> impl Stream<Item = Picky> {
        let line = line::call(&line);
        stream::repeat_with(move || {
            let _held = &line;
            Picky::NotRead
        })
    }
}

task! {
    pub(crate) fn take_picky(picky: Picky) -> impl Stream<Item = u32> {
        let _ = picky;
        stream::iter([1])
    }
}

task! {
    /// Says so often that there is an item, and never that there is an end.
    pub(crate) fn overruns(call: u8, items: usize) -> impl Stream<Item = u32> {
        let frames = item(call).repeat(items);
        own_socket().write_all(&frames).expect("a parent that reads");
        stream::pending()
    }
}

/// `Up::Item { call }` with the item 7, as it is on the wire.
pub(crate) fn item(call: u8) -> Vec<u8> {
    framed(&[4, call, 7])
}
