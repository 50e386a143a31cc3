use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::choices::{Choices, Combination, Places, binomial};

/// Gives every choice of `size` items of a stream, in the order of the stream.
///
/// Items are told apart by their place and not by their value. The stream is
/// read to its end first, so one that never ends gives nothing; then the choices
/// are made one at a time. A `size` of zero gives one empty choice, and a `size`
/// beyond the number of items gives none.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, next, sources::combinations};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut pairs = combinations(iter("ABC".chars()), 2);
/// assert_eq!(next(&mut pairs).await, Some(vec!['A', 'B']));
/// assert_eq!(next(&mut pairs).await, Some(vec!['A', 'C']));
/// assert_eq!(next(&mut pairs).await, Some(vec!['B', 'C']));
/// assert_eq!(next(&mut pairs).await, None);
/// # }
/// ```
pub fn combinations<S>(stream: S, size: usize) -> Combinations<S>
where
    S: Stream<Item: Clone>,
{
    Combinations {
        choices: Choices::new(stream, size),
    }
}

pin_project! {
    /// The stream of [`combinations`](crate::sources::combinations()): each item is a `Vec` of `size` items.
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
    pub struct Combinations<S: Stream> {
        #[pin]
        choices: Choices<S, Combination>,
    }
}

impl<S: Stream> Combinations<S> {
    /// Gives back the stream and the items that were collected of it.
    pub fn into_parts(self) -> (S, Vec<S::Item>) {
        self.choices.into_parts()
    }
}

impl<S: Stream<Item: Clone>> Stream for Combinations<S> {
    type Item = Vec<S::Item>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        self.project().choices.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.choices.size_hint()
    }
}

impl<S: Stream<Item: Clone>> FusedStream for Combinations<S> {
    fn is_terminated(&self) -> bool {
        self.choices.is_terminated()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for Combinations<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Combinations")
            .field("choices", &self.choices)
            .finish()
    }
}

/// Gives every choice of `size` items of a stream where an item may be chosen again.
///
/// Otherwise it is [`combinations`](crate::sources::combinations()): the stream is
/// read to its end first, and one that never ends gives nothing. `size` may be
/// greater than the number of items; each choice is that long.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, next, sources::combinations_with_replacement};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut pairs = combinations_with_replacement(iter("AB".chars()), 2);
/// assert_eq!(next(&mut pairs).await, Some(vec!['A', 'A']));
/// assert_eq!(next(&mut pairs).await, Some(vec!['A', 'B']));
/// assert_eq!(next(&mut pairs).await, Some(vec!['B', 'B']));
/// assert_eq!(next(&mut pairs).await, None);
/// # }
/// ```
pub fn combinations_with_replacement<S>(stream: S, size: usize) -> CombinationsWithReplacement<S>
where
    S: Stream<Item: Clone>,
{
    CombinationsWithReplacement {
        choices: Choices::new(stream, size),
    }
}

pin_project! {
    /// The stream of [`combinations_with_replacement`](crate::sources::combinations_with_replacement()): each item is a
    /// `Vec` of `size` items.
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
    pub struct CombinationsWithReplacement<S: Stream> {
        #[pin]
        choices: Choices<S, Multichoice>,
    }
}

impl<S: Stream> CombinationsWithReplacement<S> {
    /// Gives back the stream and the items that were collected of it.
    pub fn into_parts(self) -> (S, Vec<S::Item>) {
        self.choices.into_parts()
    }
}

impl<S: Stream<Item: Clone>> Stream for CombinationsWithReplacement<S> {
    type Item = Vec<S::Item>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        self.project().choices.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.choices.size_hint()
    }
}

impl<S: Stream<Item: Clone>> FusedStream for CombinationsWithReplacement<S> {
    fn is_terminated(&self) -> bool {
        self.choices.is_terminated()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for CombinationsWithReplacement<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CombinationsWithReplacement")
            .field("choices", &self.choices)
            .finish()
    }
}

/// Places in ascending order, each taken as often as one likes.
#[derive(Debug)]
struct Multichoice {
    pool: usize,
    places: Vec<usize>,
}

impl Places for Multichoice {
    fn first(pool: usize, size: usize) -> Option<Self> {
        (pool > 0 || size == 0).then(|| Self {
            pool,
            places: vec![0; size],
        })
    }

    fn places(&self) -> &[usize] {
        &self.places
    }

    fn next(mut self) -> Option<Self> {
        let moved = self.places.iter().rposition(|&at| at + 1 < self.pool)?;
        let place = self.places[moved] + 1;
        self.places[moved..].fill(place);
        Some(self)
    }

    fn total(pool: usize, size: usize) -> Option<u128> {
        // Places with repetition are distinct places of a pool that is longer by
        // all but one of them.
        match (pool, size) {
            (_, 0) => Some(1),
            (0, _) => Some(0),
            _ => binomial(pool as u128 + size as u128 - 1, size as u128),
        }
    }
}
