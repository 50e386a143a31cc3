//! What [`tee`](crate::adaptors::tee()) does when one reader is slower than another.
//!
//! Each policy is made by a function, and decides what an item of the branches is.
//!
//! | policy | a branch that is `n` items behind | item |
//! |---|---|---|
//! | [`block(n)`](block) | holds the source back until it reads | `T` |
//! | [`drop_oldest(n)`](drop_oldest) | loses its oldest item for each new one, and is told how many | `Result<T, Lagged>` |
//! | [`fail(n)`](fail) | gets what it still has, one error and its end | `Result<T, Lagged>` |
//! | [`unbounded()`](unbounded) | goes on collecting | `T` |
//!
//! A branch is behind by the items that the source has given and that the branch
//! hasn't read.

use std::error::Error;
use std::fmt;

use crate::limit::Limit;
use crate::readers::Rule;
use crate::sealed::Sealed;

/// A policy for slow readers: one of the four that this module makes.
pub trait Lag: Sealed {
    /// What a branch gives where the stream gives a `T`.
    type Item<T>;

    #[doc(hidden)]
    fn rule(&self) -> Rule;

    /// An item, as a branch gives it.
    #[doc(hidden)]
    fn item<T>(item: T) -> Self::Item<T>;

    /// A loss, as a branch gives it; `None` where nothing is ever lost.
    #[doc(hidden)]
    fn loss<T>(lagged: Lagged) -> Option<Self::Item<T>>;
}

impl Sealed for Block {}
impl Sealed for DropOldest {}
impl Sealed for Fail {}
impl Sealed for Unbounded {}

/// Holds the source back while the slowest branch is `items` behind: nothing is lost.
///
/// It is back-pressure: the source runs at the pace of the slowest branch. So
/// every branch has to be read or dropped. One that is kept and not read stops
/// the others after `items` more, and in one task that reads its branches one
/// after the other that is for ever. Read them in tasks of their own or together,
/// as by `join!`, or drop what isn't needed, or use another policy.
///
/// # Panics
///
/// If `items` is the `usize` zero: see [`Limit`].
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, lag, next, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let [mut left, mut right] = iter(1..=100).tee(lag::block(2));
/// let sum = async {
///     let mut sum = 0;
///     while let Some(n) = next(&mut left).await {
///         sum += n;
///     }
///     sum
/// };
/// let largest = async {
///     let mut largest = 0;
///     while let Some(n) = next(&mut right).await {
///         largest = largest.max(n);
///     }
///     largest
/// };
/// assert_eq!(tokio::join!(sum, largest), (5050, 100));
/// # }
/// ```
#[track_caller]
pub fn block(items: impl Limit) -> Block {
    Block {
        items: items.at_least_one("the lag").get(),
    }
}

/// Lets a branch that is `items` behind lose its oldest item for each new one.
///
/// For readers that want what is new, a display for instance. In the place of
/// what is lost the branch gives one [`Lagged`] with the number of items, and
/// then goes on with the oldest that is left. No branch holds another back.
///
/// # Panics
///
/// If `items` is the `usize` zero: see [`Limit`].
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, lag, next, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let [mut fast, mut slow] = iter(1..=5).tee(lag::drop_oldest(2));
/// while let Some(item) = next(&mut fast).await {
///     assert!(item.is_ok());
/// }
/// let lagged = next(&mut slow).await.unwrap().unwrap_err();
/// assert_eq!(lagged.missed(), 3);
/// assert_eq!(next(&mut slow).await, Some(Ok(4)));
/// assert_eq!(next(&mut slow).await, Some(Ok(5)));
/// assert_eq!(next(&mut slow).await, None);
/// # }
/// ```
#[doc(alias = "broadcast")]
#[track_caller]
pub fn drop_oldest(items: impl Limit) -> DropOldest {
    DropOldest {
        items: items.at_least_one("the lag").get(),
    }
}

/// Ends a branch for which a new item would be one more than `items` to read.
///
/// For readers that must see everything or know that they don't. The branch
/// still gives the `items` that it has, then one [`Lagged`], then its end. The
/// others go on without it.
///
/// # Panics
///
/// If `items` is the `usize` zero: see [`Limit`].
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, lag, next, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let [mut fast, mut slow] = iter(1..=5).tee(lag::fail(2));
/// while let Some(item) = next(&mut fast).await {
///     assert!(item.is_ok());
/// }
/// assert_eq!(next(&mut slow).await, Some(Ok(1)));
/// assert_eq!(next(&mut slow).await, Some(Ok(2)));
/// assert_eq!(next(&mut slow).await.unwrap().unwrap_err().missed(), 3);
/// assert_eq!(next(&mut slow).await, None);
/// # }
/// ```
#[track_caller]
pub fn fail(items: impl Limit) -> Fail {
    Fail {
        items: items.at_least_one("the lag").get(),
    }
}

/// Keeps every item until the slowest branch has read it, without a bound.
///
/// It is what Python's `tee` does. A branch that is kept and never read collects
/// all that the source has, so this is for streams that fit into memory.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, lag, next, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let [mut first, mut second] = iter(1..=100).tee(lag::unbounded());
/// while next(&mut first).await.is_some() {}
/// assert_eq!(next(&mut second).await, Some(1));
/// # }
/// ```
pub fn unbounded() -> Unbounded {
    Unbounded {}
}

/// The policy of [`block`].
#[derive(Clone, Copy, Debug)]
pub struct Block {
    items: usize,
}

/// The policy of [`drop_oldest`].
#[derive(Clone, Copy, Debug)]
pub struct DropOldest {
    items: usize,
}

/// The policy of [`fail`].
#[derive(Clone, Copy, Debug)]
pub struct Fail {
    items: usize,
}

/// The policy of [`unbounded`].
#[derive(Clone, Copy, Debug)]
pub struct Unbounded {}

impl Lag for Block {
    type Item<T> = T;

    fn rule(&self) -> Rule {
        Rule::Block(self.items)
    }

    fn item<T>(item: T) -> T {
        item
    }

    fn loss<T>(_: Lagged) -> Option<T> {
        None
    }
}

impl Lag for Unbounded {
    type Item<T> = T;

    fn rule(&self) -> Rule {
        Rule::Unbounded
    }

    fn item<T>(item: T) -> T {
        item
    }

    fn loss<T>(_: Lagged) -> Option<T> {
        None
    }
}

impl Lag for DropOldest {
    type Item<T> = Result<T, Lagged>;

    fn rule(&self) -> Rule {
        Rule::DropOldest(self.items)
    }

    fn item<T>(item: T) -> Result<T, Lagged> {
        Ok(item)
    }

    fn loss<T>(lagged: Lagged) -> Option<Result<T, Lagged>> {
        Some(Err(lagged))
    }
}

impl Lag for Fail {
    type Item<T> = Result<T, Lagged>;

    fn rule(&self) -> Rule {
        Rule::Fail(self.items)
    }

    fn item<T>(item: T) -> Result<T, Lagged> {
        Ok(item)
    }

    fn loss<T>(lagged: Lagged) -> Option<Result<T, Lagged>> {
        Some(Err(lagged))
    }
}

/// The error of a branch that was too slow: it missed items that others got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged {
    missed: u64,
}

impl Lagged {
    pub(crate) fn new(missed: u64) -> Self {
        Self { missed }
    }

    /// How many items the branch has missed so far, at least one.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.missed {
            1 => f.write_str("the branch was too slow and missed 1 item"),
            missed => write!(f, "the branch was too slow and missed {missed} items"),
        }
    }
}

impl Error for Lagged {}
