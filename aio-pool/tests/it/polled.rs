//! A future polled by hand.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Polls once.
pub(crate) async fn polled<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}
