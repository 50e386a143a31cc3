use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::drive::polled_after_its_end;

/// Says whether two streams give equal items, and equally many of them.
///
/// Both are polled together, so it takes as long as the slower one and not as
/// both. Items are compared in pairs, so at the first difference equally many
/// have been taken of each, unless one of the streams has ended there.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | one item |
/// | stops early | at the first difference |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: an item whose partner hasn't come is dropped with the future.
/// Pass `&mut` of both streams to keep the rest of them.
///
/// # Examples
///
/// ```
/// use aio_itertools::{consumers::eq, iter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert!(eq(iter(1..=3), iter([1, 2, 3])).await);
/// assert!(!eq(iter(0..), iter([0, 1])).await);
/// # }
/// ```
pub fn eq<A, B>(left: A, right: B) -> impl Future<Output = bool>
where
    A: Stream,
    B: Stream,
    A::Item: PartialEq<B::Item>,
{
    Eq {
        left,
        right,
        heads: Some((Head::Awaited, Head::Awaited)),
        pace: Pace::new(),
    }
}

pin_project! {
    /// The future of [`eq`].
    struct Eq<A: Stream, B: Stream> {
        #[pin]
        left: A,
        #[pin]
        right: B,
        // Out of its place while it is polled, so a panic leaves nothing to go on with.
        heads: Option<(Head<A::Item>, Head<B::Item>)>,
        pace: Pace,
    }
}

/// What is known of the next item of one side.
enum Head<T> {
    Awaited,
    Item(T),
    Ended,
}

impl<T> Head<T> {
    /// Polls for the item unless it or the end is there already.
    fn or_poll<S>(self, stream: Pin<&mut S>, cx: &mut Context<'_>) -> Self
    where
        S: Stream<Item = T>,
    {
        match self {
            Self::Awaited => match stream.poll_next(cx) {
                Poll::Ready(Some(item)) => Self::Item(item),
                Poll::Ready(None) => Self::Ended,
                Poll::Pending => Self::Awaited,
            },
            known => known,
        }
    }
}

impl<A, B> Future for Eq<A, B>
where
    A: Stream,
    B: Stream,
    A::Item: PartialEq<B::Item>,
{
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let mut this = self.project();
        let Some((mut left, mut right)) = this.heads.take() else {
            polled_after_its_end();
        };
        loop {
            if this.pace.poll_item(cx).is_ready() {
                left = left.or_poll(this.left.as_mut(), cx);
                right = right.or_poll(this.right.as_mut(), cx);
            }
            match (left, right) {
                (Head::Item(a), Head::Item(b)) if a == b => {
                    (left, right) = (Head::Awaited, Head::Awaited);
                }
                (Head::Ended, Head::Ended) => return Poll::Ready(true),
                (Head::Awaited, right) => {
                    *this.heads = Some((Head::Awaited, right));
                    return Poll::Pending;
                }
                (left, Head::Awaited) => {
                    *this.heads = Some((left, Head::Awaited));
                    return Poll::Pending;
                }
                _ => return Poll::Ready(false),
            }
        }
    }
}
