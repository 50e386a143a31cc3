use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::size_hint::{ENDED, SizeHint, at_most, min, plus};

/// Gives the items of `data` whose selector, the item of `selectors` at the same
/// position, is true.
///
/// It is a filter whose answers come from elsewhere: a mask, or checks that another
/// stream makes. It ends when either stream does.
///
/// Both streams are waited for at once. What comes first is kept for its partner
/// and is never lost, cancelled or not. A selector is looked at before its item is
/// taken, so where both are ready and the selectors are at their end, no item is
/// taken in vain. Where one was, [`into_parts`](Compress::into_parts) has it.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::compress, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut chosen = compress(iter("ABCDE".chars()), iter([true, false, true]));
/// assert_eq!(next(&mut chosen).await, Some('A'));
/// assert_eq!(next(&mut chosen).await, Some('C'));
/// assert_eq!(next(&mut chosen).await, None);
/// # }
/// ```
pub fn compress<D, B>(data: D, selectors: B) -> Compress<D, B>
where
    D: Stream,
    B: Stream<Item = bool>,
{
    Compress {
        data,
        selectors,
        item: None,
        selector: None,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`compress`](crate::adaptors::compress()): the items that were selected.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | one item or one selector, until its partner comes |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: neither source is polled after the end of one |
    /// | size_hint | at most that of the shorter source |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Compress<D: Stream, B> {
        #[pin]
        data: D,
        #[pin]
        selectors: B,
        item: Option<D::Item>,
        selector: Option<bool>,
        pace: Pace,
    }
}

impl<D: Stream, B> Compress<D, B> {
    /// Gives back both sources, and the item or the selector that still waits for
    /// its partner: at most one of the two.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut chosen = iter([1, 2]).compress(iter([true, true, false]));
    /// while next(&mut chosen).await.is_some() {}
    /// let (_, selectors, item, selector) = chosen.into_parts();
    /// // The data ended, and the third selector had come already.
    /// assert_eq!((item, selector), (None, Some(false)));
    /// assert_eq!(selectors.into_parts().map(Iterator::count), Some(0));
    /// # }
    /// ```
    pub fn into_parts(self) -> (D, B, Option<D::Item>, Option<bool>) {
        (self.data, self.selectors, self.item, self.selector)
    }
}

impl<D, B> Stream for Compress<D, B>
where
    D: Stream,
    B: Stream<Item = bool>,
{
    type Item = D::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<D::Item>> {
        let mut this = self.project();
        loop {
            if !ready!(this.pace.poll_more(cx)) {
                return Poll::Ready(None);
            }
            let selected = match *this.selector {
                Some(selected) => Some(selected),
                None => match this.selectors.as_mut().poll_next(cx) {
                    Poll::Ready(Some(selected)) => Some(selected),
                    Poll::Ready(None) => break,
                    Poll::Pending => None,
                },
            };
            // It waits while the data is polled: for an item, or for the end of a panic.
            *this.selector = selected;
            let item = match this.item.take() {
                Some(item) => item,
                None => match this.data.as_mut().poll_next(cx) {
                    Poll::Ready(Some(item)) => item,
                    Poll::Ready(None) => break,
                    Poll::Pending => return Poll::Pending,
                },
            };
            let Some(selected) = selected else {
                *this.item = Some(item);
                return Poll::Pending;
            };
            *this.selector = None;
            if selected {
                return Poll::Ready(Some(item));
            }
        }
        this.pace.end();
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        if self.pace.has_ended() {
            return ENDED;
        }
        let items = plus(self.data.size_hint(), usize::from(self.item.is_some()));
        let selectors = plus(
            self.selectors.size_hint(),
            usize::from(self.selector.is_some()),
        );
        at_most(min(items, selectors))
    }
}

impl<D, B> FusedStream for Compress<D, B>
where
    D: Stream,
    B: Stream<Item = bool>,
{
    fn is_terminated(&self) -> bool {
        self.pace.is_over()
    }
}

impl<D: Stream + fmt::Debug, B: fmt::Debug> fmt::Debug for Compress<D, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compress")
            .field("data", &self.data)
            .field("selectors", &self.selectors)
            .field("item_waits", &self.item.is_some())
            .field("selector_waits", &self.selector.is_some())
            .field("done", &self.pace.has_ended())
            .finish()
    }
}
