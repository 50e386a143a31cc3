use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, plus, sum};

/// Gives the items of streams one stream after the other, with a separator between two streams.
///
/// It is `str::join` for streams: an empty stream stands between two separators,
/// and there is none at either end. A separator is given only when the next
/// stream is there. Each stream is dropped at its end, before the next one is
/// asked for.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::joined, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let pages = iter([iter(vec![1, 2]), iter(vec![]), iter(vec![3])]);
/// let mut numbers = joined(pages, 0);
/// for expected in [1, 2, 0, 0, 3] {
///     assert_eq!(next(&mut numbers).await, Some(expected));
/// }
/// assert_eq!(next(&mut numbers).await, None);
/// # }
/// ```
#[doc(alias = "intercalate")]
pub fn joined<S>(streams: S, separator: <S::Item as Stream>::Item) -> Joined<S>
where
    S: Stream,
    S::Item: Stream,
    <S::Item as Stream>::Item: Clone,
{
    Joined {
        streams,
        inner: None,
        separator,
        between: Between::Start,
        done: false,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`joined`](crate::adaptors::joined()).
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | one inner stream and the separator |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: no stream is polled after its end |
    /// | size_hint | at least the current inner stream and the separators to come |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Joined<S>
    where
        S: Stream,
        S::Item: Stream,
    {
        #[pin]
        streams: S,
        #[pin]
        inner: Option<S::Item>,
        separator: <S::Item as Stream>::Item,
        between: Between,
        done: bool,
        pace: Pace,
    }
}

/// Whether the next inner stream has a separator before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    /// There was no inner stream: the first has none.
    Start,
    /// The inner stream that is there has had its own.
    Given,
    /// The separator is given before the inner stream that is there.
    Due,
}

impl<S> Joined<S>
where
    S: Stream,
    S::Item: Stream,
{
    /// Gives back the stream of streams, and the inner stream that isn't at its end,
    /// if there is one. No item is held.
    pub fn into_parts(self) -> (S, Option<S::Item>) {
        (self.streams, self.inner)
    }
}

impl<S> Stream for Joined<S>
where
    S: Stream,
    S::Item: Stream,
    <S::Item as Stream>::Item: Clone,
{
    type Item = <S::Item as Stream>::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if *this.done {
            return Poll::Ready(None);
        }
        loop {
            if *this.between == Between::Due {
                let separator = this.separator.clone();
                *this.between = Between::Given;
                return Poll::Ready(Some(separator));
            }
            ready!(this.pace.poll_item(cx));
            if let Some(inner) = this.inner.as_mut().as_pin_mut() {
                match ready!(inner.poll_next(cx)) {
                    None => this.inner.set(None),
                    item => return Poll::Ready(item),
                }
            } else {
                let inner = ready!(this.streams.as_mut().poll_next(cx));
                if inner.is_none() {
                    *this.done = true;
                    return Poll::Ready(None);
                }
                this.inner.set(inner);
                *this.between = match *this.between {
                    Between::Start => Between::Given,
                    Between::Given | Between::Due => Between::Due,
                };
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.done {
            return ENDED;
        }
        let inner = self.inner.as_ref().map_or(ENDED, S::Item::size_hint);
        let here = plus(inner, usize::from(self.between == Between::Due));
        let (least, most) = self.streams.size_hint();
        // Each stream to come has a separator, and nobody knows what else.
        let separators = match self.between {
            Between::Start => least.saturating_sub(1),
            Between::Given | Between::Due => least,
        };
        let to_come = (separators, most.filter(|&most| most == 0));
        sum(here, to_come)
    }
}

impl<S> FusedStream for Joined<S>
where
    S: Stream,
    S::Item: Stream,
    <S::Item as Stream>::Item: Clone,
{
    fn is_terminated(&self) -> bool {
        self.done
    }
}

impl<S> fmt::Debug for Joined<S>
where
    S: Stream + fmt::Debug,
    S::Item: Stream + fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined")
            .field("streams", &self.streams)
            .field("inner", &self.inner)
            .field("between", &self.between)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
