use std::ops::RangeBounds;

use futures_core::Stream;

use crate::adaptors::{
    self, Accumulate, AccumulateFrom, After, Batched, Before, Compress, DropWhile, FilterFalse,
    Islice, Pairwise, Starmap, TakeWhile, TakeWhileInclusive, TakesFields, Windows,
};
use crate::adaptors::{self, Batched, Branch};
use crate::lag::Lag;
use crate::limit::Limit;

/// Adds the adaptors of this crate to every [`Stream`].
///
/// This is the only index of them. No method has a name that an extension trait
/// of `futures`, `tokio-stream` or `futures-lite` has, so all can be imported.
pub trait AioItertools: Stream {
    // Running values, slices and filters.

    /// Gives the running totals: see [`accumulate`](adaptors::accumulate()).
    #[doc(alias = "scan")]
    fn accumulate<F>(self, f: F) -> Accumulate<Self, F>
    where
        Self: Sized,
        Self::Item: Clone,
        F: FnMut(Self::Item, Self::Item) -> Self::Item,
    {
        adaptors::accumulate(self, f)
    }

    /// Gives `initial`, then the running totals: see [`accumulate_from`](adaptors::accumulate_from()).
    #[doc(alias = "scan")]
    fn accumulate_from<A, F>(self, initial: A, f: F) -> AccumulateFrom<Self, A, F>
    where
        Self: Sized,
        A: Clone,
        F: FnMut(A, Self::Item) -> A,
    {
        adaptors::accumulate_from(self, initial, f)
    }

    /// Gives each item with the one after it: see [`pairwise`](adaptors::pairwise()).
    #[doc(alias = "tuple_windows")]
    fn pairwise(self) -> Pairwise<Self>
    where
        Self: Sized,
        Self::Item: Clone,
    {
        adaptors::pairwise(self)
    }

    /// Gives every `N` items in a row as an array: see [`windows`](adaptors::windows()).
    #[doc(alias = "sliding_window")]
    #[doc(alias = "windowed")]
    #[doc(alias = "map_windows")]
    fn windows<const N: usize>(self) -> Windows<Self, [Self::Item; N]>
    where
        Self: Sized,
        Self::Item: Clone,
    {
        adaptors::windows(self)
    }

    /// Gives the items at the positions of a range: see [`islice`](adaptors::islice()).
    #[doc(alias = "slice")]
    #[doc(alias = "skip")]
    #[doc(alias = "take")]
    fn islice(self, range: impl RangeBounds<usize>) -> Islice<Self>
    where
        Self: Sized,
    {
        adaptors::islice(self, range)
    }

    /// Gives the items whose selector is true: see [`compress`](adaptors::compress()).
    fn compress<B>(self, selectors: B) -> Compress<Self, B>
    where
        Self: Sized,
        B: Stream<Item = bool>,
    {
        adaptors::compress(self, selectors)
    }

    /// Gives what `f` makes of the fields of each item: see [`starmap`](adaptors::starmap()).
    #[doc(alias = "map")]
    fn starmap<F>(self, f: F) -> Starmap<Self, F>
    where
        Self: Sized,
        F: TakesFields<Self::Item>,
    {
        adaptors::starmap(self, f)
    }

    /// Gives the items that `predicate` is false for: see [`filterfalse`](adaptors::filterfalse()).
    #[doc(alias = "reject")]
    fn filterfalse<P>(self, predicate: P) -> FilterFalse<Self, P>
    where
        Self: Sized,
        P: FnMut(&Self::Item) -> bool,
    {
        adaptors::filterfalse(self, predicate)
    }

    /// Gives the items while `predicate` is true: see [`takewhile`](adaptors::takewhile()).
    #[doc(alias = "take_while")]
    fn takewhile<P>(self, predicate: P) -> TakeWhile<Self, P>
    where
        Self: Sized,
        P: FnMut(&Self::Item) -> bool,
    {
        adaptors::takewhile(self, predicate)
    }

    /// Gives the items from the first on that `predicate` is false for: see [`dropwhile`](adaptors::dropwhile()).
    #[doc(alias = "skip_while")]
    #[doc(alias = "drop_while")]
    fn dropwhile<P>(self, predicate: P) -> DropWhile<Self, P>
    where
        Self: Sized,
        P: FnMut(&Self::Item) -> bool,
    {
        adaptors::dropwhile(self, predicate)
    }

    /// Gives the items up to and with the first that `predicate` is false for: see
    /// [`take_while_inclusive`](adaptors::take_while_inclusive()).
    #[doc(alias = "takewhile_inclusive")]
    #[doc(alias = "take_until")]
    fn take_while_inclusive<P>(self, predicate: P) -> TakeWhileInclusive<Self, P>
    where
        Self: Sized,
        P: FnMut(&Self::Item) -> bool,
    {
        adaptors::take_while_inclusive(self, predicate)
    }

    /// Splits the stream at the first item that `predicate` is false for: see
    /// [`before_and_after`](adaptors::before_and_after()).
    #[doc(alias = "span")]
    #[doc(alias = "split")]
    fn before_and_after<P>(self, predicate: P) -> (Before<Self, P>, After<Self, P>)
    where
        Self: Sized,
        P: FnMut(&Self::Item) -> bool,
    {
        adaptors::before_and_after(self, predicate)
    }

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

    /// Gives `N` streams that each give every item: see [`tee`](adaptors::tee()).
    #[doc(alias = "share")]
    #[doc(alias = "broadcast")]
    fn tee<const N: usize, L: Lag>(self, lag: L) -> [Branch<Self, L>; N]
    where
        Self: Sized,
    {
        adaptors::tee(self, lag)
    }

    // Work at once.

    // Consumers: what one value is made of.

    // Consumers: collections.
}

impl<S: Stream + ?Sized> AioItertools for S {}
