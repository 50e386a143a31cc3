use std::ops::ControlFlow::{Break, Continue};

use futures_core::Stream;

use crate::drive::drive;

/// Says whether all items equal the first; true if there is none.
///
/// It is the recipe `all_equal` of Python's itertools.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | one item |
/// | stops early | at the first item that differs |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the items so far are dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert!(iter([4, 4, 4]).all_equal().await);
/// assert!(!iter(0..).all_equal().await);
/// # }
/// ```
pub fn all_equal<S>(stream: S) -> impl Future<Output = bool>
where
    S: Stream,
    S::Item: PartialEq,
{
    drive(
        stream,
        None,
        |first, item| {
            match first {
                None => *first = Some(item),
                Some(first) if *first == item => {}
                Some(_) => return Break(false),
            }
            Continue(())
        },
        |_| true,
    )
}
