//! Streams made of streams: the free functions, in Python's argument order, and their types.
//!
//! Each is a method of [`AioItertools`](crate::AioItertools) as well, unless a
//! popular extension trait has a method of that name.

mod accumulate;
mod batched;
mod before_and_after;
mod compress;
mod dropwhile;
mod filterfalse;
mod islice;
mod pairwise;
mod starmap;
mod takewhile;
mod tee;
mod windows;

pub use accumulate::{Accumulate, AccumulateFrom, accumulate, accumulate_from};
pub use batched::{Batched, ShortBatch, StrictBatched, batched};
pub use before_and_after::{After, Before, NotAPair, before_and_after};
pub use compress::{Compress, compress};
pub use dropwhile::{DropWhile, dropwhile};
pub use filterfalse::{FilterFalse, filterfalse};
pub use islice::{Islice, islice};
pub use pairwise::{Pairwise, pairwise};
pub use starmap::{Starmap, TakesFields, starmap};
pub use takewhile::{TakeWhile, TakeWhileInclusive, take_while_inclusive, takewhile};
pub use tee::{Branch, tee};
pub use windows::{Windows, windows};
