//! A call as its worker sees it: what goes in, what runs, what comes out.

use std::pin::Pin;

use futures_core::Stream;
use tokio_util::bytes::Bytes;

use crate::context::Context;
use crate::wire::Ending;

/// A task to be run, once.
#[derive(Debug)]
pub struct Job {
    /// The bytes of its input.
    pub(crate) input: Bytes,
    pub(crate) context: Context,
}

/// What the parent is told at the end of a call.
#[derive(Debug)]
pub struct Answer {
    pub(crate) ending: Ending,
    pub(crate) payload: Bytes,
}

impl From<Ending> for Answer {
    fn from(ending: Ending) -> Self {
        let payload = Bytes::new();
        Self { ending, payload }
    }
}

/// A running task, from bytes to bytes.
pub enum Running {
    /// It ends with the answer to the call.
    Value(Pin<Box<dyn Future<Output = Answer> + Send>>),
    /// It yields the payloads of items, each of which needs a credit; an `Err`
    /// is the answer to the call, and its end is an [`Ending::Output`].
    Items(Pin<Box<dyn Stream<Item = Result<Bytes, Answer>> + Send>>),
}
