use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::choices::{Choices, Combination, Places};

/// Gives every choice of any number of items of a stream: by size, then by place.
///
/// The first one is empty and the last one has all items: `2ⁿ` choices of `n`
/// items. The stream is read to its end first, so one that never ends gives
/// nothing. It is the recipe of that name in Python's documentation.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, next, sources::powerset};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut sets = powerset(iter([1, 2]));
/// assert_eq!(next(&mut sets).await, Some(vec![]));
/// assert_eq!(next(&mut sets).await, Some(vec![1]));
/// assert_eq!(next(&mut sets).await, Some(vec![2]));
/// assert_eq!(next(&mut sets).await, Some(vec![1, 2]));
/// assert_eq!(next(&mut sets).await, None);
/// # }
/// ```
pub fn powerset<S>(stream: S) -> Powerset<S>
where
    S: Stream<Item: Clone>,
{
    Powerset {
        choices: Choices::new(stream, 0),
    }
}

pin_project! {
    /// The stream of [`powerset`](crate::sources::powerset()): each item is a `Vec` of some of the items.
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
    pub struct Powerset<S: Stream> {
        #[pin]
        choices: Choices<S, Subset>,
    }
}

impl<S: Stream> Powerset<S> {
    /// Gives back the stream and the items that were collected of it.
    pub fn into_parts(self) -> (S, Vec<S::Item>) {
        self.choices.into_parts()
    }
}

impl<S: Stream<Item: Clone>> Stream for Powerset<S> {
    type Item = Vec<S::Item>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        self.project().choices.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.choices.size_hint()
    }
}

impl<S: Stream<Item: Clone>> FusedStream for Powerset<S> {
    fn is_terminated(&self) -> bool {
        self.choices.is_terminated()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for Powerset<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Powerset")
            .field("choices", &self.choices)
            .finish()
    }
}

/// Combinations of every size, from the given one on.
#[derive(Debug)]
struct Subset {
    pool: usize,
    combination: Combination,
}

impl Places for Subset {
    fn first(pool: usize, size: usize) -> Option<Self> {
        let combination = Combination::first(pool, size)?;
        Some(Self { pool, combination })
    }

    fn places(&self) -> &[usize] {
        self.combination.places()
    }

    fn next(self) -> Option<Self> {
        let longer = self.combination.places().len() + 1;
        match self.combination.next() {
            Some(combination) => Some(Self {
                combination,
                ..self
            }),
            None => Self::first(self.pool, longer),
        }
    }

    fn total(pool: usize, _: usize) -> Option<u128> {
        1_u128.checked_shl(u32::try_from(pool).ok()?)
    }
}
