use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::choices::{Choices, Places};

/// Gives every ordered choice of `size` items of a stream.
///
/// The order is Python's: that of the places in the stream, the last place of a
/// choice changing first. Items are told apart by their place and not by their
/// value. The stream is read to its end first, so one that never ends gives
/// nothing. A `size` of zero gives one empty choice, and a `size` beyond the
/// number of items gives none; Python's default, all items, is a `size` of as
/// many as there are.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, next, sources::permutations};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut orders = permutations(iter(0..3), 2);
/// assert_eq!(next(&mut orders).await, Some(vec![0, 1]));
/// assert_eq!(next(&mut orders).await, Some(vec![0, 2]));
/// assert_eq!(next(&mut orders).await, Some(vec![1, 0]));
/// # }
/// ```
pub fn permutations<S>(stream: S, size: usize) -> Permutations<S>
where
    S: Stream<Item: Clone>,
{
    Permutations {
        choices: Choices::new(stream, size),
    }
}

pin_project! {
    /// The stream of [`permutations`](crate::sources::permutations()): each item is a `Vec` of `size` items.
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
    pub struct Permutations<S: Stream> {
        #[pin]
        choices: Choices<S, Arrangement>,
    }
}

impl<S: Stream> Permutations<S> {
    /// Gives back the stream and the items that were collected of it.
    pub fn into_parts(self) -> (S, Vec<S::Item>) {
        self.choices.into_parts()
    }
}

impl<S: Stream<Item: Clone>> Stream for Permutations<S> {
    type Item = Vec<S::Item>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        self.project().choices.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.choices.size_hint()
    }
}

impl<S: Stream<Item: Clone>> FusedStream for Permutations<S> {
    fn is_terminated(&self) -> bool {
        self.choices.is_terminated()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for Permutations<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permutations")
            .field("choices", &self.choices)
            .finish()
    }
}

/// Places in any order, each taken once at most.
#[derive(Debug)]
struct Arrangement {
    /// All places of the pool; the choice is at the front.
    order: Vec<usize>,
    /// For each place of the choice, how many values it still takes before the
    /// place to its left changes.
    turns: Vec<usize>,
}

impl Places for Arrangement {
    fn first(pool: usize, size: usize) -> Option<Self> {
        (size <= pool).then(|| Self {
            order: (0..pool).collect(),
            turns: (0..size).map(|at| pool - at).collect(),
        })
    }

    fn places(&self) -> &[usize] {
        &self.order[..self.turns.len()]
    }

    fn next(mut self) -> Option<Self> {
        let pool = self.order.len();
        for at in (0..self.turns.len()).rev() {
            self.turns[at] -= 1;
            if self.turns[at] > 0 {
                self.order.swap(at, pool - self.turns[at]);
                return Some(self);
            }
            // All values were here: the places behind are as they were again.
            self.turns[at] = pool - at;
            self.order[at..].rotate_left(1);
        }
        None
    }

    fn total(pool: usize, size: usize) -> Option<u128> {
        if size > pool {
            return Some(0);
        }
        // Each factor but the last at least doubles the product: the loop is short.
        (0..size).try_fold(1_u128, |product, taken| {
            product.checked_mul((pool - taken) as u128)
        })
    }
}
