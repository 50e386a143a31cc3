use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, plus};

/// Drops the items that are equal to the one given last.
///
/// The first of a run comes out at once, so it fits a live stream of states: only
/// changes pass. It needs items that can be cloned, since the one given last is
/// compared with; [`dedup_by_key`](crate::adaptors::dedup_by_key()) keeps a key
/// instead, and [`with_count`](Dedup::with_count) keeps the item itself.
///
/// Equal items that aren't neighbours all pass: see
/// [`unique`](crate::adaptors::unique()).
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::dedup, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut states = dedup(iter(["up", "up", "down", "up"]));
/// assert_eq!(next(&mut states).await, Some("up"));
/// assert_eq!(next(&mut states).await, Some("down"));
/// assert_eq!(next(&mut states).await, Some("up"));
/// assert_eq!(next(&mut states).await, None);
/// # }
/// ```
#[doc(alias = "unique_justseen")]
#[doc(alias = "distinctUntilChanged")]
pub fn dedup<S>(stream: S) -> Dedup<S>
where
    S: Stream,
    S::Item: PartialEq,
{
    Dedup::new(stream, Equal)
}

/// Drops the items that `same` finds to be the same as the one given last.
///
/// `same` gets the item given last, then the new one, so a tolerance is measured
/// from what the consumer has seen: a slow drift isn't dropped for ever.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::dedup_by, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let degrees = iter([20.0, 20.4, 20.8, 21.2_f64]);
/// let mut steps = dedup_by(degrees, |given, new| (given - new).abs() < 0.5);
/// assert_eq!(next(&mut steps).await, Some(20.0));
/// assert_eq!(next(&mut steps).await, Some(20.8));
/// assert_eq!(next(&mut steps).await, None);
/// # }
/// ```
pub fn dedup_by<S, F>(stream: S, same: F) -> DedupBy<S, F>
where
    S: Stream,
    F: FnMut(&S::Item, &S::Item) -> bool,
{
    Dedup::new(stream, By(same))
}

/// Drops the items whose key is equal to that of the one given last.
///
/// `key` is called once an item, and only a key is kept: items needn't be cloned.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::dedup_by_key, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let events = iter([("open", 1), ("open", 2), ("shut", 3)]);
/// let mut changes = dedup_by_key(events, |event| event.0);
/// assert_eq!(next(&mut changes).await, Some(("open", 1)));
/// assert_eq!(next(&mut changes).await, Some(("shut", 3)));
/// # }
/// ```
#[doc(alias = "unique_justseen")]
pub fn dedup_by_key<S, F, K>(stream: S, key: F) -> DedupByKey<S, F, K>
where
    S: Stream,
    F: FnMut(&S::Item) -> K,
    K: PartialEq,
{
    Dedup::new(stream, ByKey(key))
}

/// The stream of [`dedup_by`](crate::adaptors::dedup_by()).
pub type DedupBy<S, F> = Dedup<S, By<F>, <S as Stream>::Item>;

/// The stream of [`dedup_by_key`](crate::adaptors::dedup_by_key()).
pub type DedupByKey<S, F, K> = Dedup<S, ByKey<F>, K>;

/// Items are the same if they are equal.
#[derive(Clone, Copy, Debug)]
pub struct Equal;

/// Items are the same if a function says so.
#[derive(Clone, Copy)]
pub struct By<F>(F);

impl<F> fmt::Debug for By<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("By").finish_non_exhaustive()
    }
}

/// Items are the same if their keys are equal.
#[derive(Clone, Copy)]
pub struct ByKey<F>(F);

impl<F> fmt::Debug for ByKey<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByKey").finish_non_exhaustive()
    }
}

/// What it means that two items are the same, where both are at hand.
pub trait Same<T> {
    /// What is computed of an item to compare it.
    type Key;

    /// Computes it.
    fn key(&mut self, item: &T) -> Self::Key;

    /// Answers whether an item is the same as the first of its run.
    fn same(&mut self, first: (&T, &Self::Key), item: (&T, &Self::Key)) -> bool;
}

/// What it means where the first item of a run was given away, and a mark was kept.
pub trait SameAsGiven<T, M> {
    /// Gives the mark of an item that isn't the same as the one given last.
    fn mark_if_new(&mut self, last: Option<&M>, item: &T) -> Option<M>;
}

impl<T: PartialEq> Same<T> for Equal {
    type Key = ();

    fn key(&mut self, _: &T) {}

    fn same(&mut self, (first, ()): (&T, &()), (item, ()): (&T, &())) -> bool {
        first == item
    }
}

impl<T: PartialEq + Clone> SameAsGiven<T, T> for Equal {
    fn mark_if_new(&mut self, last: Option<&T>, item: &T) -> Option<T> {
        (last != Some(item)).then(|| item.clone())
    }
}

impl<T, F: FnMut(&T, &T) -> bool> Same<T> for By<F> {
    type Key = ();

    fn key(&mut self, _: &T) {}

    fn same(&mut self, (first, ()): (&T, &()), (item, ()): (&T, &())) -> bool {
        (self.0)(first, item)
    }
}

impl<T: Clone, F: FnMut(&T, &T) -> bool> SameAsGiven<T, T> for By<F> {
    fn mark_if_new(&mut self, last: Option<&T>, item: &T) -> Option<T> {
        let same = last.is_some_and(|last| (self.0)(last, item));
        (!same).then(|| item.clone())
    }
}

impl<T, F: FnMut(&T) -> K, K: PartialEq> Same<T> for ByKey<F> {
    type Key = K;

    fn key(&mut self, item: &T) -> K {
        (self.0)(item)
    }

    fn same(&mut self, (_, first): (&T, &K), (_, key): (&T, &K)) -> bool {
        first == key
    }
}

impl<T, F: FnMut(&T) -> K, K: PartialEq> SameAsGiven<T, K> for ByKey<F> {
    fn mark_if_new(&mut self, last: Option<&K>, item: &T) -> Option<K> {
        let key = (self.0)(item);
        (last != Some(&key)).then_some(key)
    }
}

pin_project! {
    /// The stream of [`dedup`](crate::adaptors::dedup()), of
    /// [`dedup_by`](crate::adaptors::dedup_by()) and of
    /// [`dedup_by_key`](crate::adaptors::dedup_by_key()).
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | a copy of the item given last, or its key |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | from one for all items to one for each |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Dedup<S: Stream, R = Equal, M = <S as Stream>::Item> {
        #[pin]
        stream: S,
        rule: R,
        // Of the item given last: `None` until one was.
        last: Option<M>,
        pace: Pace,
    }
}

impl<S: Stream, R, M> Dedup<S, R, M> {
    fn new(stream: S, rule: R) -> Self {
        Self {
            stream,
            rule,
            last: None,
            pace: Pace::new(),
        }
    }

    /// Gives each run as its length and its first item, when the run has ended.
    ///
    /// The first item is kept meanwhile, so nothing needs to be cloned. Call it
    /// before the stream is polled: what was given by then isn't counted.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut runs = iter("aaab".chars()).dedup().with_count();
    /// assert_eq!(next(&mut runs).await, Some((3, 'a')));
    /// assert_eq!(next(&mut runs).await, Some((1, 'b')));
    /// # }
    /// ```
    #[doc(alias = "run_length")]
    pub fn with_count(self) -> DedupWithCount<S, R>
    where
        R: Same<S::Item>,
    {
        DedupWithCount {
            stream: self.stream,
            rule: self.rule,
            run: None,
            pace: self.pace,
        }
    }

    /// Gives back the source. No item is held.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: Stream, R: SameAsGiven<S::Item, M>, M> Stream for Dedup<S, R, M> {
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        loop {
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            let Some(item) = ready!(this.stream.as_mut().poll_next(cx)) else {
                this.pace.end();
                return Poll::Ready(None);
            };
            if let Some(mark) = this.rule.mark_if_new(this.last.as_ref(), &item) {
                *this.last = Some(mark);
                return Poll::Ready(Some(item));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        let (least, most) = self.stream.size_hint();
        // The first item is given for sure, and any other may repeat it.
        let sure = usize::from(self.last.is_none());
        (least.min(sure), most)
    }
}

impl<S: Stream, R: SameAsGiven<S::Item, M>, M> FusedStream for Dedup<S, R, M> {
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug, R, M> fmt::Debug for Dedup<S, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dedup")
            .field("stream", &self.stream)
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The stream of [`Dedup::with_count`]: each item is the length of a run, at
    /// least 1, and its first item.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | one item and its key |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | from one for all items to one for each |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct DedupWithCount<S: Stream, R: Same<S::Item> = Equal> {
        #[pin]
        stream: S,
        rule: R,
        run: Option<Run<S::Item, R::Key>>,
        pace: Pace,
    }
}

struct Run<T, K> {
    len: usize,
    first: T,
    key: K,
}

impl<T, K> Run<T, K> {
    fn counted(self) -> (usize, T) {
        // By itself: a value that is on its way out leaks if the drop of a key panics.
        drop(self.key);
        (self.len, self.first)
    }
}

impl<S: Stream, R: Same<S::Item>> DedupWithCount<S, R> {
    /// Gives back the source and the run that isn't complete yet, if there is one.
    pub fn into_parts(self) -> (S, Option<(usize, S::Item)>) {
        (self.stream, self.run.map(Run::counted))
    }
}

impl<S: Stream, R: Same<S::Item>> Stream for DedupWithCount<S, R> {
    type Item = (usize, S::Item);

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<(usize, S::Item)>> {
        let mut this = self.project();
        loop {
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            let Some(item) = ready!(this.stream.as_mut().poll_next(cx)) else {
                // First, since a panic of the drop of a key must not undo it.
                this.pace.end_after(this.run);
                return Poll::Ready(this.run.take().map(Run::counted));
            };
            let key = this.rule.key(&item);
            match &mut *this.run {
                Some(run) if this.rule.same((&run.first, &run.key), (&item, &key)) => {
                    run.len += 1;
                }
                run => {
                    let begun = Run {
                        len: 1,
                        first: item,
                        key,
                    };
                    if let Some(run) = run.replace(begun) {
                        return Poll::Ready(Some(run.counted()));
                    }
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        let (least, most) = plus(self.stream.size_hint(), usize::from(self.run.is_some()));
        (least.min(1), most)
    }
}

impl<S: Stream, R: Same<S::Item>> FusedStream for DedupWithCount<S, R> {
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug, R: Same<S::Item>> fmt::Debug for DedupWithCount<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DedupWithCount")
            .field("stream", &self.stream)
            .field("run", &self.run.as_ref().map(|run| run.len))
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
