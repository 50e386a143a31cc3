//! Streams made of streams: the free functions, in Python's argument order, and their types.
//!
//! Each is a method of [`AioItertools`](crate::AioItertools) as well, unless a
//! popular extension trait has a method of that name.

mod batched;

pub use batched::{Batched, ShortBatch, StrictBatched, batched};
