use std::cmp::Ordering;
use std::mem;
use std::ops::ControlFlow::Continue;

use futures_core::Stream;

use crate::drive::drive;

/// The smallest and the largest item of a stream: what [`minmax`] gives.
///
/// They are the items that [`min`](crate::consumers::min()) and
/// [`max`](crate::consumers::max()) would give of the same stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinMax<T> {
    /// The stream had no item.
    Empty,
    /// One item is the smallest and the largest: the only one, or the first of
    /// items that are all equal.
    One(T),
    /// The smallest item, then the largest; each is the first of equal ones.
    Two(T, T),
}

impl<T> MinMax<T> {
    /// Gives both as a pair, with a clone if they are one item; `None` without items.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::consumers::MinMax;
    ///
    /// assert_eq!(MinMax::Two(1, 9).into_option(), Some((1, 9)));
    /// assert_eq!(MinMax::One(4).into_option(), Some((4, 4)));
    /// assert_eq!(MinMax::<i32>::Empty.into_option(), None);
    /// ```
    pub fn into_option(self) -> Option<(T, T)>
    where
        T: Clone,
    {
        match self {
            Self::Empty => None,
            Self::One(both) => Some((both.clone(), both)),
            Self::Two(min, max) => Some((min, max)),
        }
    }

    fn map<U>(self, f: impl Fn(T) -> U) -> MinMax<U> {
        match self {
            Self::Empty => MinMax::Empty,
            Self::One(both) => MinMax::One(f(both)),
            Self::Two(min, max) => MinMax::Two(f(min), f(max)),
        }
    }
}

/// Gives the smallest and the largest item in one pass, the first of equal ones each.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | two items |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the extremes so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{consumers::MinMax, iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter([2, 9, 1]).minmax().await, MinMax::Two(1, 9));
/// assert_eq!(iter([4, 4]).minmax().await, MinMax::One(4));
/// # }
/// ```
pub fn minmax<S>(stream: S) -> impl Future<Output = MinMax<S::Item>>
where
    S: Stream,
    S::Item: Ord,
{
    minmax_by(stream, Ord::cmp)
}

/// Gives the smallest and the largest item by `compare`, the first of equal ones each.
///
/// As [`minmax`], for an order of one's own.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | two items |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the extremes so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{consumers::MinMax, iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let extremes = iter([0.5, 2.5, -1.5]).minmax_by(f64::total_cmp).await;
/// assert_eq!(extremes, MinMax::Two(-1.5, 2.5));
/// # }
/// ```
pub fn minmax_by<S, F>(stream: S, mut compare: F) -> impl Future<Output = MinMax<S::Item>>
where
    S: Stream,
    F: FnMut(&S::Item, &S::Item) -> Ordering,
{
    drive(
        stream,
        Extremes::NONE,
        move |extremes, item| {
            extremes.take(item, &mut compare);
            Continue(())
        },
        Extremes::into_minmax,
    )
}

/// Gives the items with the smallest and the largest key, the first of equal ones each.
///
/// `key` is called once for each item.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | two items and their keys |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the extremes so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{consumers::MinMax, iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let words = iter(["pear", "fig", "banana"]);
/// let extremes = words.minmax_by_key(|word| word.len()).await;
/// assert_eq!(extremes, MinMax::Two("fig", "banana"));
/// # }
/// ```
pub fn minmax_by_key<S, K, F>(stream: S, mut key: F) -> impl Future<Output = MinMax<S::Item>>
where
    S: Stream,
    K: Ord,
    F: FnMut(&S::Item) -> K,
{
    drive(
        stream,
        Extremes::NONE,
        move |extremes, item| {
            let keyed = (key(&item), item);
            extremes.take(keyed, &mut |(left, _), (right, _)| left.cmp(right));
            Continue(())
        },
        |extremes| extremes.into_minmax().map(|(_, item)| item),
    )
}

/// The extremes so far; without a `max` the `min` is both.
struct Extremes<T> {
    min: Option<T>,
    max: Option<T>,
}

impl<T> Extremes<T> {
    const NONE: Self = Self {
        min: None,
        max: None,
    };

    fn take(&mut self, item: T, compare: &mut impl FnMut(&T, &T) -> Ordering) {
        let Some(min) = &mut self.min else {
            self.min = Some(item);
            return;
        };
        if compare(&item, min).is_lt() {
            let older = mem::replace(min, item);
            self.max.get_or_insert(older);
        } else if compare(&item, self.max.as_ref().unwrap_or(min)).is_gt() {
            self.max = Some(item);
        }
    }

    fn into_minmax(self) -> MinMax<T> {
        match (self.min, self.max) {
            (Some(min), Some(max)) => MinMax::Two(min, max),
            (Some(both), None) => MinMax::One(both),
            (None, _) => MinMax::Empty,
        }
    }
}
