use std::num::NonZeroUsize;

/// A size or a limit of at least one: a `usize` or a [`NonZeroUsize`].
///
/// It lets a literal be written as it is, `.batched(100)`, and keeps zero out:
/// a limit of zero would wait for ever. Zero as a `usize` is a mistake in the
/// program and panics at the call that passes it, as `slice::chunks` does. A
/// number that comes from outside is turned into a `NonZeroUsize` where it
/// enters, which is an ordinary error, and passing that can't panic.
///
/// # Examples
///
/// ```
/// use aio_itertools::{gather, iter, prelude::*};
/// use std::num::NonZeroUsize;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let from_a_file: NonZeroUsize = "8".parse()?;
/// gather((1..=3).map(|n| async move { n })).limit(from_a_file).await;
///
/// assert!(NonZeroUsize::try_from(0_usize).is_err());
/// assert!("0".parse::<NonZeroUsize>().is_err());
/// let batches = iter([1, 2, 3]).batched(100);
/// # Ok(())
/// # }
/// ```
pub trait Limit: Sealed {}

impl Limit for usize {}
impl Limit for NonZeroUsize {}

/// Keeps the set of limits closed and the check out of the public surface.
pub trait Sealed {
    /// The limit itself; `name` is the parameter as the caller knows it.
    #[track_caller]
    fn at_least_one(self, name: &str) -> NonZeroUsize;
}

impl Sealed for usize {
    #[track_caller]
    fn at_least_one(self, name: &str) -> NonZeroUsize {
        match NonZeroUsize::new(self) {
            Some(limit) => limit,
            None => panic!("{name} must be at least 1, got 0"),
        }
    }
}

impl Sealed for NonZeroUsize {
    fn at_least_one(self, _: &str) -> NonZeroUsize {
        self
    }
}
