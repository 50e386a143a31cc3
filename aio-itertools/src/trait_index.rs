use futures_core::Stream;

use crate::adaptors::{self, Batched};
use crate::limit::Limit;

/// Adds the adaptors of this crate to every [`Stream`].
///
/// This is the only index of them. No method has a name that an extension trait
/// of `futures`, `tokio-stream` or `futures-lite` has, so all can be imported.
pub trait AioItertools: Stream {
    // Running values, slices and filters.

    // Batches, runs and marks.

    /// Gives the items in batches of `size`, the last one possibly shorter.
    ///
    /// One write, request or transaction for many items is what it is for.
    /// Sizes are counted in items. The free function is [`batched`](adaptors::batched()).
    ///
    /// # Panics
    ///
    /// If `size` is the `usize` zero: see [`Limit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut batches = iter(1..=5).batched(2);
    /// assert_eq!(next(&mut batches).await, Some(vec![1, 2]));
    /// assert_eq!(next(&mut batches).await, Some(vec![3, 4]));
    /// assert_eq!(next(&mut batches).await, Some(vec![5]));
    /// assert_eq!(next(&mut batches).await, None);
    /// # }
    /// ```
    #[doc(alias = "chunks")]
    #[doc(alias = "chunked")]
    #[track_caller]
    fn batched(self, size: impl Limit) -> Batched<Self>
    where
        Self: Sized,
    {
        adaptors::batched(self, size)
    }

    // Several streams.

    // One stream for several readers.

    // Work at once.

    // Consumers: what one value is made of.

    // Consumers: collections.
}

impl<S: Stream + ?Sized> AioItertools for S {}
