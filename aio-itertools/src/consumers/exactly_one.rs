use std::error::Error;
use std::fmt;
use std::ops::ControlFlow::{Break, Continue};

use futures_core::Stream;

use crate::drive::drive;

/// Gives the only item of the stream.
///
/// It is more-itertools' `one`: a query that must have one answer says so here,
/// where [`first`](crate::consumers::first()) would hide that there are more. The
/// second item ends it; it doesn't wait for a third.
///
/// # Errors
///
/// [`NotOne::Empty`] if there is no item, and [`NotOne::More`] with the first two
/// if there are more.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | one item |
/// | stops early | at the second item |
/// | fairness | one unit of the budget in 64 items |
/// | errors | the first two items are handed over inside the error |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the item so far is dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// assert_eq!(iter([7]).exactly_one().await?, 7);
/// let more = iter([7, 8, 9]).exactly_one().await.unwrap_err();
/// assert_eq!(more.to_string(), "the stream has more than one item");
/// # Ok(())
/// # }
/// ```
#[doc(alias = "one")]
#[doc(alias = "single")]
pub fn exactly_one<S: Stream>(stream: S) -> impl Future<Output = Result<S::Item, NotOne<S::Item>>> {
    drive(
        stream,
        None,
        |first, item| match first.take() {
            None => {
                *first = Some(item);
                Continue(())
            }
            Some(first) => Break(Err(NotOne::More(MoreThanOne {
                items: [first, item],
            }))),
        },
        |first| first.ok_or(NotOne::Empty),
    )
}

/// Gives the only item of the stream, or `None` if there is none.
///
/// It is [`exactly_one`] where no item is an answer too.
///
/// # Errors
///
/// [`MoreThanOne`] with the first two items if there are more.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | one item |
/// | stops early | at the second item |
/// | fairness | one unit of the budget in 64 items |
/// | errors | the first two items are handed over inside the error |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the item so far is dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// assert_eq!(iter([7]).at_most_one().await?, Some(7));
/// assert_eq!(iter([0; 0]).at_most_one().await?, None);
/// let more = iter([7, 8, 9]).at_most_one().await.unwrap_err();
/// assert_eq!(more.into_items(), [7, 8]);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "only")]
pub fn at_most_one<S: Stream>(
    stream: S,
) -> impl Future<Output = Result<Option<S::Item>, MoreThanOne<S::Item>>> {
    drive(
        stream,
        None,
        |first, item| match first.take() {
            None => {
                *first = Some(item);
                Continue(())
            }
            Some(first) => Break(Err(MoreThanOne {
                items: [first, item],
            })),
        },
        Ok,
    )
}

/// The error of [`exactly_one`]: the stream has no item, or more than one.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub enum NotOne<T> {
    /// The stream ended without an item.
    Empty,
    /// The stream has a second item; both are in here.
    More(MoreThanOne<T>),
}

impl<T> fmt::Display for NotOne<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the stream has no item"),
            Self::More(more) => more.fmt(f),
        }
    }
}

// Without the items: an error can be logged whatever they are.
impl<T> fmt::Debug for NotOne<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::More(more) => f.debug_tuple("More").field(more).finish(),
        }
    }
}

impl<T> Error for NotOne<T> {}

/// The error of [`at_most_one`]: the stream has a second item.
///
/// It carries the first two, so that they aren't lost.
#[derive(Clone, PartialEq, Eq)]
pub struct MoreThanOne<T> {
    items: [T; 2],
}

impl<T> MoreThanOne<T> {
    /// The first two items of the stream.
    pub fn items(&self) -> &[T; 2] {
        &self.items
    }

    /// The first two items of the stream, owned.
    pub fn into_items(self) -> [T; 2] {
        self.items
    }
}

impl<T> fmt::Display for MoreThanOne<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stream has more than one item")
    }
}

impl<T> fmt::Debug for MoreThanOne<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MoreThanOne").finish_non_exhaustive()
    }
}

impl<T> Error for MoreThanOne<T> {}
