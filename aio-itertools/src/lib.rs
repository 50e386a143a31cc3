//! What itertools is to iterators, for asynchronous streams.
//!
//! All of Python's itertools, aioitertools' asyncio and the concurrency of
//! aiostream over [`Stream`], losing nothing when it is cancelled. It works beside
//! `futures::StreamExt` and `tokio_stream::StreamExt`: no method here has a name
//! that one of them has.
//!
//! ```
//! use aio_itertools::{gather, iter, prelude::*};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // Await: at most two futures at once, every output, in the order of the input.
//! let squares = gather((1..=5).map(|n| async move { n * n })).limit(2).await;
//! assert_eq!(squares, [1, 4, 9, 16, 25]);
//!
//! // Iterate: running totals, in batches of two, the last one shorter.
//! let batches = iter(squares).accumulate(|a, b| a + b).batched(2);
//! assert_eq!(batches.list().await, [vec![1, 5], vec![14, 30], vec![55]]);
//!
//! // Enter: no task outlives the group, and the first failure cancels the others.
//! # #[cfg(feature = "spawn")]
//! let total = aio_itertools::task_group()
//!     .with(async |group| -> Result<u32, std::num::ParseIntError> {
//!         group.spawn(async { "17".parse::<u32>() });
//!         group.spawn(async { "4".parse::<u32>() });
//!         Ok(21)
//!     })
//!     .await;
//! # #[cfg(feature = "spawn")]
//! assert_eq!(total.unwrap(), 21);
//! # }
//! ```
//!
//! # What is in it
//!
//! - [`AioItertools`], the one extension trait: every adaptor and consumer is a
//!   method of it, but for names that a popular extension trait has. Each is a
//!   free function as well, with Python's argument order:
//!   [`adaptors`], [`sources`], [`consumers`].
//! - [`iter`](fn@iter), [`count`] and others make streams; [`next`](fn@next) takes one
//!   item of any.
//! - [`gather`], [`as_completed`], [`wait`] and the rest of [`asyncio`] run many
//!   futures at once; [`task_group`] is a guard that no task outlives.
//! - [`pipeline`] and [`map_spawned`](AioItertools::map_spawned) do concurrent work
//!   that goes on while its consumer is busy.
//! - [`merge_sorted`] is `heapq.merge`, and [`tee`](AioItertools::tee) gives a stream
//!   to several readers, with a policy of [`lag`] for the slow one.
//! - `testing` has marble strings on the paused clock, behind the feature of that name.
//!
//! Each operator's page has a **contract card**: what dropping it does, which work it
//! keeps in flight and who polls that, its memory, fairness, end, size hint, errors
//! and runtime. The laws in this crate's tests check what the cards say.
//!
//! # Work that snoozes
//!
//! A stream that holds futures can poll them only while it is polled itself. While
//! the body of a `while let` loop awaits something else, they stand still, with all
//! that they hold: if that something is a lock that one of them waits for, both
//! wait for ever. That is so of `buffered`, `merge` and their like in every crate,
//! and of the `.stream()` of [`gather`] here; a card says *snoozes* where it holds.
//! What must not snooze runs in a [`pipeline`], whose sink polls every stage, or on
//! tasks: `map_spawned`, `prefetch`, `task_group`, `.spawned()`.
//!
//! # In a spawned task
//!
//! Everything here is `Send` where its parts are. But rustc can't prove yet that a
//! spawned future with a closure over *references* is: `tokio::spawn` of a stream
//! over `iter(&words)` with a closure for each word can end in "not general enough",
//! as it does with `futures`. Items that are owned, an `Arc` or an index compile:
//!
//! ```
//! # #[cfg(feature = "coop")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use aio_itertools::{iter, prelude::*};
//!
//! let words = vec!["one".to_owned(), "two".to_owned(), "three".to_owned()];
//! let by_length = tokio::spawn(async move {
//!     iter(words).unique_by_key(|word| word.len()).list().await
//! });
//! assert_eq!(by_length.await.unwrap(), ["one", "three"]);
//! # }
//! # #[cfg(not(feature = "coop"))]
//! # fn main() {}
//! ```
//!
//! # When not to use it
//!
//! `map`, `filter`, `take`, `fold` and their like are in `futures` and
//! `tokio-stream` already and are not written again here. A plain `Vec` in
//! memory wants `Iterator`, not a stream. Work for all cores wants threads.
//!
//! # Limits and sizes
//!
//! A size or a limit is a [`Limit`]: a `usize` such as the literal in
//! `.batched(100)`, or a `NonZeroUsize`. Zero never hangs and never means
//! "none": as a `usize` it panics at the call that passes it, naming the
//! parameter. A number from outside is checked by
//! `NonZeroUsize::try_from(n)?`, and then there is nothing left to panic. Where
//! none is a sensible answer, as of `take_last(0)`, the parameter is a plain `usize`.
//!
//! # Cancellation
//!
//! All state of an adaptor sits in the adaptor, so the future of one `next` may
//! be dropped at any point and nothing is lost or repeated. What an adaptor has
//! buffered is handed back by its `into_parts`. A consumer that is dropped has
//! taken what it has taken; given `&mut stream` it leaves the rest. Every
//! asynchronous item says under *Cancel safety* which of these holds.
//!
//! # Features
//!
//! | feature | adds | brings in |
//! |---|---|---|
//! | `coop` (default) | work that is always ready spends tokio's cooperative budget, so that other tasks run; without it, or outside tokio, see [`iter`](fn@iter) | tokio (`rt`) |
//! | `spawn` (default) | `task_group`, `map_spawned`, `prefetch`, `.spawned()` | tokio (`rt`) |
//! | `time` (default) | `wait_for`, timeouts and deadlines, `batched_within` | tokio (`time`) |
//! | `testing` | marble strings on the paused clock | tokio (`time`) |
//!
//! Without features the crate needs no runtime.
//!
//! # Coming from Python
//!
//! Each function of CPython 3.14's itertools, of its builtins that take an iterable,
//! of aioitertools and of aiostream, and what is here in its place. What `futures` or
//! `tokio-stream` have is left to them. The answers are compared with recorded ones.
//!
//! | Python | here | file |
//! |---|---|---|
//! | `itertools.accumulate`, `aioitertools.accumulate`, `aiostream.accumulate` | [`accumulate`](adaptors::accumulate()), [`accumulate_from`](adaptors::accumulate_from()) | `adaptors/accumulate.rs` |
//! | `itertools.batched(it, strict=True)`, `aioitertools.batched`, `aioitertools.chunked`, `aiostream.chunks` | [`batched`](adaptors::batched()) | `adaptors/batched.rs` |
//! | `itertools.chain`, `aioitertools.chain`, `aiostream.chain` | [`chain`](adaptors::chain()) | `adaptors/chain.rs` |
//! | `itertools.chain.from_iterable`, `aiostream.concat` | [`chain_from_iterable`](adaptors::chain_from_iterable()) | `adaptors/chain.rs` |
//! | `itertools.combinations`, `aioitertools.combinations` | [`combinations`](sources::combinations()) | `sources/combinations.rs` |
//! | `itertools.combinations_with_replacement`, `aioitertools.combinations_with_replacement` | [`combinations_with_replacement`](sources::combinations_with_replacement()) | `sources/combinations.rs` |
//! | `itertools.compress`, `aioitertools.compress` | [`compress`](adaptors::compress()) | `adaptors/compress.rs` |
//! | `itertools.count`, `aioitertools.count`, `aiostream.count`, `aiostream.range` | [`count`](sources::count()) | `sources/count.rs` |
//! | `itertools.cycle`, `aioitertools.cycle`, `aiostream.cycle` | [`cycle`](adaptors::cycle()) | `adaptors/cycle.rs` |
//! | `itertools.dropwhile`, `aioitertools.dropwhile`, `aiostream.dropwhile` | [`dropwhile`](adaptors::dropwhile()) | `adaptors/dropwhile.rs` |
//! | `itertools.filterfalse`, `aioitertools.filterfalse` | [`filterfalse`](adaptors::filterfalse()) | `adaptors/filterfalse.rs` |
//! | `itertools.groupby`, `aioitertools.groupby` | [`groupby`](adaptors::groupby()), [`chunk_by`](adaptors::chunk_by()) | `adaptors/chunk_by.rs` |
//! | `itertools.islice`, `aioitertools.islice`, `aiostream.getitem` | [`islice`](adaptors::islice()) | `adaptors/islice.rs` |
//! | `itertools.pairwise` | [`pairwise`](adaptors::pairwise()) | `adaptors/pairwise.rs` |
//! | `itertools.permutations`, `aioitertools.permutations` | [`permutations`](sources::permutations()) | `sources/permutations.rs` |
//! | `itertools.product`, `aioitertools.product` | [`product`](sources::product()) | `sources/product.rs` |
//! | `itertools.repeat`, `aioitertools.repeat`, `aiostream.repeat` | [`repeat`](sources::repeat()) | `sources/repeat.rs` |
//! | `itertools.starmap`, `aioitertools.starmap`, `aiostream.starmap` | [`starmap`](adaptors::starmap()) | `adaptors/starmap.rs` |
//! | `itertools.takewhile`, `aioitertools.takewhile`, `aiostream.takewhile` | [`takewhile`](adaptors::takewhile()) | `adaptors/takewhile.rs` |
//! | `aiostream.until` | [`take_while_inclusive`](adaptors::take_while_inclusive()) | `adaptors/takewhile.rs` |
//! | `itertools.tee`, `aioitertools.tee` | [`tee`](adaptors::tee()) | `adaptors/tee.rs` |
//! | `itertools.zip_longest`, `aioitertools.zip_longest` | [`zip_longest`](adaptors::zip_longest()) | `adaptors/zip_longest.rs` |
//! | `builtins.zip(a, b, strict=True)`, `aioitertools.zip`, `aiostream.zip` | [`zip`](adaptors::zip()), [`zip_strict`](adaptors::zip_strict()) | `adaptors/zip.rs` |
//! | `aioitertools.before_and_after` | [`before_and_after`](adaptors::before_and_after()) | `adaptors/before_and_after.rs` |
//! | `aiostream.takelast` | [`take_last`](adaptors::take_last()) | `adaptors/take_last.rs` |
//! | `aiostream.skiplast` | [`skip_last`](adaptors::skip_last()) | `adaptors/skip_last.rs` |
//! | `builtins.iter`, `builtins.aiter`, `aioitertools.iter`, `aiostream.iterate` | [`iter`](fn@sources::iter()) | `sources/iter.rs` |
//! | `builtins.next`, `builtins.anext`, `aioitertools.next` | [`next`](fn@next) | `next.rs` |
//! | `builtins.list`, `builtins.tuple`, `aioitertools.list`, `aioitertools.tuple`, `aiostream.list` | [`list`](consumers::list()) | `consumers/list.rs` |
//! | `builtins.set`, `builtins.frozenset`, `aioitertools.set` | [`set`](consumers::set()) | `consumers/set.rs` |
//! | `builtins.dict` | [`dict`](consumers::dict()) | `consumers/dict.rs` |
//! | `builtins.max`, `builtins.min`, `aioitertools.max`, `aioitertools.min` | [`max`](consumers::max()), [`min`](consumers::min()) | `consumers/extremes.rs` |
//! | `builtins.sum`, `aioitertools.sum` | [`sum`](consumers::sum()) | `consumers/sum.rs` |
//! | `math.prod` | [`prod`](consumers::prod()) | `consumers/sum.rs` |
//! | `builtins.sorted` | [`sorted`](consumers::sorted()) | `consumers/sorted.rs` |
//! | `functools.reduce`, `aiostream.reduce` | [`reduce`](consumers::reduce()) | `consumers/reduce.rs` |
//! | `str.join` | [`join`](consumers::join()) | `consumers/join.rs` |
//! | `collections.Counter` | [`counts`](consumers::counts()) | `consumers/counts.rs` |
//! | `heapq.merge` | [`merge_sorted`](adaptors::merge_sorted()) | `adaptors/merge_sorted.rs` |
//! | `heapq.nlargest`, `heapq.nsmallest` | [`k_largest`](consumers::k_largest()), [`k_smallest`](consumers::k_smallest()) | `consumers/k_smallest.rs` |
//! | `asyncio.gather`, `aioitertools.asyncio.gather` | [`gather`](asyncio::gather()), [`try_gather`](asyncio::try_gather()) | `asyncio/gather.rs` |
//! | `aioitertools.asyncio.gather_iter` | [`gather_iter`](asyncio::gather_iter()) | `asyncio/gather_iter.rs` |
//! | `asyncio.as_completed`, `aioitertools.asyncio.as_completed` | [`as_completed`](asyncio::as_completed()) | `asyncio/as_completed.rs` |
//! | `aioitertools.asyncio.as_generated` | [`as_generated`](asyncio::as_generated()) | `asyncio/merge.rs` |
//! | `aiostream.merge` | [`merge`](asyncio::merge()) | `asyncio/merge.rs` |
//! | `asyncio.wait` | [`wait`](asyncio::wait()) | `asyncio/wait.rs` |
//! | `asyncio.wait_for` | [`wait_for`](asyncio::wait_for()) | `asyncio/wait_for.rs` |
//! | `asyncio.TaskGroup` | [`task_group`](asyncio::task_group()) | `asyncio/task_group.rs` |
//! | `aiostream.map`, `aiostream.amap` | [`map_concurrent`](pipeline::Pipeline::map_concurrent) | `pipeline/map_concurrent.rs` |
//! | `builtins.all`, `builtins.any`, `aioitertools.all`, `aioitertools.any` | `all`, `any` | futures |
//! | `builtins.enumerate`, `aioitertools.enumerate`, `aiostream.enumerate` | `enumerate` | futures |
//! | `builtins.map`, `aioitertools.map`, `aiostream.smap` | `map`, `then` | futures, tokio-stream |
//! | `builtins.filter`, `aiostream.filter` | `filter`, `filter_map` | futures, tokio-stream |
//! | `builtins.range` | `iter(a..b)` | here |
//! | `builtins.reversed` | `list`, then `into_iter().rev()` | here and std |
//! | `aioitertools.take`, `aiostream.take` | `take` | futures, tokio-stream |
//! | `aiostream.skip` | `skip` | futures, tokio-stream |
//! | `aiostream.flatten`, `aiostream.flatmap`, `aiostream.concatmap` | `flatten_unordered`, `flat_map_unordered`, `flat_map` | futures |
//! | `aiostream.action`, `aiostream.print` | `inspect` | futures |
//! | `aiostream.call`, `aiostream.just` | `once` | futures |
//! | `aiostream.empty`, `aiostream.never`, `aiostream.throw` | `empty`, `pending`, `once` of an `Err` | futures, tokio-stream |
//! | `aiostream.preserve` | `&mut stream` | Rust |
//! | `aiostream.timeout` | `timeout` | tokio-stream |
//! | `aiostream.spaceout` | `throttle` | tokio-stream |
//! | `aiostream.delay` | `tokio::time::sleep` before it | tokio |
//! | `aiostream.switch`, `aiostream.switchmap`, `aiostream.ziplatest` | not yet | – |
//!
//! What differs:
//!
//! - `gather` gives every output, errors included: what `return_exceptions=True` does
//!   there is what it does here; `try_gather` stops at the first. They take an
//!   iterator and start nothing before they are awaited.
//! - Batches, groups and combinations are `Vec`s. `batched` with `strict` hands the
//!   short batch over inside its error, and `takewhile` hands over the item that ended
//!   it; Python drops both.
//! - `islice` takes nothing of the source after the last item that it gives; Python
//!   takes all up to `stop`.
//! - `groupby` gives each run whole, so an earlier group stays valid.
//! - `tee` asks what a slow reader costs; Python's memory is unbounded
//!   ([`lag::unbounded`]).
//! - `min` and `max` of nothing are `None`: `default=` is `unwrap_or`.
//! - `wait` gives the outputs of what is done and the pending futures themselves.
//! - `cycle` of an empty source ends, and `before_and_after` may be read in any
//!   order; in aioitertools both hang.
#![forbid(unsafe_code)]

mod budget;
mod choices;
mod collected;
#[cfg(feature = "time")]
mod deadline;
mod drive;
mod ending;
mod in_flight;
#[cfg(feature = "time")]
mod item_timeout;
mod job;
mod lanes;
mod limit;
mod next;
#[cfg(feature = "spawn")]
mod prefetch;
mod readers;
mod sealed;
mod size_hint;
mod slots;
#[cfg(feature = "spawn")]
mod tasks;
mod trait_index;
mod turns;
mod waiters;
mod wakes;

pub mod adaptors;
pub mod asyncio;
pub mod consumers;
pub mod lag;
pub mod pipeline;
pub mod prelude;
pub mod sources;
#[cfg(feature = "testing")]
pub mod testing;

pub use adaptors::{chain, merge_sorted, zip_longest};
#[cfg(feature = "spawn")]
pub use asyncio::task_group;
#[cfg(feature = "time")]
pub use asyncio::wait_for;
pub use asyncio::{as_completed, gather, try_gather, wait};
pub use limit::Limit;
pub use next::next;
pub use sources::{count, iter, product};
pub use trait_index::AioItertools;

pub use futures_core::{FusedStream, Stream};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
