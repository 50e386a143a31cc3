use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, SizeHint};

/// Gives the items of several streams, one stream after the other.
///
/// The streams are of one type; they are taken from their iterator one at a
/// time, each when the one before has ended. So an iterator that opens files or
/// asks for pages does so when their turn comes. Streams that come
/// asynchronously themselves are for
/// [`chain_from_iterable`](crate::adaptors::chain_from_iterable()).
///
/// # Examples
///
/// ```
/// use aio_itertools::{chain, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut letters = chain([iter("AB".chars()), iter("C".chars())]);
/// assert_eq!(next(&mut letters).await, Some('A'));
/// assert_eq!(next(&mut letters).await, Some('B'));
/// assert_eq!(next(&mut letters).await, Some('C'));
/// assert_eq!(next(&mut letters).await, None);
/// # }
/// ```
#[doc(alias = "concat")]
pub fn chain<I>(streams: I) -> Chain<I::IntoIter>
where
    I: IntoIterator<Item: Stream>,
{
    Chain {
        streams: Some(streams.into_iter()),
        current: None,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`chain`](fn@crate::chain).
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | nothing is kept |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact for the last stream; before it at least what the current one gives |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Chain<I: Iterator> {
        // `None` after the end: an iterator is not asked again, fused or not.
        streams: Option<I>,
        #[pin]
        current: Option<I::Item>,
        pace: Pace,
    }
}

impl<I: Iterator<Item: Stream>> Chain<I> {
    /// Gives back the stream that is being read, if one is, and the iterator over
    /// the others; no iterator after the end.
    pub fn into_parts(self) -> (Option<I::Item>, Option<I>) {
        (self.current, self.streams)
    }
}

impl<I: Iterator<Item: Stream>> Chain<I> {
    /// Gives the next item when the current stream has ended, out of line: that is
    /// seldom.
    #[cold]
    fn poll_others(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<<Self as Stream>::Item>> {
        let mut this = self.project();
        loop {
            this.current.set(None);
            let Some(next) = this.streams.as_mut().and_then(I::next) else {
                *this.streams = None;
                this.pace.end();
                return Poll::Ready(None);
            };
            this.current.set(Some(next));
            ready!(this.pace.poll_item(cx));
            if let Some(current) = this.current.as_mut().as_pin_mut()
                && let Some(item) = ready!(current.poll_next(cx))
            {
                return Poll::Ready(Some(item));
            }
        }
    }
}

impl<I: Iterator<Item: Stream>> Stream for Chain<I> {
    type Item = <I::Item as Stream>::Item;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.as_mut().project();
        if !ready!(this.pace.poll_more(cx)) {
            return Poll::Ready(None);
        }
        if let Some(current) = this.current.as_pin_mut()
            && let Some(item) = ready!(current.poll_next(cx))
        {
            return Poll::Ready(Some(item));
        }
        self.poll_others(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let Some(streams) = &self.streams else {
            return ENDED;
        };
        followed_by(&self.current, streams.size_hint())
    }
}

/// The hint of a stream and of others after it, of which only the number is known.
fn followed_by<S: Stream>(current: &Option<S>, others: SizeHint) -> SizeHint {
    let (lower, upper) = current.as_ref().map_or(ENDED, Stream::size_hint);
    let is_last = others.1 == Some(0);
    (lower, upper.filter(|_| is_last))
}

impl<I: Iterator<Item: Stream>> FusedStream for Chain<I> {
    fn is_terminated(&self) -> bool {
        self.streams.is_none()
    }
}

impl<I: Iterator<Item: fmt::Debug> + fmt::Debug> fmt::Debug for Chain<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("streams", &self.streams)
            .field("current", &self.current)
            .finish()
    }
}

/// Gives the items of the streams that a stream gives, one stream after the other.
///
/// It is [`chain`](fn@crate::chain) for streams that come asynchronously: pages
/// of an interface, files of a folder. The next stream is asked for only when the
/// current one has ended.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::chain_from_iterable, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let pages = iter(["AB", "C"].map(|page| iter(page.chars())));
/// let mut letters = chain_from_iterable(pages);
/// assert_eq!(next(&mut letters).await, Some('A'));
/// assert_eq!(next(&mut letters).await, Some('B'));
/// assert_eq!(next(&mut letters).await, Some('C'));
/// assert_eq!(next(&mut letters).await, None);
/// # }
/// ```
#[doc(alias = "chain.from_iterable")]
#[doc(alias = "flatten")]
pub fn chain_from_iterable<S>(streams: S) -> ChainFromIterable<S>
where
    S: Stream<Item: Stream>,
{
    ChainFromIterable {
        streams,
        current: None,
        done: false,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`chain_from_iterable`](crate::adaptors::chain_from_iterable()).
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | nothing is kept |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact for the last stream; before it at least what the current one gives |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct ChainFromIterable<S: Stream> {
        #[pin]
        streams: S,
        #[pin]
        current: Option<S::Item>,
        done: bool,
        pace: Pace,
    }
}

impl<S: Stream<Item: Stream>> ChainFromIterable<S> {
    /// Gives back the stream that is being read, if one is, and the stream of the others.
    pub fn into_parts(self) -> (Option<S::Item>, S) {
        (self.current, self.streams)
    }
}

impl<S: Stream<Item: Stream>> Stream for ChainFromIterable<S> {
    type Item = <S::Item as Stream>::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if *this.done {
            return Poll::Ready(None);
        }
        loop {
            ready!(this.pace.poll_item(cx));
            if let Some(current) = this.current.as_mut().as_pin_mut() {
                if let Some(item) = ready!(current.poll_next(cx)) {
                    return Poll::Ready(Some(item));
                }
                this.current.set(None);
            }
            match ready!(this.streams.as_mut().poll_next(cx)) {
                Some(stream) => this.current.set(Some(stream)),
                None => {
                    *this.done = true;
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.done {
            return ENDED;
        }
        followed_by(&self.current, self.streams.size_hint())
    }
}

impl<S: Stream<Item: Stream>> FusedStream for ChainFromIterable<S> {
    fn is_terminated(&self) -> bool {
        self.done
    }
}

impl<S: Stream<Item: fmt::Debug> + fmt::Debug> fmt::Debug for ChainFromIterable<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainFromIterable")
            .field("streams", &self.streams)
            .field("current", &self.current)
            .field("done", &self.done)
            .finish()
    }
}
