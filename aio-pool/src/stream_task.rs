//! What a task is that yields a stream.

use std::fmt;
use std::pin::Pin;
use std::task::{self, Poll};

use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::error::Never;

/// A function that runs in a worker process and yields items, one by one.
///
/// [`task!`](crate::task) implements it for an ordinary `fn` that returns
/// `impl Stream`. Write it by hand where the name must be chosen or the
/// implementor is generated; then [`register!`](crate::register) it.
///
/// The implementor is only a name: no value of it is ever made.
///
/// # Examples
///
/// ```
/// use aio_pool::{Context, Never};
/// use futures_core::Stream;
///
/// enum Letters {}
///
/// impl aio_pool::streams::StreamTask for Letters {
///     const NAME: &'static str = "demo/letters";
///     type Input = String;
///     type Item = char;
///     type Error = Never;
///
///     fn run(_: Context, word: String) -> impl Stream<Item = Result<char, Never>> + Send {
///         futures_util::stream::iter(word.chars().map(Ok).collect::<Vec<_>>())
///     }
/// }
/// aio_pool::register!(Letters);
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     aio_pool::init();
///     run()
/// }
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn run() -> Result<(), Box<dyn std::error::Error>> {
///     let pool = aio_pool::start().workers(1).await?;
///     let letters = pool.stream::<Letters>("straw".to_owned()).await?;
///     assert_eq!(letters, ['s', 't', 'r', 'a', 'w']);
///     pool.close().await?;
///     Ok(())
/// }
/// ```
pub trait StreamTask: Send + Sync + 'static {
    /// What the task is called in the table, in errors and on the wire. Unique
    /// in the program.
    const NAME: &'static str;
    /// What a caller sends.
    type Input: Serialize + DeserializeOwned + Send + 'static;
    /// What a caller gets, time and again.
    type Item: Serialize + DeserializeOwned + Send + 'static;
    /// What a caller gets as the last thing. [`Never`](crate::Never) if there is
    /// nothing.
    type Error: Serialize + DeserializeOwned + Send + 'static;

    /// Runs the task, in a worker, on that worker's runtime.
    ///
    /// The stream is polled as far ahead of its consumer as the window allows,
    /// 16 items, and not after its first `Err`. It is dropped where it stands
    /// when its consumer is.
    ///
    /// # Errors
    ///
    /// The task's own, which the caller gets as
    /// [`TaskError::Task`](crate::TaskError::Task).
    fn run(
        cx: Context,
        input: Self::Input,
    ) -> impl Stream<Item = Result<Self::Item, Self::Error>> + Send;
}

/// A stream that yields no error, as one that might.
pub struct Plain<S>(Pin<Box<S>>);

impl<S> Plain<S> {
    /// Wraps it, in a box: it may not be [`Unpin`].
    pub fn new(stream: S) -> Self {
        Self(Box::pin(stream))
    }
}

impl<S> fmt::Debug for Plain<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain").finish_non_exhaustive()
    }
}

impl<S: Stream> Stream for Plain<S> {
    type Item = Result<S::Item, Never>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx).map(|item| item.map(Ok))
    }
}
