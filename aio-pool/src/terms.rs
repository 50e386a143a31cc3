//! What holds for every call that one builder makes, and how an input becomes a
//! submission.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_util::bytes::{Bytes, BytesMut};

use crate::engine::{Sharing, Submission};
use crate::error::{Error, Part};
use crate::queue::Place;
use crate::reply::ReplyTo;
use crate::task::Task;
use crate::wire::{self, CallId, Unsendable};

/// What the builder was told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms {
    /// From the submission to the answer.
    pub(crate) timeout: Option<Duration>,
    /// From the beginning of the task to the answer.
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) sharing: Sharing,
}

/// The bytes of the input of a task.
pub(crate) fn encode(task: &'static str, input: &impl Serialize) -> Result<Bytes, Error> {
    wire::payload(input).map_err(|error| unsendable(task, &error))
}

fn unsendable(task: &'static str, unsendable: &Unsendable) -> Error {
    Error::Encode {
        task,
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
        let mut written =
            wire::write(scratch, input).map_err(|error| unsendable(T::NAME, &error))?;
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
    pub(crate) fn submission(
        &self,
        call: CallId,
        (task, index): (&'static str, u32),
        input: Bytes,
        place: Place,
        reply: ReplyTo,
    ) -> Submission {
        let deadline = self
            .timeout
            .and_then(|limit| Some((Instant::now().checked_add(limit)?, limit)));
        Submission {
            call,
            task,
            index,
            input,
            deadline,
            run_timeout: self.run_timeout,
            sharing: self.sharing,
            place,
            reply,
        }
    }
}
