use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::ops::{Add, Mul, RangeBounds};
#[cfg(feature = "time")]
use std::time::Duration;

use futures_core::Stream;

#[cfg(feature = "time")]
use crate::adaptors::BatchedWithin;
use crate::adaptors::{
    self, Accumulate, AccumulateFrom, After, Batched, BatchedWeighted, Before, Branch, ChunkBy,
    Coalesce, Compress, Dedup, DedupBy, DedupByKey, DefaultIfEmpty, DropWhile, FilterFalse,
    Interspersed, Islice, Joined, Pairwise, SkipLast, Starmap, TakeLast, TakeWhile,
    TakeWhileInclusive, TakesFields, Unique, UniqueByKey, Windows, WithPosition, ZipLongest,
    ZipStrict,
};
#[cfg(feature = "spawn")]
use crate::adaptors::{Call, MapSpawned, Prefetch};
use crate::consumers::{self, MinMax, MoreThanOne, NotOne};
use crate::lag::Lag;
use crate::limit::Limit;
use crate::pipeline::{self, Pipeline, Source};

/// Adds the adaptors of this crate to every [`Stream`].
///
/// This is the only index of them. No method has a name that an extension trait
/// of `futures`, `tokio-stream` or `futures-lite` has, so all can be imported.
pub trait AioItertools: Stream + Sized {
    // Running values, slices and filters.

    /// Gives the running totals: see [`accumulate`](adaptors::accumulate()).
    #[doc(alias = "scan")]
    fn accumulate<F>(self, f: F) -> Accumulate<Self, F>
    where
        Self::Item: Clone,
        F: FnMut(Self::Item, Self::Item) -> Self::Item,
    {
        adaptors::accumulate(self, f)
    }

    /// Gives `initial`, then the running totals: see [`accumulate_from`](adaptors::accumulate_from()).
    #[doc(alias = "scan")]
    fn accumulate_from<A, F>(self, initial: A, f: F) -> AccumulateFrom<Self, A, F>
    where
        A: Clone,
        F: FnMut(A, Self::Item) -> A,
    {
        adaptors::accumulate_from(self, initial, f)
    }

    /// Gives each item with the one after it: see [`pairwise`](adaptors::pairwise()).
    #[doc(alias = "tuple_windows")]
    fn pairwise(self) -> Pairwise<Self>
    where
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
        Self::Item: Clone,
    {
        adaptors::windows(self)
    }

    /// Gives the items at the positions of a range: see [`islice`](adaptors::islice()).
    #[doc(alias = "slice")]
    #[doc(alias = "skip")]
    #[doc(alias = "take")]
    fn islice(self, range: impl RangeBounds<usize>) -> Islice<Self> {
        adaptors::islice(self, range)
    }

    /// Gives the items whose selector is true: see [`compress`](adaptors::compress()).
    fn compress<B>(self, selectors: B) -> Compress<Self, B>
    where
        B: Stream<Item = bool>,
    {
        adaptors::compress(self, selectors)
    }

    /// Gives what `f` makes of the fields of each item: see [`starmap`](adaptors::starmap()).
    #[doc(alias = "map")]
    fn starmap<F>(self, f: F) -> Starmap<Self, F>
    where
        F: TakesFields<Self::Item>,
    {
        adaptors::starmap(self, f)
    }

    /// Gives the items that `predicate` is false for: see [`filterfalse`](adaptors::filterfalse()).
    #[doc(alias = "reject")]
    fn filterfalse<P>(self, predicate: P) -> FilterFalse<Self, P>
    where
        P: FnMut(&Self::Item) -> bool,
    {
        adaptors::filterfalse(self, predicate)
    }

    /// Gives the items while `predicate` is true: see [`takewhile`](adaptors::takewhile()).
    #[doc(alias = "take_while")]
    fn takewhile<P>(self, predicate: P) -> TakeWhile<Self, P>
    where
        P: FnMut(&Self::Item) -> bool,
    {
        adaptors::takewhile(self, predicate)
    }

    /// Gives the items from the first on that `predicate` is false for: see [`dropwhile`](adaptors::dropwhile()).
    #[doc(alias = "skip_while")]
    #[doc(alias = "drop_while")]
    fn dropwhile<P>(self, predicate: P) -> DropWhile<Self, P>
    where
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
    fn batched(self, size: impl Limit) -> Batched<Self> {
        adaptors::batched(self, size)
    }

    /// Gives batches whose weights sum to at most `max`: see [`batched_weighted`](adaptors::batched_weighted()).
    ///
    /// # Panics
    ///
    /// If `max` is the `usize` zero: see [`Limit`].
    #[doc(alias = "constrained_batches")]
    #[track_caller]
    fn batched_weighted<F>(self, max: impl Limit, weigh: F) -> BatchedWeighted<Self, F>
    where
        F: FnMut(&Self::Item) -> usize,
    {
        adaptors::batched_weighted(self, max, weigh)
    }

    /// Gives batches of `size` items, or of what came in a time: see [`batched_within`](adaptors::batched_within()).
    ///
    /// # Panics
    ///
    /// If `size` is the `usize` zero: see [`Limit`].
    #[cfg(feature = "time")]
    #[doc(alias = "chunks_timeout")]
    #[track_caller]
    fn batched_within(self, size: impl Limit, within: Duration) -> BatchedWithin<Self> {
        adaptors::batched_within(self, size, within)
    }

    /// Gives each run of consecutive items with an equal key: see [`chunk_by`](adaptors::chunk_by()).
    #[doc(alias = "groupby")]
    fn chunk_by<F, K>(self, key: F) -> ChunkBy<Self, F, K>
    where
        F: FnMut(&Self::Item) -> K,
        K: PartialEq,
    {
        adaptors::chunk_by(self, key)
    }

    /// Drops the items that are equal to the one given last: see [`dedup`](adaptors::dedup()).
    #[doc(alias = "unique_justseen")]
    fn dedup(self) -> Dedup<Self>
    where
        Self::Item: PartialEq,
    {
        adaptors::dedup(self)
    }

    /// Drops the items that are the same as the one given last: see [`dedup_by`](adaptors::dedup_by()).
    fn dedup_by<F>(self, same: F) -> DedupBy<Self, F>
    where
        F: FnMut(&Self::Item, &Self::Item) -> bool,
    {
        adaptors::dedup_by(self, same)
    }

    /// Drops the items with the key of the one given last: see [`dedup_by_key`](adaptors::dedup_by_key()).
    #[doc(alias = "unique_justseen")]
    fn dedup_by_key<F, K>(self, key: F) -> DedupByKey<Self, F, K>
    where
        F: FnMut(&Self::Item) -> K,
        K: PartialEq,
    {
        adaptors::dedup_by_key(self, key)
    }

    /// Gives each item once, wherever it comes again: see [`unique`](adaptors::unique()).
    #[doc(alias = "unique_everseen")]
    fn unique(self) -> Unique<Self>
    where
        Self::Item: Hash + Eq + Clone,
    {
        adaptors::unique(self)
    }

    /// Gives the first item of each key: see [`unique_by_key`](adaptors::unique_by_key()).
    #[doc(alias = "unique_everseen")]
    fn unique_by_key<F, K>(self, key: F) -> UniqueByKey<Self, F, K>
    where
        F: FnMut(&Self::Item) -> K,
        K: Hash + Eq,
    {
        adaptors::unique_by_key(self, key)
    }

    /// Merges neighbouring items where `merge` makes one of two: see [`coalesce`](adaptors::coalesce()).
    fn coalesce<F>(self, merge: F) -> Coalesce<Self, F>
    where
        F: FnMut(Self::Item, Self::Item) -> Result<Self::Item, (Self::Item, Self::Item)>,
    {
        adaptors::coalesce(self, merge)
    }

    /// Gives a separator between the items: see [`interspersed`](adaptors::interspersed()).
    #[doc(alias = "intersperse")]
    fn interspersed(self, separator: Self::Item) -> Interspersed<Self>
    where
        Self::Item: Clone,
    {
        adaptors::interspersed(self, separator)
    }

    /// Gives the items of one stream after the other, a separator in between: see [`joined`](adaptors::joined()).
    #[doc(alias = "intercalate")]
    fn joined(self, separator: <Self::Item as Stream>::Item) -> Joined<Self>
    where
        Self::Item: Stream,
        <Self::Item as Stream>::Item: Clone,
    {
        adaptors::joined(self, separator)
    }

    /// Gives the last `n` items: see [`take_last`](adaptors::take_last()).
    #[doc(alias = "tail")]
    fn take_last(self, n: usize) -> TakeLast<Self> {
        adaptors::take_last(self, n)
    }

    /// Gives all items but the last `n`: see [`skip_last`](adaptors::skip_last()).
    #[doc(alias = "dropping_back")]
    fn skip_last(self, n: usize) -> SkipLast<Self> {
        adaptors::skip_last(self, n)
    }

    /// Gives each item with its position: see [`with_position`](adaptors::with_position()).
    #[doc(alias = "mark_ends")]
    fn with_position(self) -> WithPosition<Self> {
        adaptors::with_position(self)
    }

    /// Gives the items, or `value` if there are none: see [`default_if_empty`](adaptors::default_if_empty()).
    fn default_if_empty(self, value: Self::Item) -> DefaultIfEmpty<Self> {
        adaptors::default_if_empty(self, value)
    }

    // Several streams.

    /// Gives pairs with `other`; unequal lengths are an error: see [`zip_strict`](adaptors::zip_strict()).
    #[doc(alias = "zip_eq")]
    #[doc(alias = "zip_equal")]
    fn zip_strict<S: Stream>(self, other: S) -> ZipStrict<(Self, S)> {
        adaptors::zip_strict((self, other))
    }

    /// Gives pairs of `Option`s with `other` until both end: see [`zip_longest`](adaptors::zip_longest()).
    fn zip_longest<S: Stream>(self, other: S) -> ZipLongest<(Self, S)> {
        adaptors::zip_longest((self, other))
    }

    // One stream for several readers.

    /// Gives `N` streams that each give every item: see [`tee`](adaptors::tee()).
    #[doc(alias = "share")]
    #[doc(alias = "broadcast")]
    fn tee<const N: usize, L: Lag>(self, lag: L) -> [Branch<Self, L>; N] {
        adaptors::tee(self, lag)
    }

    // Work at once.

    /// Makes the stream the source of work that runs while its consumer is busy:
    /// see [`pipeline`](fn@pipeline::pipeline).
    #[doc(alias = "map_concurrent")]
    #[doc(alias = "buffered")]
    fn pipeline(self) -> Pipeline<Source<Self>> {
        pipeline::pipeline(self)
    }

    /// Gives the outputs of `f(item)`, at most `limit` at once, each on a task of its own: see
    /// [`map_spawned`](adaptors::map_spawned()).
    ///
    /// # Panics
    ///
    /// If `limit` is the `usize` zero: see [`Limit`].
    #[cfg(feature = "spawn")]
    #[doc(alias = "buffered")]
    #[doc(alias = "amap")]
    #[track_caller]
    fn map_spawned<F, R>(self, limit: impl Limit, f: F) -> MapSpawned<Self, Call<F>>
    where
        F: FnMut(Self::Item) -> R,
        R: IntoFuture<IntoFuture: Send + 'static, Output: Send + 'static>,
    {
        adaptors::map_spawned(self, limit, f)
    }

    /// Runs ahead of its consumer by at most `n` items: see [`prefetch`](adaptors::prefetch()).
    ///
    /// # Panics
    ///
    /// If `n` is the `usize` zero: see [`Limit`].
    #[cfg(feature = "spawn")]
    #[doc(alias = "buffer")]
    #[track_caller]
    fn prefetch(self, n: impl Limit) -> Prefetch<Self>
    where
        Self: Send + 'static,
        Self::Item: Send + 'static,
    {
        adaptors::prefetch(self, n)
    }

    // Consumers: what one value is made of.

    /// Gives the smallest item, the first of equal ones: see [`min`](consumers::min()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn min(self) -> impl Future<Output = Option<Self::Item>>
    where
        Self::Item: Ord,
    {
        consumers::min(self)
    }

    /// Gives the smallest item by `compare`: see [`min_by`](consumers::min_by()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn min_by<F>(self, compare: F) -> impl Future<Output = Option<Self::Item>>
    where
        F: FnMut(&Self::Item, &Self::Item) -> Ordering,
    {
        consumers::min_by(self, compare)
    }

    /// Gives the item with the smallest key: see [`min_by_key`](consumers::min_by_key()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn min_by_key<K, F>(self, key: F) -> impl Future<Output = Option<Self::Item>>
    where
        K: Ord,
        F: FnMut(&Self::Item) -> K,
    {
        consumers::min_by_key(self, key)
    }

    /// Gives the largest item, the first of equal ones: see [`max`](consumers::max()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn max(self) -> impl Future<Output = Option<Self::Item>>
    where
        Self::Item: Ord,
    {
        consumers::max(self)
    }

    /// Gives the largest item by `compare`: see [`max_by`](consumers::max_by()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn max_by<F>(self, compare: F) -> impl Future<Output = Option<Self::Item>>
    where
        F: FnMut(&Self::Item, &Self::Item) -> Ordering,
    {
        consumers::max_by(self, compare)
    }

    /// Gives the item with the largest key: see [`max_by_key`](consumers::max_by_key()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn max_by_key<K, F>(self, key: F) -> impl Future<Output = Option<Self::Item>>
    where
        K: Ord,
        F: FnMut(&Self::Item) -> K,
    {
        consumers::max_by_key(self, key)
    }

    /// Gives the smallest and the largest item: see [`minmax`](consumers::minmax()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn minmax(self) -> impl Future<Output = MinMax<Self::Item>>
    where
        Self::Item: Ord,
    {
        consumers::minmax(self)
    }

    /// Gives the smallest and the largest item by `compare`: see [`minmax_by`](consumers::minmax_by()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn minmax_by<F>(self, compare: F) -> impl Future<Output = MinMax<Self::Item>>
    where
        F: FnMut(&Self::Item, &Self::Item) -> Ordering,
    {
        consumers::minmax_by(self, compare)
    }

    /// Gives the items with the smallest and the largest key: see [`minmax_by_key`](consumers::minmax_by_key()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn minmax_by_key<K, F>(self, key: F) -> impl Future<Output = MinMax<Self::Item>>
    where
        K: Ord,
        F: FnMut(&Self::Item) -> K,
    {
        consumers::minmax_by_key(self, key)
    }

    /// Gives `start` and all items added to it: see [`sum`](consumers::sum()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn sum<A>(self, start: A) -> impl Future<Output = A>
    where
        A: Add<Self::Item, Output = A>,
    {
        consumers::sum(self, start)
    }

    /// Gives `start` multiplied with all items: see [`prod`](consumers::prod()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    #[doc(alias = "product")]
    fn prod<A>(self, start: A) -> impl Future<Output = A>
    where
        A: Mul<Self::Item, Output = A>,
    {
        consumers::prod(self, start)
    }

    /// Gives all items made one by `f`: see [`reduce`](consumers::reduce()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn reduce<F>(self, f: F) -> impl Future<Output = Option<Self::Item>>
    where
        F: FnMut(Self::Item, Self::Item) -> Self::Item,
    {
        consumers::reduce(self, f)
    }

    /// Gives the only item: see [`exactly_one`](consumers::exactly_one()).
    ///
    /// # Errors
    ///
    /// [`NotOne`] if there is no item or a second one.
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    #[doc(alias = "one")]
    #[doc(alias = "single")]
    fn exactly_one(self) -> impl Future<Output = Result<Self::Item, NotOne<Self::Item>>> {
        consumers::exactly_one(self)
    }

    /// Gives the only item, or `None`: see [`at_most_one`](consumers::at_most_one()).
    ///
    /// # Errors
    ///
    /// [`MoreThanOne`] if there is a second item.
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    #[doc(alias = "only")]
    fn at_most_one(
        self,
    ) -> impl Future<Output = Result<Option<Self::Item>, MoreThanOne<Self::Item>>> {
        consumers::at_most_one(self)
    }

    /// Says whether all items are equal: see [`all_equal`](consumers::all_equal()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn all_equal(self) -> impl Future<Output = bool>
    where
        Self::Item: PartialEq,
    {
        consumers::all_equal(self)
    }

    /// Says whether the items come in ascending order: see [`is_sorted`](consumers::is_sorted()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    #[expect(
        clippy::wrong_self_convention,
        reason = "the name is that of `Iterator`"
    )]
    fn is_sorted(self) -> impl Future<Output = bool>
    where
        Self::Item: PartialOrd,
    {
        consumers::is_sorted(self)
    }

    /// Says whether each item and the next are `in_order`: see [`is_sorted_by`](consumers::is_sorted_by()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    #[expect(
        clippy::wrong_self_convention,
        reason = "the name is that of `Iterator`"
    )]
    fn is_sorted_by<F>(self, in_order: F) -> impl Future<Output = bool>
    where
        F: FnMut(&Self::Item, &Self::Item) -> bool,
    {
        consumers::is_sorted_by(self, in_order)
    }

    /// Says whether the items come in ascending order of their keys: see [`is_sorted_by_key`](consumers::is_sorted_by_key()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    #[expect(
        clippy::wrong_self_convention,
        reason = "the name is that of `Iterator`"
    )]
    fn is_sorted_by_key<K, F>(self, key: F) -> impl Future<Output = bool>
    where
        K: PartialOrd,
        F: FnMut(&Self::Item) -> K,
    {
        consumers::is_sorted_by_key(self, key)
    }

    // Consumers: collections.

    /// Gives all items as a `Vec`: see [`list`](consumers::list()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    #[doc(alias = "collect")]
    #[doc(alias = "to_list")]
    fn list(self) -> impl Future<Output = Vec<Self::Item>> {
        consumers::list(self)
    }

    /// Gives the different items as a `HashSet`: see [`set`](consumers::set()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn set(self) -> impl Future<Output = HashSet<Self::Item>>
    where
        Self::Item: Eq + Hash,
    {
        consumers::set(self)
    }

    /// Gives a stream of `(key, value)` as a `HashMap`: see [`dict`](consumers::dict()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    #[doc(alias = "into_map")]
    fn dict<K, V>(self) -> impl Future<Output = HashMap<K, V>>
    where
        Self: Stream<Item = (K, V)> + Sized,
        K: Eq + Hash,
    {
        consumers::dict(self)
    }

    /// Gives how often each item came: see [`counts`](consumers::counts()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    #[doc(alias = "Counter")]
    fn counts(self) -> impl Future<Output = HashMap<Self::Item, usize>>
    where
        Self::Item: Eq + Hash,
    {
        consumers::counts(self)
    }

    /// Gives how many items have each key: see [`counts_by_key`](consumers::counts_by_key()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn counts_by_key<K, F>(self, key: F) -> impl Future<Output = HashMap<K, usize>>
    where
        K: Eq + Hash,
        F: FnMut(&Self::Item) -> K,
    {
        consumers::counts_by_key(self, key)
    }

    /// Gives the values of a stream of `(key, value)` by their keys: see [`group_map`](consumers::group_map()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    #[doc(alias = "into_group_map")]
    #[doc(alias = "defaultdict")]
    fn group_map<K, V>(self) -> impl Future<Output = HashMap<K, Vec<V>>>
    where
        Self: Stream<Item = (K, V)> + Sized,
        K: Eq + Hash,
    {
        consumers::group_map(self)
    }

    /// Gives the items by their keys: see [`group_map_by_key`](consumers::group_map_by_key()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn group_map_by_key<K, F>(self, key: F) -> impl Future<Output = HashMap<K, Vec<Self::Item>>>
    where
        K: Eq + Hash,
        F: FnMut(&Self::Item) -> K,
    {
        consumers::group_map_by_key(self, key)
    }

    /// Gives all items in ascending order: see [`sorted`](consumers::sorted()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn sorted(self) -> impl Future<Output = Vec<Self::Item>>
    where
        Self::Item: Ord,
    {
        consumers::sorted(self)
    }

    /// Gives all items in the order of `compare`: see [`sorted_by`](consumers::sorted_by()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn sorted_by<F>(self, compare: F) -> impl Future<Output = Vec<Self::Item>>
    where
        F: FnMut(&Self::Item, &Self::Item) -> Ordering,
    {
        consumers::sorted_by(self, compare)
    }

    /// Gives all items in ascending order of their keys: see [`sorted_by_key`](consumers::sorted_by_key()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn sorted_by_key<K, F>(self, key: F) -> impl Future<Output = Vec<Self::Item>>
    where
        K: Ord,
        F: FnMut(&Self::Item) -> K,
    {
        consumers::sorted_by_key(self, key)
    }

    /// Gives the `k` smallest items: see [`k_smallest`](consumers::k_smallest()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    #[doc(alias = "nsmallest")]
    fn k_smallest(self, k: usize) -> impl Future<Output = Vec<Self::Item>>
    where
        Self::Item: Ord,
    {
        consumers::k_smallest(self, k)
    }

    /// Gives the `k` smallest items by `compare`: see [`k_smallest_by`](consumers::k_smallest_by()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn k_smallest_by<F>(self, k: usize, compare: F) -> impl Future<Output = Vec<Self::Item>>
    where
        F: FnMut(&Self::Item, &Self::Item) -> Ordering,
    {
        consumers::k_smallest_by(self, k, compare)
    }

    /// Gives the `k` items with the smallest keys: see [`k_smallest_by_key`](consumers::k_smallest_by_key()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn k_smallest_by_key<K, F>(self, k: usize, key: F) -> impl Future<Output = Vec<Self::Item>>
    where
        K: Ord,
        F: FnMut(&Self::Item) -> K,
    {
        consumers::k_smallest_by_key(self, k, key)
    }

    /// Gives the `k` largest items: see [`k_largest`](consumers::k_largest()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    #[doc(alias = "nlargest")]
    fn k_largest(self, k: usize) -> impl Future<Output = Vec<Self::Item>>
    where
        Self::Item: Ord,
    {
        consumers::k_largest(self, k)
    }

    /// Gives the `k` largest items by `compare`: see [`k_largest_by`](consumers::k_largest_by()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn k_largest_by<F>(self, k: usize, compare: F) -> impl Future<Output = Vec<Self::Item>>
    where
        F: FnMut(&Self::Item, &Self::Item) -> Ordering,
    {
        consumers::k_largest_by(self, k, compare)
    }

    /// Gives the `k` items with the largest keys: see [`k_largest_by_key`](consumers::k_largest_by_key()).
    ///
    /// # Cancel safety
    /// Not cancel safe: what it has taken is lost, and `&mut` keeps the rest.
    fn k_largest_by_key<K, F>(self, k: usize, key: F) -> impl Future<Output = Vec<Self::Item>>
    where
        K: Ord,
        F: FnMut(&Self::Item) -> K,
    {
        consumers::k_largest_by_key(self, k, key)
    }
}

impl<S: Stream> AioItertools for S {}
