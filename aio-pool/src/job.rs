//! A call as its worker sees it: what goes in, what runs, what comes out.

use std::fmt;
use std::pin::Pin;

use futures_core::Stream;
use serde::Serialize;
use tokio_util::bytes::Bytes;

use crate::context::Context;
use crate::wire::{self, Ending, Unsendable};

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

impl Answer {
    /// Ends a call with a value; if that cannot be sent, with the reason.
    pub(crate) fn of(ending: Ending, value: &impl Serialize) -> Self {
        match wire::payload(value) {
            Ok(payload) => Self { ending, payload },
            Err(unsendable) => unsendable.into(),
        }
    }
}

impl From<Unsendable> for Answer {
    fn from(unsendable: Unsendable) -> Self {
        let reason = unsendable.to_string();
        Ending::OutputRejected { reason }.into()
    }
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
    /// is the answer to the call, and its end is an output.
    Items(Payloads),
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "Value",
            Self::Items(_) => "Items",
        })
    }
}

/// The payloads of items, or the answer that ends them.
pub(crate) type Payloads = Pin<Box<dyn Stream<Item = Result<Bytes, Answer>> + Send>>;
