use std::future::poll_fn;
use std::pin::Pin;

use futures_core::Stream;

/// Gives the next item of any stream, or `None` at its end.
///
/// It is Python's `anext`, for a loop over an adaptor without another crate's
/// extension trait. A stream that isn't `Unpin` is pinned first, with
/// `std::pin::pin!` or `Box::pin`.
///
/// # Cancel safety
///
/// Cancel safe: the stream is borrowed, and all that it has buffered stays in
/// it. That is true of every stream of this crate; a foreign stream that keeps
/// state elsewhere is as safe as its own documentation says.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, next, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut batches = iter("abc".chars()).batched(2);
/// while let Some(batch) = next(&mut batches).await {
///     println!("{batch:?}");
/// }
/// # }
/// ```
#[doc(alias = "anext")]
pub async fn next<S: Stream + Unpin + ?Sized>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}
