use std::ops::ControlFlow::Continue;

use futures_core::Stream;

use crate::drive::{drive, expected};

/// Gives all items as a `Vec`, in the order in which they came.
///
/// It is Python's `[item async for item in stream]`. An endless stream has no
/// list: bound it first.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Not cancel safe |
/// | memory | all items |
/// | stops early | no |
/// | fairness | one unit of the budget in 64 items |
/// | errors | none of its own: an `Err` is an item like another |
/// | runtime | any |
///
/// # Cancel safety
///
/// Not cancel safe: the list so far is dropped with the future. Pass `&mut
/// stream` to keep the rest of the stream; to keep the list as well, push what
/// [`next`](crate::next()) gives into a `Vec` of your own.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(iter("abc".chars()).list().await, ['a', 'b', 'c']);
/// # }
/// ```
#[doc(alias = "collect")]
#[doc(alias = "to_list")]
#[doc(alias = "tuple")]
pub fn list<S: Stream>(stream: S) -> impl Future<Output = Vec<S::Item>> {
    let items = Vec::with_capacity(expected(&stream));
    drive(
        stream,
        items,
        |items, item| {
            items.push(item);
            Continue(())
        },
        |items| items,
    )
}
