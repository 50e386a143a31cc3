//! What itertools is to iterators, for asynchronous streams.
//!
//! Adaptors over [`Stream`] that lose nothing when they are cancelled, and
//! asyncio's `gather` with a limit. They work beside `futures::StreamExt` and
//! `tokio_stream::StreamExt`: no method here has a name that one of them has.
//!
//! ```
//! use aio_itertools::{gather, iter, next, prelude::*};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // Await: at most two futures at once, every output, in the order of the input.
//! let squares = gather((1..=5).map(|n| async move { n * n })).limit(2).await;
//! assert_eq!(squares, [1, 4, 9, 16, 25]);
//!
//! // Iterate: batches of two, the last one shorter.
//! let mut batches = iter(squares).batched(2);
//! while let Some(batch) = next(&mut batches).await {
//!     println!("{batch:?}");
//! }
//! # }
//! ```
//!
//! # What is in it
//!
//! - [`AioItertools`], the one extension trait: every adaptor is a method of it.
//!   Each is a free function as well ([`batched`]), with Python's argument order.
//! - [`iter`], a source: any iterator as a stream that lets its neighbours run.
//! - [`gather`], a builder: futures run together, at most `limit` at once;
//!   `.await` gives every output, `.stream()` gives them as they come.
//! - [`next`], Python's `anext`: the next item of any stream.
//!
//! # Coming from Python
//!
//! | Python | here | file |
//! |---|---|---|
//! | `itertools.batched(it, n)`, `aiostream.stream.chunks` | [`batched`] | `batched.rs` |
//! | `itertools.batched(it, n, strict=True)` | [`Batched::strict`](adaptors::Batched::strict) | `batched.rs` |
//! | `asyncio.gather(*aws)`, `aioitertools.asyncio.gather(*args, limit)` | [`gather`] | `gather.rs` |
//! | `iter(it)`, `aioitertools.iter`, `aiostream.stream.iterate` | [`iter`](fn@iter) | `iter.rs` |
//! | `anext(it)`, `aioitertools.next` | [`next`](fn@next) | `next.rs` |
//!
//! `gather` gives every output, errors included: what `return_exceptions=True`
//! does there is what it does here, and nothing is cancelled by a failure.
//! It takes an iterator and starts nothing before it is awaited. A batch is a
//! `Vec` and not a tuple. `batched` with `strict` hands the short batch over
//! inside its error, where Python drops it.
//!
//! # When not to use it
//!
//! `map`, `filter`, `zip`, `take`, `fold` and their like are in `futures` and
//! `tokio-stream` already and are not written again here. A plain `Vec` in
//! memory wants `Iterator`, not a stream. Work that must go on while nobody
//! awaits it wants `tokio::spawn`: a stream of outputs *snoozes*, as its card says.
//!
//! # Limits and sizes
//!
//! A size or a limit is a [`Limit`]: a `usize` such as the literal in
//! `.batched(100)`, or a `NonZeroUsize`. Zero never hangs and never means
//! "none": as a `usize` it panics at the call that passes it, naming the
//! parameter. A number from outside is checked by
//! `NonZeroUsize::try_from(n)?`, and then there is nothing left to panic.
//!
//! # Cancellation
//!
//! All state of an adaptor sits in the adaptor, so the future of one `next` may
//! be dropped at any point and nothing is lost or repeated. What an adaptor has
//! buffered is handed back by its `into_parts`. Every asynchronous item says
//! under *Cancel safety* which of these holds.
//!
//! # Features
//!
//! | feature | adds | brings in |
//! |---|---|---|
//! | `coop` (default) | work that is always ready spends tokio's cooperative budget, so that other tasks run; without it, or outside tokio, see [`iter`](fn@iter) | tokio (`rt`) |
#![forbid(unsafe_code)]

mod budget;
mod drive;
mod limit;
mod next;
mod readers;
mod lanes;
mod limit;
mod next;
mod picks;
mod pool;
mod size_hint;
mod slots;
mod trait_index;
mod waiting;

pub mod adaptors;
pub mod asyncio;
pub mod consumers;
pub mod lag;
pub mod prelude;
pub mod sources;
#[cfg(feature = "testing")]
pub mod testing;

pub use adaptors::{chain, merge_sorted, zip_longest};
pub use asyncio::gather;
pub use limit::Limit;
pub use next::next;
pub use sources::{count, iter, product};
pub use trait_index::AioItertools;

pub use futures_core::{FusedStream, Stream};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
