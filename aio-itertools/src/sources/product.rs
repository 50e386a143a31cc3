use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::lanes::{Choose, Filled, Lanes, Streams};
use crate::size_hint::{ENDED, SizeHint, exactly};

/// Gives every choice of one item of each stream: the nested loops over them.
///
/// The last stream is the innermost loop, so its items change first. A tuple of
/// two to eight streams gives tuples; an array or a `Vec` of streams gives a
/// `Vec`, a single empty one for no streams.
///
/// All streams are read to their ends first, and at once, so the wait is as long
/// as the slowest of them and one that never ends gives nothing. As soon as one
/// turns out to be empty, the product is empty and the others are left alone.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, next, product};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut cells = product((iter("AB".chars()), iter([1, 2])));
/// assert_eq!(next(&mut cells).await, Some(('A', 1)));
/// assert_eq!(next(&mut cells).await, Some(('A', 2)));
/// assert_eq!(next(&mut cells).await, Some(('B', 1)));
/// assert_eq!(next(&mut cells).await, Some(('B', 2)));
/// assert_eq!(next(&mut cells).await, None);
/// # }
/// ```
#[doc(alias = "cartesian_product")]
#[doc(alias = "iproduct")]
pub fn product<L: Streams>(pools: L) -> Product<L> {
    Product {
        pools: pools.pooling(),
        stage: Stage::Collecting,
        pace: Pace::new(),
    }
}

pin_project! {
    /// The stream of [`product`](fn@crate::product): each item is a tuple or a `Vec` with
    /// one item of each stream.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Cancel safe |
    /// | in-flight work | none |
    /// | memory | all items of each source |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | yes: the source is not polled after its end |
    /// | size_hint | exact when the source's is |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "streams do nothing unless polled"]
    pub struct Product<L: Streams> {
        #[pin]
        pools: L::Pooling,
        stage: Stage,
        pace: Pace,
    }
}

#[derive(Debug)]
enum Stage {
    Collecting,
    /// The next choice, and how many there are from it on.
    Choosing(Odometer, Option<u128>),
    /// The last choice was given, the end was not.
    Exhausted,
    Ended,
}

/// One place for each pool; the last one turns first.
#[derive(Debug)]
struct Odometer {
    lengths: Vec<usize>,
    places: Vec<usize>,
}

impl Odometer {
    /// The first choice: no pool is empty.
    fn new(lengths: Vec<usize>) -> Self {
        let places = vec![0; lengths.len()];
        Self { lengths, places }
    }

    /// Goes on to the next choice; false after the last one.
    fn turn(&mut self) -> bool {
        for (place, &length) in self.places.iter_mut().zip(&self.lengths).rev() {
            *place += 1;
            if *place < length {
                return true;
            }
            *place = 0;
        }
        false
    }
}

/// How many choices there are; `None` if a `u128` can't hold it.
fn total(mut lengths: impl Iterator<Item = usize> + Clone) -> Option<u128> {
    if lengths.clone().any(|length| length == 0) {
        return Some(0);
    }
    lengths.try_fold(1_u128, |product, length| {
        product.checked_mul(length as u128)
    })
}

impl<L: Streams> Product<L> {
    /// Gives back the streams and the items that were collected of each.
    ///
    /// The streams of an array or a `Vec` come back in the pinned boxes that they
    /// were put into.
    pub fn into_parts(self) -> (L::Sources, L::Pools) {
        L::unpool(self.pools)
    }
}

impl<L: Choose> Stream for Product<L> {
    type Item = L::Items;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<L::Items>> {
        let mut this = self.project();
        if matches!(this.stage, Stage::Ended) {
            return Poll::Ready(None);
        }
        if matches!(this.stage, Stage::Collecting) {
            let mut waiting = false;
            let empty = this.pools.as_mut().poll_each(cx, |_, pool| {
                waiting |= pool == Filled::Waiting;
                match pool {
                    Filled::Ended => ControlFlow::Break(()),
                    Filled::Full | Filled::Waiting => ControlFlow::Continue(()),
                }
            });
            if empty.is_break() {
                *this.stage = Stage::Ended;
                return Poll::Ready(None);
            }
            if waiting {
                return Poll::Pending;
            }
            let lengths = L::lengths(&this.pools);
            let total = total(lengths.iter().copied());
            *this.stage = Stage::Choosing(Odometer::new(lengths), total);
        }
        ready!(this.pace.poll_item(cx));
        let Stage::Choosing(odometer, left) = this.stage else {
            *this.stage = Stage::Ended;
            return Poll::Ready(None);
        };
        // A copy may panic: the choice stays the next one until it is complete.
        let chosen = L::choose(&this.pools, &odometer.places);
        *left = left.map(|left| left - 1);
        if !odometer.turn() {
            *this.stage = Stage::Exhausted;
        }
        Poll::Ready(Some(chosen))
    }

    fn size_hint(&self) -> SizeHint {
        match self.stage {
            Stage::Collecting => {
                let hints: Vec<SizeHint> = self.pools.hints().collect();
                let lower = total(hints.iter().map(|hint| hint.0));
                // An empty pool makes the product empty, however long the others are.
                let bounded = hints.iter().all(|hint| hint.1.is_some());
                let empty = hints.iter().any(|hint| hint.1 == Some(0));
                let upper = match bounded || empty {
                    true => exactly(total(hints.iter().map(|hint| hint.1.unwrap_or(0)))).1,
                    false => None,
                };
                (exactly(lower).0, upper)
            }
            Stage::Choosing(_, left) => exactly(left),
            Stage::Exhausted | Stage::Ended => ENDED,
        }
    }
}

impl<L: Choose> FusedStream for Product<L> {
    fn is_terminated(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }
}

impl<L: Streams<Pooling: fmt::Debug>> fmt::Debug for Product<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Product")
            .field("pools", &self.pools)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}
