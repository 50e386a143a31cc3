use std::cmp::Ordering;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use crate::budget::Pace;
use crate::size_hint::{ENDED, SizeHint, plus, sum};

/// Gives the items of several ascending streams as one ascending stream.
///
/// Use it to read sorted runs, shards or logs in one order without holding them:
/// one item of each stream is in memory. Of equal items, those of the earlier
/// stream come first, so the merge is stable. [`by_key`](MergeSorted::by_key) and
/// [`by`](MergeSorted::by) merge in another order, a descending one too.
///
/// The first items of all streams are fetched at once, so that the first wait is
/// as long as the slowest stream's and not as all of them together. From then on
/// only the stream whose item was given last is polled: what comes next isn't
/// known without its next item.
///
/// Items of a stream that isn't ascending come out of order, but none is lost:
/// each is given when it is the least of those at the heads of the streams.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, merge_sorted, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut merged = merge_sorted([iter(1..=2), iter(5..=7), iter(3..=4)]);
/// for expected in 1..=7 {
///     assert_eq!(next(&mut merged).await, Some(expected));
/// }
/// assert_eq!(next(&mut merged).await, None);
/// # }
/// ```
#[doc(alias = "heapq.merge")]
#[doc(alias = "kmerge")]
pub fn merge_sorted<I>(streams: I) -> MergeSorted<I::Item>
where
    I: IntoIterator<Item: Stream>,
{
    let sources: Vec<_> = streams.into_iter().map(Source::new).collect();
    MergeSorted {
        missing: (0..sources.len()).collect(),
        heads: Vec::with_capacity(sources.len()),
        shape: Shape::Unordered,
        sources,
        order: Ascending,
        done: false,
        pace: Pace::new(),
    }
}

/// The stream of [`merge_sorted`](fn@crate::merge_sorted).
///
/// `O` is the order: [`Ascending`] unless [`by`](Self::by) or
/// [`by_key`](Self::by_key) said another.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | none |
/// | memory | one item of each source |
/// | fairness | one unit of the budget in 64 items |
/// | fused | yes: the source is not polled after its end |
/// | size_hint | exact when the source's is |
/// | errors | items pass as they are |
/// | runtime | any |
#[must_use = "streams do nothing unless polled"]
pub struct MergeSorted<S: Stream, O: Keyed<S::Item> = Ascending> {
    sources: Vec<Source<S>>,
    /// The sources whose next item isn't among the heads: all of them at first,
    /// then the one whose item was given last.
    missing: Vec<usize>,
    heads: Vec<Head<S::Item, O::Key>>,
    shape: Shape,
    order: O,
    done: bool,
    pace: Pace,
}

/// A stream that stays where it is while the merge is moved.
type Boxed<S> = Pin<Box<S>>;

/// A stream, and whether it has said that it is at its end.
struct Source<S> {
    stream: Boxed<S>,
    ended: bool,
}

impl<S: Stream> Source<S> {
    fn new(stream: S) -> Self {
        Self {
            stream: Box::pin(stream),
            ended: false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.ended {
            true => ENDED,
            false => self.stream.size_hint(),
        }
    }
}

/// The next item of a source.
struct Head<T, K> {
    item: T,
    key: K,
    source: usize,
}

/// How far the heads are a binary heap, the least at the root.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Not at all: at the start, and after a comparison that panicked.
    Unordered,
    /// All but the root: the last head was put there when the root was given.
    AllButRoot,
}

impl<S: Stream> MergeSorted<S> {
    /// Merges in the order of a key, which is asked for once an item.
    ///
    /// It is Python's `heapq.merge(key=…)`; wrap the key into
    /// [`Reverse`](std::cmp::Reverse) for descending streams.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, merge_sorted, next};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut words = merge_sorted([iter(["dog", "horse"]), iter(["cat", "fish"])])
    ///     .by_key(|word| word.len());
    /// for expected in ["dog", "cat", "fish", "horse"] {
    ///     assert_eq!(next(&mut words).await, Some(expected));
    /// }
    /// # }
    /// ```
    pub fn by_key<K, F>(self, key: F) -> MergeSorted<S, AscendingByKey<F>>
    where
        F: FnMut(&S::Item) -> K,
        K: Ord,
    {
        self.ordered(AscendingByKey(key))
    }

    /// Merges in the order that a comparison says.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, merge_sorted, next};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let streams = [iter(vec![0.9_f64, 0.2]), iter(vec![0.5])];
    /// let mut descending = merge_sorted(streams).by(|a, b| b.total_cmp(a));
    /// for expected in [0.9, 0.5, 0.2] {
    ///     assert_eq!(next(&mut descending).await, Some(expected));
    /// }
    /// # }
    /// ```
    #[doc(alias = "kmerge_by")]
    pub fn by<F>(self, compare: F) -> MergeSorted<S, AscendingBy<F>>
    where
        F: FnMut(&S::Item, &S::Item) -> Ordering,
    {
        self.ordered(AscendingBy(compare))
    }

    fn ordered<O: Keyed<S::Item>>(self, mut order: O) -> MergeSorted<S, O> {
        let heads = self.heads.into_iter();
        MergeSorted {
            sources: self.sources,
            missing: self.missing,
            heads: heads
                .map(|head| Head {
                    key: order.key(&head.item),
                    item: head.item,
                    source: head.source,
                })
                .collect(),
            shape: Shape::Unordered,
            order,
            done: self.done,
            pace: self.pace,
        }
    }
}

impl<S: Stream, O: Keyed<S::Item>> MergeSorted<S, O> {
    /// Gives back the streams and, at the same places, the items that were fetched
    /// of them and not given.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, merge_sorted, next};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut merged = merge_sorted([iter([1, 4]), iter([2, 3])]);
    /// assert_eq!(next(&mut merged).await, Some(1));
    /// let (streams, heads) = merged.into_parts();
    /// assert_eq!(streams.len(), 2);
    /// assert_eq!(heads, [None, Some(2)]);
    /// # }
    /// ```
    pub fn into_parts(self) -> (Vec<Boxed<S>>, Vec<Option<S::Item>>) {
        let mut heads: Vec<Option<S::Item>> = self.sources.iter().map(|_| None).collect();
        for head in self.heads {
            heads[head.source] = Some(head.item);
        }
        let streams = self.sources.into_iter().map(|source| source.stream);
        (streams.collect(), heads)
    }
}

impl<S: Stream, O: Order<S::Item>> MergeSorted<S, O> {
    /// Polls for the items that are missing, all of them, and ready when none is.
    fn poll_heads(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut at = 0;
        while let Some(&number) = self.missing.get(at) {
            let source = &mut self.sources[number];
            match source.stream.as_mut().poll_next(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(None) => {
                    source.ended = true;
                    self.missing.swap_remove(at);
                }
                Poll::Ready(Some(item)) => {
                    // It is missing until it is placed: the key is foreign code.
                    self.place(number, item);
                    self.missing.swap_remove(at);
                }
            }
        }
        match self.missing.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Puts an item where the one before it was: at the root.
    fn place(&mut self, source: usize, item: S::Item) {
        let key = self.order.key(&item);
        self.heads.push(Head { item, key, source });
        if self.shape == Shape::AllButRoot {
            let last = self.heads.len() - 1;
            self.heads.swap(0, last);
        }
    }

    /// Makes the least head the root.
    fn settle(&mut self) {
        // All heads are in their list while foreign code compares: if it panics
        // none is lost, and the next poll starts over.
        let roots = match self.shape {
            Shape::AllButRoot => 1,
            Shape::Unordered => self.heads.len() / 2,
        };
        self.shape = Shape::Unordered;
        for root in (0..roots).rev() {
            self.sift_down(root);
        }
        self.shape = Shape::AllButRoot;
    }

    fn sift_down(&mut self, mut at: usize) {
        let (heads, order) = (&mut self.heads[..], &mut self.order);
        let mut child = 2 * at + 1;
        while child + 1 < heads.len() {
            // An addition and no branch: which child is less can't be foretold.
            child += usize::from(precedes(order, &heads[child + 1], &heads[child]));
            if !precedes(order, &heads[child], &heads[at]) {
                return;
            }
            heads.swap(at, child);
            at = child;
            child = 2 * at + 1;
        }
        if child < heads.len() && precedes(order, &heads[child], &heads[at]) {
            heads.swap(at, child);
        }
    }
}

/// True if `left` is given before `right`: of equal ones, that of the earlier source.
fn precedes<T, O: Order<T>>(
    order: &mut O,
    left: &Head<T, O::Key>,
    right: &Head<T, O::Key>,
) -> bool {
    let ordering = order.compare((&left.item, &left.key), (&right.item, &right.key));
    ordering.then(left.source.cmp(&right.source)).is_lt()
}

// Each stream has a pinned box, and nothing else is ever pinned.
impl<S: Stream, O: Keyed<S::Item>> Unpin for MergeSorted<S, O> {}

impl<S: Stream, O: Order<S::Item>> Stream for MergeSorted<S, O> {
    type Item = S::Item;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        ready!(this.pace.poll_item(cx));
        ready!(this.poll_heads(cx));
        if this.heads.is_empty() {
            this.done = true;
            return Poll::Ready(None);
        }
        this.settle();
        let least = this.heads.swap_remove(0);
        this.missing.push(least.source);
        Poll::Ready(Some(least.item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let coming = self.sources.iter().map(Source::size_hint);
        plus(coming.fold(ENDED, sum), self.heads.len())
    }
}

impl<S: Stream, O: Order<S::Item>> FusedStream for MergeSorted<S, O> {
    fn is_terminated(&self) -> bool {
        self.done
    }
}

impl<S: Stream, O: Keyed<S::Item>> fmt::Debug for MergeSorted<S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MergeSorted")
            .field("streams", &self.sources.len())
            .field("heads", &self.heads.len())
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

/// The order of items that are `Ord`.
#[derive(Clone, Copy, Debug)]
pub struct Ascending;

/// The order of [`MergeSorted::by_key`].
#[derive(Clone, Copy)]
pub struct AscendingByKey<F>(F);

/// The order of [`MergeSorted::by`].
#[derive(Clone, Copy)]
pub struct AscendingBy<F>(F);

impl<F> fmt::Debug for AscendingByKey<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AscendingByKey").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for AscendingBy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AscendingBy").finish_non_exhaustive()
    }
}

/// What an order keeps beside each item.
pub trait Keyed<T> {
    type Key;

    fn key(&mut self, item: &T) -> Self::Key;
}

/// How an order compares two items, by themselves or by their keys.
pub trait Order<T>: Keyed<T> {
    fn compare(&mut self, left: (&T, &Self::Key), right: (&T, &Self::Key)) -> Ordering;
}

impl<T> Keyed<T> for Ascending {
    type Key = ();

    fn key(&mut self, _: &T) {}
}

impl<T: Ord> Order<T> for Ascending {
    fn compare(&mut self, (left, ()): (&T, &()), (right, ()): (&T, &())) -> Ordering {
        left.cmp(right)
    }
}

impl<T, K, F: FnMut(&T) -> K> Keyed<T> for AscendingByKey<F> {
    type Key = K;

    fn key(&mut self, item: &T) -> K {
        self.0(item)
    }
}

impl<T, K: Ord, F: FnMut(&T) -> K> Order<T> for AscendingByKey<F> {
    fn compare(&mut self, (_, left): (&T, &K), (_, right): (&T, &K)) -> Ordering {
        left.cmp(right)
    }
}

impl<T, F> Keyed<T> for AscendingBy<F> {
    type Key = ();

    fn key(&mut self, _: &T) {}
}

impl<T, F: FnMut(&T, &T) -> Ordering> Order<T> for AscendingBy<F> {
    fn compare(&mut self, (left, ()): (&T, &()), (right, ()): (&T, &())) -> Ordering {
        self.0(left, right)
    }
}
