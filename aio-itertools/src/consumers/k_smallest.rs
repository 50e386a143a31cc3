use std::cmp::Ordering;
use std::ops::ControlFlow::{self, Break, Continue};

use futures_core::Stream;

use crate::drive::drive_from;

/// Gives the `k` smallest items in ascending order; equal ones in the order of arrival.
///
/// It is Python's `heapq.nsmallest(k, items)`: the first `k` of
/// [`sorted`](crate::consumers::sorted()), in the memory of `k` items, and faster
/// while `k` is small beside the stream. With a `k` of zero the stream is not
/// polled, and one that is larger than the stream sorts it.
///
/// # Panics
///
/// It may panic if the order is not a total one, as `slice::sort` does.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | `k` items |
/// | stops early | no, unless `k` is 0 |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the items so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter([5, 1, 4, 2]).k_smallest(2).await, [1, 2]);
/// # }
/// ```
#[doc(alias = "nsmallest")]
pub fn k_smallest<S>(stream: S, k: usize) -> impl Future<Output = Vec<S::Item>>
where
    S: Stream,
    S::Item: Ord,
{
    k_smallest_by(stream, k, Ord::cmp)
}

/// Gives the `k` smallest items by `compare`, in its order; equal ones in the order of arrival.
///
/// As [`k_smallest`], for an order of one's own.
///
/// # Panics
///
/// It may panic if `compare` is not a total order, as `slice::sort_by` does.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | `k` items |
/// | stops early | no, unless `k` is 0 |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the items so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let lowest = iter([0.5, 2.5, -1.5]).k_smallest_by(2, f64::total_cmp);
/// assert_eq!(lowest.await, [-1.5, 0.5]);
/// # }
/// ```
pub fn k_smallest_by<S, F>(stream: S, k: usize, compare: F) -> impl Future<Output = Vec<S::Item>>
where
    S: Stream,
    F: FnMut(&S::Item, &S::Item) -> Ordering,
{
    drive_from(
        stream,
        Kept::begin(k, compare),
        |kept, item| {
            kept.take(item);
            Continue(())
        },
        Kept::in_order,
    )
}

/// Gives the `k` items with the smallest keys, in ascending order; equal ones in the order of arrival.
///
/// It is Python's `heapq.nsmallest(k, items, key=f)`: `key` is called once for each item.
///
/// # Panics
///
/// It may panic if the order of keys is not a total one, as `slice::sort` does.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | `k` items and their keys |
/// | stops early | no, unless `k` is 0 |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the items so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let words = iter(["banana", "pear", "fig", "nut"]);
/// let shortest = words.k_smallest_by_key(3, |word| word.len());
/// assert_eq!(shortest.await, ["fig", "nut", "pear"]);
/// # }
/// ```
pub fn k_smallest_by_key<S, K, F>(stream: S, k: usize, key: F) -> impl Future<Output = Vec<S::Item>>
where
    S: Stream,
    K: Ord,
    F: FnMut(&S::Item) -> K,
{
    k_by_key(stream, k, key, |left, right| left.cmp(right))
}

/// Gives the `k` largest items in descending order; equal ones in the order of arrival.
///
/// It is Python's `heapq.nlargest(k, items)`, in the memory of `k` items, and
/// faster than a sort while `k` is small beside the stream. With a `k` of zero
/// the stream is not polled, and one that is larger than the stream sorts it.
///
/// # Panics
///
/// It may panic if the order is not a total one, as `slice::sort` does.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | `k` items |
/// | stops early | no, unless `k` is 0 |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the items so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter([5, 1, 4, 2]).k_largest(2).await, [5, 4]);
/// # }
/// ```
#[doc(alias = "nlargest")]
pub fn k_largest<S>(stream: S, k: usize) -> impl Future<Output = Vec<S::Item>>
where
    S: Stream,
    S::Item: Ord,
{
    k_largest_by(stream, k, Ord::cmp)
}

/// Gives the `k` largest items by `compare`, the largest first; equal ones in the order of arrival.
///
/// As [`k_largest`], for an order of one's own.
///
/// # Panics
///
/// It may panic if `compare` is not a total order, as `slice::sort_by` does.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | `k` items |
/// | stops early | no, unless `k` is 0 |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the items so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let highest = iter([0.5, 2.5, -1.5]).k_largest_by(2, f64::total_cmp);
/// assert_eq!(highest.await, [2.5, 0.5]);
/// # }
/// ```
pub fn k_largest_by<S, F>(stream: S, k: usize, mut compare: F) -> impl Future<Output = Vec<S::Item>>
where
    S: Stream,
    F: FnMut(&S::Item, &S::Item) -> Ordering,
{
    k_smallest_by(stream, k, move |left, right| compare(right, left))
}

/// Gives the `k` items with the largest keys, in descending order; equal ones in the order of arrival.
///
/// It is Python's `heapq.nlargest(k, items, key=f)`: `key` is called once for each item.
///
/// # Panics
///
/// It may panic if the order of keys is not a total one, as `slice::sort` does.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | `k` items and their keys |
/// | stops early | no, unless `k` is 0 |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the items so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let words = iter(["fig", "pear", "nut", "plum"]);
/// let longest = words.k_largest_by_key(3, |word| word.len());
/// assert_eq!(longest.await, ["pear", "plum", "fig"]);
/// # }
/// ```
pub fn k_largest_by_key<S, K, F>(stream: S, k: usize, key: F) -> impl Future<Output = Vec<S::Item>>
where
    S: Stream,
    K: Ord,
    F: FnMut(&S::Item) -> K,
{
    k_by_key(stream, k, key, |left, right| right.cmp(left))
}

fn k_by_key<S, K, F>(
    stream: S,
    k: usize,
    mut key: F,
    compare: fn(&K, &K) -> Ordering,
) -> impl Future<Output = Vec<S::Item>>
where
    S: Stream,
    F: FnMut(&S::Item) -> K,
{
    let compare = move |left: &(K, S::Item), right: &(K, S::Item)| compare(&left.0, &right.0);
    drive_from(
        stream,
        Kept::begin(k, compare),
        move |kept, item| {
            kept.take((key(&item), item));
            Continue(())
        },
        |kept| kept.in_order().into_iter().map(|(_, item)| item).collect(),
    )
}

/// The `k` smallest so far.
///
/// As soon as there are `k` they are a heap with the largest on top: the only
/// one that most items are compared with. Of equal ones the latest counts as
/// larger.
struct Kept<T, F> {
    k: usize,
    arrived: u64,
    heap: Vec<(u64, T)>,
    compare: F,
}

impl<T, F: FnMut(&T, &T) -> Ordering> Kept<T, F> {
    /// Without items there is nothing to wait for if none is wanted.
    fn begin<U>(k: usize, compare: F) -> ControlFlow<Vec<U>, Self> {
        if k == 0 {
            return Break(Vec::new());
        }
        Continue(Self {
            k,
            arrived: 0,
            heap: Vec::new(),
            compare,
        })
    }

    fn take(&mut self, item: T) {
        let new = (self.arrived, item);
        self.arrived += 1;
        if self.heap.len() < self.k {
            self.heap.push(new);
            if self.heap.len() == self.k {
                // Whatever descends is such a heap.
                self.sort();
                self.heap.reverse();
            }
        } else if (self.compare)(&new.1, &self.heap[0].1).is_lt() {
            self.heap[0] = new;
            self.sift_down();
        }
    }

    /// Brings the top down to where nothing below it is larger.
    fn sift_down(&mut self) {
        let mut at = 0;
        loop {
            let left = 2 * at + 1;
            let right = left + 1;
            let mut largest = at;
            for below in [left, right] {
                if below < self.heap.len() && self.rank(below, largest).is_gt() {
                    largest = below;
                }
            }
            if largest == at {
                return;
            }
            self.heap.swap(at, largest);
            at = largest;
        }
    }

    fn rank(&mut self, left: usize, right: usize) -> Ordering {
        rank(&mut self.compare, &self.heap[left], &self.heap[right])
    }

    fn sort(&mut self) {
        let compare = &mut self.compare;
        self.heap
            .sort_unstable_by(|left, right| rank(compare, left, right));
    }

    fn in_order(mut self) -> Vec<T> {
        self.sort();
        self.heap.into_iter().map(|(_, item)| item).collect()
    }
}

/// Compares two items, and equal ones by their arrival.
fn rank<T>(
    compare: &mut impl FnMut(&T, &T) -> Ordering,
    left: &(u64, T),
    right: &(u64, T),
) -> Ordering {
    compare(&left.1, &right.1).then_with(|| left.0.cmp(&right.0))
}
