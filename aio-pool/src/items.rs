//! A stream task in its worker: from bytes to the bytes of items.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::Serialize;
use tokio_util::bytes::Bytes;

use crate::job::{Answer, Job};
use crate::wire::{self, Ending};

/// The payloads of the items of a stream task. It begins when it is first polled,
/// and ends with its first error.
pub(crate) struct Encoded<S, B> {
    stage: Stage<S, B>,
}

enum Stage<S, B> {
    /// User code has not run: neither the input's own nor the task's.
    Unbegun(Job, B),
    Begun(Pin<Box<S>>),
    Over,
}

// The stream is pinned in its box, and nothing else is.
impl<S, B> Unpin for Encoded<S, B> {}

impl<S, B> Encoded<S, B> {
    pub(crate) fn new(job: Job, begin: B) -> Self {
        let stage = Stage::Unbegun(job, begin);
        Self { stage }
    }
}

impl<S, B, T, E> Stream for Encoded<S, B>
where
    S: Stream<Item = Result<T, E>>,
    B: FnOnce(Job) -> Result<S, Answer>,
    T: Serialize,
    E: Serialize,
{
    type Item = Result<Bytes, Answer>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            // What panics in here is over.
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Unbegun(job, begin) => match begin(job) {
                    Ok(stream) => self.stage = Stage::Begun(Box::pin(stream)),
                    Err(answer) => return Poll::Ready(Some(Err(answer))),
                },
                Stage::Begun(mut stream) => {
                    let Poll::Ready(polled) = stream.as_mut().poll_next(cx) else {
                        self.stage = Stage::Begun(stream);
                        return Poll::Pending;
                    };
                    return Poll::Ready(match polled {
                        None => None,
                        Some(Ok(item)) => match wire::payload(&item) {
                            Ok(payload) => {
                                self.stage = Stage::Begun(stream);
                                Some(Ok(payload))
                            }
                            Err(unsendable) => Some(Err(unsendable.into())),
                        },
                        Some(Err(error)) => Some(Err(Answer::of(Ending::Error, &error))),
                    });
                }
                Stage::Over => return Poll::Ready(None),
            }
        }
    }
}
