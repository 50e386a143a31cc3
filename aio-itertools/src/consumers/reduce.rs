use std::ops::ControlFlow::Continue;

use futures_core::Stream;

use crate::drive::drive;

/// Gives all items made one by `f`, from the left; `None` if there is no item.
///
/// It is Python's `functools.reduce(f, items)` without an initial value; with
/// one it is `fold`, which `futures` and `tokio-stream` have.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | one item |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: what `f` has made so far is dropped with the future. Pass
/// `&mut stream` to keep the rest of the stream.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter(1..=4).reduce(|a, b| a * 10 + b).await, Some(1234));
/// # }
/// ```
#[doc(alias = "fold1")]
pub fn reduce<S, F>(stream: S, mut f: F) -> impl Future<Output = Option<S::Item>>
where
    S: Stream,
    F: FnMut(S::Item, S::Item) -> S::Item,
{
    drive(
        stream,
        None,
        move |reduced, item| {
            *reduced = Some(match reduced.take() {
                Some(reduced) => f(reduced, item),
                None => item,
            });
            Continue(())
        },
        |reduced| reduced,
    )
}
