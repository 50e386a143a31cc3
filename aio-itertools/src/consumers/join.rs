use std::fmt::{Display, Write};
use std::ops::ControlFlow::Continue;

use futures_core::Stream;

use crate::drive::drive;

/// Gives the texts of all items as one, with `separator` between two.
///
/// It is Python's `separator.join(items)`, for whatever has a `Display`.
///
/// # Panics
///
/// If a `Display` gives an error, as `ToString` does.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | the text |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the text so far is dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{consumers::join, iter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(join(iter(1..=3), ", ").await, "1, 2, 3");
/// # }
/// ```
pub fn join<S, T>(stream: S, separator: T) -> impl Future<Output = String>
where
    S: Stream,
    S::Item: Display,
    T: AsRef<str>,
{
    drive(
        stream,
        None,
        move |text: &mut Option<String>, item| {
            let text = match text {
                None => text.insert(String::new()),
                Some(text) => {
                    text.push_str(separator.as_ref());
                    text
                }
            };
            write!(text, "{item}").expect("the `Display` of an item should give no error");
            Continue(())
        },
        Option::unwrap_or_default,
    )
}
