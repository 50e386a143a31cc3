use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::limit::Limit;
use crate::size_hint::{ENDED, plus};

/// Gives each run of consecutive items with an equal key, with its key.
///
/// Use it for input that is sorted or comes in runs, such as rows ordered by
/// customer: one pass, and one run in memory. Items of one key that aren't
/// neighbours make several runs. `key` is called once an item; a key that isn't
/// equal to itself, as a NaN, makes a run of each item.
///
/// A run is a `Vec`, given when an item of another key comes or at the end;
/// Python's groups are iterators that go stale. [`max_len`](ChunkBy::max_len)
/// bounds how much is held.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::chunk_by, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut runs = chunk_by(iter([1, 3, 2, 4, 5]), |n| n % 2);
/// assert_eq!(next(&mut runs).await, Some((1, vec![1, 3])));
/// assert_eq!(next(&mut runs).await, Some((0, vec![2, 4])));
/// assert_eq!(next(&mut runs).await, Some((1, vec![5])));
/// assert_eq!(next(&mut runs).await, None);
/// # }
/// ```
pub fn chunk_by<S, F, K>(stream: S, key: F) -> ChunkBy<S, F, K>
where
    S: Stream,
    F: FnMut(&S::Item) -> K,
    K: PartialEq,
{
    ChunkBy {
        stream,
        key,
        run: None,
        split: None,
        pace: Pace::new(),
    }
}

/// Gives each run of consecutive items with an equal key: [`chunk_by`](crate::adaptors::chunk_by())
/// under the name that it has in Python.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::groupby, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut groups = groupby(iter("AAAABBBCCD".chars()), |&letter| letter);
/// let (letter, group) = next(&mut groups).await.unwrap();
/// assert_eq!((letter, group.len()), ('A', 4));
/// # }
/// ```
pub fn groupby<S, F, K>(stream: S, key: F) -> ChunkBy<S, F, K>
where
    S: Stream,
    F: FnMut(&S::Item) -> K,
    K: PartialEq,
{
    chunk_by(stream, key)
}

pin_project! {
    /// The stream of [`chunk_by`](crate::adaptors::chunk_by()): each item is a key and a `Vec`
    /// of the items that have it, never empty.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | one run, or as much of it as `max_len` says |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | from as few runs as `max_len` allows to one run an item |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct ChunkBy<S: Stream, F, K> {
        #[pin]
        stream: S,
        key: F,
        // Without items only between two parts of one run.
        run: Option<(K, Vec<S::Item>)>,
        split: Option<Split<K>>,
        pace: Pace,
    }
}

/// How a long run is split. The function is kept so that only who splits runs
/// needs keys that can be cloned.
struct Split<K> {
    max_len: usize,
    clone: fn(&K) -> K,
}

impl<S: Stream, F, K> ChunkBy<S, F, K> {
    /// Splits a run of more than `len` items into parts, each with the key of the run.
    ///
    /// A part is given as soon as it has `len` items; the default is no bound. So
    /// a run that never ends doesn't fill the memory. Call it before the stream is
    /// polled: what is held by then is given as one part.
    ///
    /// # Panics
    ///
    /// If `len` is the `usize` zero: see [`Limit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut runs = iter("aaab".chars()).chunk_by(|&letter| letter).max_len(2);
    /// assert_eq!(next(&mut runs).await, Some(('a', vec!['a', 'a'])));
    /// assert_eq!(next(&mut runs).await, Some(('a', vec!['a'])));
    /// assert_eq!(next(&mut runs).await, Some(('b', vec!['b'])));
    /// # }
    /// ```
    #[track_caller]
    pub fn max_len(self, len: impl Limit) -> Self
    where
        K: Clone,
    {
        let split = Split {
            max_len: len.at_least_one("the greatest length").get(),
            clone: K::clone,
        };
        Self {
            split: Some(split),
            ..self
        }
    }

    /// Gives back the source and the run that isn't complete yet, if there is one.
    #[expect(clippy::type_complexity, reason = "a run is the item of the stream")]
    pub fn into_parts(self) -> (S, Option<(K, Vec<S::Item>)>) {
        (self.stream, self.run.filter(|(_, items)| !items.is_empty()))
    }

    fn unfinished(&self) -> usize {
        self.run.as_ref().map_or(0, |(_, items)| items.len())
    }

    fn max_len_or_none(&self) -> usize {
        self.split
            .as_ref()
            .map_or(usize::MAX, |split| split.max_len)
    }
}

impl<S, F, K> Stream for ChunkBy<S, F, K>
where
    S: Stream,
    F: FnMut(&S::Item) -> K,
    K: PartialEq,
{
    type Item = (K, Vec<S::Item>);

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            if let (Some(split), Some((key, items))) = (&*this.split, &mut *this.run)
                && items.len() >= split.max_len
            {
                let key = (split.clone)(key);
                return Poll::Ready(Some((key, mem::take(items))));
            }
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            let Some(item) = ready!(this.stream.as_mut().poll_next(cx)) else {
                // At once, since a panic of the drop of a key must not undo it.
                this.pace.end();
                let last = this.run.take().filter(|(_, items)| !items.is_empty());
                this.pace.end_after(&last);
                return Poll::Ready(last);
            };
            let key = (this.key)(&item);
            match &mut *this.run {
                Some((current, items)) if *current == key => items.push(item),
                run => {
                    let run = run.replace((key, vec![item]));
                    if let Some((key, items)) = run
                        && !items.is_empty()
                    {
                        return Poll::Ready(Some((key, items)));
                    }
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.pace.has_ended() {
            return ENDED;
        }
        let hint = self.stream.size_hint();
        // A run that was longer when the bound was said is one part all the same.
        let max_len = self.max_len_or_none();
        let (fewest, _) = plus(hint, self.unfinished().min(max_len));
        let (_, most) = plus(hint, usize::from(self.unfinished() > 0));
        (fewest.div_ceil(max_len), most)
    }
}

impl<S, F, K> FusedStream for ChunkBy<S, F, K>
where
    S: Stream,
    F: FnMut(&S::Item) -> K,
    K: PartialEq,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<S: Stream + fmt::Debug, F, K> fmt::Debug for ChunkBy<S, F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkBy")
            .field("stream", &self.stream)
            .field("unfinished", &self.unfinished())
            .field("done", &self.pace.has_ended())
            .finish_non_exhaustive()
    }
}
