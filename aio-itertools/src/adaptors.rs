//! Streams made of streams: the free functions, in Python's argument order, and their types.
//!
//! Each is a method of [`AioItertools`](crate::AioItertools) as well, unless a
//! popular extension trait has a method of that name.

mod accumulate;
mod batched;
mod batched_weighted;
#[cfg(feature = "time")]
mod batched_within;
mod before_and_after;
mod chain;
mod chunk_by;
mod coalesce;
mod compress;
mod cycle;
mod dedup;
mod default_if_empty;
mod dropwhile;
mod filterfalse;
mod interspersed;
mod islice;
mod joined;
#[cfg(feature = "spawn")]
mod map_spawned;
mod merge_sorted;
mod pairwise;
mod skip_last;
mod starmap;
mod take_last;
mod takewhile;
mod tee;
mod unique;
mod windows;
mod with_position;
mod zip;
mod zip_longest;

pub use accumulate::{Accumulate, AccumulateFrom, accumulate, accumulate_from};
pub use batched::{Batched, ShortBatch, StrictBatched, batched};
pub use batched_weighted::{BatchedWeighted, batched_weighted};
#[cfg(feature = "time")]
pub use batched_within::{BatchedWithin, batched_within};
pub use before_and_after::{After, Before, NotAPair, before_and_after};
pub use chain::{Chain, ChainFromIterable, chain, chain_from_iterable};
pub use chunk_by::{ChunkBy, chunk_by, groupby};
pub use coalesce::{Coalesce, coalesce};
pub use compress::{Compress, compress};
pub use cycle::{Cycle, cycle};
pub use dedup::{Dedup, DedupBy, DedupByKey, DedupWithCount, dedup, dedup_by, dedup_by_key};
pub use default_if_empty::{DefaultIfEmpty, default_if_empty};
pub use dropwhile::{DropWhile, dropwhile};
pub use filterfalse::{FilterFalse, filterfalse};
pub use interspersed::{Interspersed, interspersed};
pub use islice::{Islice, islice};
pub use joined::{Joined, joined};
pub use merge_sorted::{Ascending, AscendingBy, AscendingByKey, MergeSorted, merge_sorted};
pub use pairwise::{Pairwise, pairwise};
pub use skip_last::{SkipLast, skip_last};
pub use starmap::{Starmap, TakesFields, starmap};
pub use take_last::{TakeLast, take_last};
pub use takewhile::{TakeWhile, TakeWhileInclusive, take_while_inclusive, takewhile};
pub use tee::{Branch, tee};
pub use unique::{Unique, UniqueByKey, unique, unique_by_key};
pub use windows::{Windows, windows};
pub use with_position::{Position, WithPosition, with_position};
pub use zip::{Zip, ZipError, ZipStrict, zip, zip_strict};
pub use zip_longest::{ZipLongest, ZipLongestFilled, zip_longest};

#[cfg(all(feature = "spawn", feature = "time"))]
pub use crate::item_timeout::{ItemTimeout, Timed};
#[cfg(feature = "spawn")]
pub use crate::job::{Call, Job, WithInput};
pub use crate::lanes::Streams;
#[cfg(feature = "spawn")]
pub use crate::prefetch::{Prefetch, prefetch};
#[cfg(feature = "spawn")]
pub use map_spawned::{MapSpawned, map_spawned};
