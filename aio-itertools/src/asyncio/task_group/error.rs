use std::error::Error;
use std::fmt;

/// The error of a task group: every error of its body and its tasks, at least one.
///
/// They are in the order in which body and tasks failed. So an error of the body
/// that only says [`NoValue::Failed`](super::NoValue::Failed) comes after its cause.
/// A task that was cancelled because of another's failure is not among them.
///
/// Displayed, it names the first and says how many there are; to show them all, take
/// [`errors`](GroupError::errors).
///
/// # Examples
///
/// ```
/// use aio_itertools::{asyncio::GroupError, task_group};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let outcome = task_group()
///     .with(async |group| -> Result<(), std::num::ParseIntError> {
///         group.spawn(async { "7".parse::<u8>() });
///         group.spawn(async { "seven".parse::<u8>() });
///         Ok(())
///     })
///     .await;
/// let error: GroupError<_> = outcome.unwrap_err();
/// assert_eq!(error.to_string(), "1 error in the task group: invalid digit found in string");
/// assert_eq!(error.into_errors(), ["seven".parse::<u8>().unwrap_err()]);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "ExceptionGroup")]
pub struct GroupError<E> {
    /// Never empty.
    errors: Vec<E>,
}

impl<E> GroupError<E> {
    /// `None` if there is no error.
    pub(super) fn new(errors: Vec<E>) -> Option<Self> {
        (!errors.is_empty()).then_some(Self { errors })
    }

    /// The errors, at least one, in the order in which body and tasks failed.
    pub fn errors(&self) -> &[E] {
        &self.errors
    }

    /// The errors, owned, in the order of [`errors`](Self::errors).
    pub fn into_errors(self) -> Vec<E> {
        self.errors
    }

    /// The first error, for a caller that can pass on only one:
    /// `.map_err(GroupError::into_first)?`.
    pub fn into_first(mut self) -> E {
        self.errors.swap_remove(0)
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.errors[..] {
            [only] => write!(f, "1 error in the task group: {only}"),
            [first, ..] => {
                let count = self.errors.len();
                write!(f, "{count} errors in the task group, the first: {first}")
            }
            [] => f.write_str("no error in the task group"),
        }
    }
}

impl<E: Error + 'static> Error for GroupError<E> {
    /// The first error.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.errors.first().map(|first| first as _)
    }
}
