//! Why a program failed.

use std::error::Error;
use std::fmt;

/// Why a program failed, in one line: what `main` returns for any error.
///
/// ```
/// use tour::Failure;
///
/// fn answer(text: &str) -> Result<u32, Failure> {
///     Ok(text.parse()?)
/// }
///
/// assert_eq!(format!("{:?}", answer("x").unwrap_err()), "invalid digit found in string");
/// ```
pub struct Failure(String);

impl Failure {
    /// A failure of this thing, for this cause.
    pub fn of(thing: impl fmt::Display, cause: impl fmt::Display) -> Failure {
        Failure(format!("{thing}: {cause}").replace('\n', " "))
    }
}

/// The line itself: it is in this form that Rust prints what `main` returns.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Failure {
    /// The error with those that caused it, unless it says them itself.
    fn from(error: E) -> Failure {
        let mut line = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let said = cause.to_string();
            if !line.contains(&said) {
                line = format!("{line}: {said}");
            }
            source = cause.source();
        }
        Failure(line.replace('\n', " "))
    }
}
