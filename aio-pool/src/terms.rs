//! What holds for every call that one builder makes: how an input becomes a
//! submission, and a reply an outcome.

use std::time::{Duration, Instant};

use tokio_util::bytes::{Bytes, BytesMut};

use crate::codec;
use crate::engine::{Sharing, Submission};
use crate::error::{Error, Part, TaskError};
use crate::queue::Place;
use crate::reply::{Failure, Reply, ReplyTo};
use crate::task::Task;
use crate::wire::{self, CallId, Ending, Unsendable};

/// What the caller gets.
pub(crate) type Outcome<T> = Result<<T as Task>::Output, TaskError<<T as Task>::Error>>;

/// What the builder was told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms {
    /// From the submission to the answer.
    pub(crate) timeout: Option<Duration>,
    /// From the beginning of the task to the answer.
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) sharing: Sharing,
}

/// The bytes of an input.
pub(crate) fn encode<T: Task>(input: &T::Input) -> Result<Bytes, Error> {
    wire::payload(input).map_err(unsendable::<T>)
}

fn unsendable<T: Task>(unsendable: Unsendable) -> Error {
    Error::Encode {
        task: T::NAME,
        part: Part::Input,
        reason: unsendable.to_string(),
    }
}

/// The bytes of many inputs. Small ones share a block of memory, since a copy
/// is cheaper than an allocation.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    /// Where an input is written; kept for its memory.
    scratch: Vec<u8>,
    /// What is left of the block.
    block: BytesMut,
}

/// A block lives as long as one of its inputs, so it is no larger.
const BLOCK: usize = 4 << 10;

/// An input of more bytes has memory of its own.
const SMALL: usize = 256;

impl Encoder {
    pub(crate) fn encode<T: Task>(&mut self, input: &T::Input) -> Result<Bytes, Error> {
        let scratch = std::mem::take(&mut self.scratch);
        let mut written = wire::write(scratch, input).map_err(unsendable::<T>)?;
        if written.len() > SMALL {
            return Ok(Bytes::from(written));
        }
        if self.block.capacity() < written.len() {
            self.block = BytesMut::with_capacity(BLOCK);
        }
        self.block.extend_from_slice(&written);
        written.clear();
        self.scratch = written;
        Ok(self.block.split().freeze())
    }
}

impl Terms {
    /// A call on its way in. Its time runs from here.
    pub(crate) fn submission<T: Task>(
        &self,
        call: CallId,
        index: u32,
        input: Bytes,
        place: Place,
        reply: ReplyTo,
    ) -> Submission {
        let deadline = self
            .timeout
            .and_then(|limit| Some((Instant::now().checked_add(limit)?, limit)));
        Submission {
            call,
            task: T::NAME,
            index,
            input,
            deadline,
            run_timeout: self.run_timeout,
            sharing: self.sharing,
            place,
            reply,
        }
    }

    /// A reply, in the words of the caller's types.
    pub(crate) fn outcome<T: Task>(reply: Reply) -> Outcome<T> {
        match reply {
            Ok((ending, payload)) => Self::read::<T>(ending, &payload),
            Err(failure) => Err(Self::failed::<T>(failure)),
        }
    }

    /// What a worker said.
    fn read<T: Task>(ending: Ending, payload: &Bytes) -> Outcome<T> {
        let task = T::NAME;
        let part = Part::Output;
        let unreadable = |error: codec::CodecError| Error::Decode {
            task,
            part,
            reason: error.to_string(),
        };
        Err(match ending {
            Ending::Output => return Ok(codec::decode(payload).map_err(unreadable)?),
            Ending::Error => TaskError::Task(codec::decode(payload).map_err(unreadable)?),
            Ending::Panicked { message, location } => TaskError::Panicked {
                task,
                message,
                location,
            },
            Ending::Cancelled => TaskError::Cancelled { task },
            Ending::InputRejected { reason } => TaskError::Pool(Error::Decode {
                task,
                part: Part::Input,
                reason,
            }),
            Ending::OutputRejected { reason } => {
                TaskError::Pool(Error::Encode { task, part, reason })
            }
            Ending::UnknownTask => TaskError::Pool(Error::UnknownTask { task }),
        })
    }

    /// What no worker said.
    fn failed<T: Task>(failure: Failure) -> TaskError<T::Error> {
        let task = T::NAME;
        match failure {
            Failure::Lost {
                pid,
                exit,
                started,
                beside,
                stderr,
            } => TaskError::WorkerLost {
                task,
                pid,
                exit,
                started,
                beside,
                stderr,
            },
            Failure::TimedOut { after } => TaskError::TimedOut { task, after },
            Failure::Cancelled => TaskError::Cancelled { task },
            Failure::Pool(error) => TaskError::Pool(error),
        }
    }
}
