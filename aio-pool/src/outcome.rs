//! The outcome of a call in the words of the caller's types.

use serde::de::DeserializeOwned;
use tokio_util::bytes::Bytes;

use crate::codec;
use crate::error::{Error, Part, TaskError};
use crate::reply::{Failure, Reply};
use crate::task::Task;
use crate::wire::Ending;

/// What the caller of a task gets.
pub(crate) type Outcome<T> = Result<<T as Task>::Output, TaskError<<T as Task>::Error>>;

/// The reply to a call of a task, whole.
pub(crate) fn of<T: Task>(reply: Reply) -> Outcome<T> {
    match reply {
        Ok((ending, payload)) => {
            let output = ended(T::NAME, ending, payload)?;
            Ok(decode(T::NAME, &output)?)
        }
        Err(failure) => Err(failed(T::NAME, failure)),
    }
}

/// Reads what a task has sent.
pub(crate) fn decode<O: DeserializeOwned>(task: &'static str, payload: &[u8]) -> Result<O, Error> {
    codec::decode(payload).map_err(|error| Error::Decode {
        task,
        part: Part::Output,
        reason: error.to_string(),
    })
}

/// What a worker said of the end of a call: the bytes of an output, or an error.
pub(crate) fn ended<E: DeserializeOwned>(
    task: &'static str,
    ending: Ending,
    payload: Bytes,
) -> Result<Bytes, TaskError<E>> {
    Err(match ending {
        Ending::Output => return Ok(payload),
        Ending::Error => TaskError::Task(decode(task, &payload)?),
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
        Ending::OutputRejected { reason } => TaskError::Pool(Error::Encode {
            task,
            part: Part::Output,
            reason,
        }),
        Ending::UnknownTask => TaskError::Pool(Error::UnknownTask { task }),
    })
}

/// What no worker said.
pub(crate) fn failed<E>(task: &'static str, failure: Failure) -> TaskError<E> {
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
