use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::ENDED;

/// Gives the items of a stream, then gives copies of them over and over.
///
/// The stream is read once: its items are kept, and each is cloned whenever it
/// is given. So it needs as much memory as the stream has items, and a stream
/// that never ends fills it. An empty stream ends at once.
///
/// It is endless otherwise: it spends the budget, so a `timeout` or a neighbour
/// gets its turn. Unlike the `cycle` of `futures` it needs no `Clone` of the
/// stream, which would run its work again.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::cycle, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut letters = cycle(iter("AB".chars()));
/// for expected in ['A', 'B', 'A', 'B', 'A'] {
///     assert_eq!(next(&mut letters).await, Some(expected));
/// }
/// # }
/// ```
pub fn cycle<S>(stream: S) -> Cycle<S>
where
    S: Stream<Item: Clone>,
{
    Cycle {
        stream,
        kept: Vec::new(),
        at: 0,
        stage: Stage::First,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`cycle`](crate::adaptors::cycle()).
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | all items of the source |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Cycle<S: Stream> {
        #[pin]
        stream: S,
        kept: Vec<S::Item>,
        // Which of those that are kept is given next; the stream's next one at their end.
        at: usize,
        stage: Stage,
        pace: Pace,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The stream has not ended.
    First,
    /// What is kept is given again.
    Again,
    /// There was nothing to keep.
    Ended,
}

impl<S: Stream> Cycle<S> {
    /// Gives back the stream and all items that it has given so far.
    pub fn into_parts(self) -> (S, Vec<S::Item>) {
        (self.stream, self.kept)
    }
}

impl<S: Stream<Item: Clone>> Stream for Cycle<S> {
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        if *this.stage == Stage::Ended {
            return Poll::Ready(None);
        }
        ready!(this.pace.poll_item(cx));
        if *this.at == this.kept.len() && *this.stage == Stage::First {
            match ready!(this.stream.as_mut().poll_next(cx)) {
                Some(item) => this.kept.push(item),
                None if this.kept.is_empty() => {
                    *this.stage = Stage::Ended;
                    return Poll::Ready(None);
                }
                None => *this.stage = Stage::Again,
            }
        }
        if *this.at == this.kept.len() {
            *this.at = 0;
        }
        let item = this.kept[*this.at].clone();
        *this.at += 1;
        Poll::Ready(Some(item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        const ENDLESS: (usize, Option<usize>) = (usize::MAX, None);
        match self.stage {
            Stage::Ended => ENDED,
            _ if !self.kept.is_empty() => ENDLESS,
            _ => match self.stream.size_hint() {
                (_, Some(0)) => ENDED,
                (0, _) => (0, None),
                _ => ENDLESS,
            },
        }
    }
}

impl<S: Stream<Item: Clone>> FusedStream for Cycle<S> {
    fn is_terminated(&self) -> bool {
        self.stage == Stage::Ended
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for Cycle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cycle")
            .field("stream", &self.stream)
            .field("kept", &self.kept.len())
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}
