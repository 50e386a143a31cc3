//! What parent and worker say to each other: frames, and nothing that does I/O.
//!
//! A frame is a length, a head ([`Down`] or [`Up`]) and a payload: the bytes of
//! a task's input, output or error, which only the two ends that know its type
//! ever read. A payload longer than a [`PIECE`] goes ahead of its frame, piece by
//! piece, with other frames between: so nothing small waits behind a large value.

use std::fmt;

use serde::{Deserialize, Serialize};
use tokio_util::bytes::Bytes;

use crate::codec::{self, CodecError};
use crate::setup::Setup;

mod assembly;
mod frames;

pub(crate) use assembly::Assembly;
#[cfg(fuzzing)]
pub(crate) use assembly::Head;
#[cfg(any(test, fuzzing))]
pub(crate) use frames::Frames;
#[cfg(test)]
pub(crate) use frames::framed;
pub(crate) use frames::{KEPT_BUFFER, Malformed, append};

/// The version of this file. Both ends refuse another.
pub(crate) const PROTOCOL: u32 = 3;

/// The longest payload that either end sends or accepts, in bytes, all of its
/// pieces together.
pub(crate) const MAX_PAYLOAD: usize = 256 << 20;

/// A long payload goes in pieces of this many bytes, and a rest.
pub(crate) const PIECE: usize = 1 << 20;

/// A payload of no more bytes than this goes whole, and so does the rest of a
/// longer one: a round mebibyte and what describes it is one frame.
pub(crate) const WHOLE: usize = PIECE + (1 << 16);

/// The longest frame: a whole payload, and any head.
pub(crate) const MAX_FRAME: usize = WHOLE + (1 << 18);

/// A call, numbered by the pool it belongs to and never again.
pub(crate) type CallId = u64;

/// So many items may be sent that their consumer has not taken yet.
pub(crate) const ITEM_CREDIT: u32 = 16;

/// What the parent says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Down {
    /// The first frame: who is calling. The worker answers [`Up::Ready`] or
    /// [`Up::Refused`].
    Hello {
        /// [`PROTOCOL`] of the parent.
        protocol: u32,
        /// The fingerprint of the parent's table of tasks.
        table: u64,
        /// How the worker is to be.
        setup: Setup,
    },
    /// Start the task with this index in the table; the rest of its input
    /// follows. Started in the order of delivery, as many at a time as the
    /// setup says.
    Run {
        /// Echoed in everything that is said about this call.
        call: CallId,
        /// The index in the table of tasks, which both ends have compared.
        task: u32,
        /// Counts what this worker is given, from 1: its mark when it begins.
        number: u64,
        /// Whether [`Up::Started`] is to be said.
        announce: Announce,
    },
    /// A piece of the input of a call whose [`Down::Run`] comes later. Pieces of
    /// one call at a time.
    Piece {
        /// The call.
        call: CallId,
    },
    /// Nobody waits for this call any more: end it at its next await. If its
    /// input is not complete, forget it; there is no answer then.
    Cancel {
        /// The call to end.
        call: CallId,
    },
    /// Give calls back that have not begun, the youngest first: each is answered
    /// with [`Up::Returned`].
    Return {
        /// At most so many.
        most: u32,
    },
    /// The consumer of a call that yields items has taken some.
    Credit {
        /// The call.
        call: CallId,
        /// So many more may be sent.
        items: u32,
    },
    /// Finish what is running and exit with status 0.
    Retire,
}

/// What a worker says. The parent believes none of it without a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Up {
    /// The handshake is done.
    Ready {
        /// [`PROTOCOL`] of the worker.
        protocol: u32,
        /// The fingerprint of the worker's table of tasks.
        table: u64,
    },
    /// The handshake failed, and the worker ends itself.
    Refused {
        /// What did not match.
        reason: String,
    },
    /// User code of this call is about to run, for the first time. Said where
    /// the parent had asked for it.
    Started {
        /// The call.
        call: CallId,
    },
    /// This call is given back. It has not begun, and will not here.
    Returned {
        /// The call.
        call: CallId,
    },
    /// An item of a call that yields items follows. A call has credit for
    /// [`ITEM_CREDIT`] of them at first.
    Item {
        /// The call.
        call: CallId,
    },
    /// A piece of the payload of an [`Up::Done`] or [`Up::Item`] that comes
    /// later. Pieces of one call at a time.
    Piece {
        /// The call.
        call: CallId,
    },
    /// This call is over; the rest of an output or an error of the task follows.
    Done {
        /// The call.
        call: CallId,
        /// How it ended.
        ending: Ending,
    },
    /// Nothing of this call runs any more, as the parent had asked; its
    /// [`Up::Done`] is being sent, or waits until others are.
    Stopped {
        /// The call.
        call: CallId,
    },
}

/// Whether the parent needs to hear at once that a call has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Announce {
    /// It looks at the marks when it needs to know.
    No,
    /// It measures how long the call runs.
    Yes,
}

/// How a call ended in its worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    /// The payload is the task's output; of a call that yields items there is
    /// none, and they have all been sent.
    Output,
    /// The payload is the task's error.
    Error,
    /// The task panicked.
    Panicked {
        /// What the panic said.
        message: String,
        /// File, line and column, unless the panic hook was replaced.
        location: Option<String>,
    },
    /// The task was dropped at an await, as the parent had asked.
    Cancelled,
    /// The input's bytes were not an input.
    InputRejected {
        /// What the decoder said.
        reason: String,
    },
    /// The task's output or error did not become bytes, or too many.
    OutputRejected {
        /// What the encoder said.
        reason: String,
    },
    /// The index is not in the worker's table.
    UnknownTask,
}

/// Why a head and its payload did not become a frame.
#[derive(Debug)]
pub(crate) enum Unsendable {
    /// The payload's own serde code, or the format, refused it.
    Refused(CodecError),
    /// It has this many bytes, more than [`MAX_PAYLOAD`].
    TooLarge(usize),
}

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "{error}"),
            Self::TooLarge(bytes) => {
                write!(f, "it has {bytes} bytes, and may have {MAX_PAYLOAD}")
            }
        }
    }
}

/// Writes a value.
pub(crate) fn payload(value: &impl Serialize) -> Result<Bytes, Unsendable> {
    write(Vec::new(), value).map(Bytes::from)
}

/// Writes a value into an empty buffer.
pub(crate) fn write(buffer: Vec<u8>, value: &impl Serialize) -> Result<Vec<u8>, Unsendable> {
    let bytes = codec::append(buffer, value).map_err(Unsendable::Refused)?;
    match bytes.len() {
        0..=MAX_PAYLOAD => Ok(bytes),
        length => Err(Unsendable::TooLarge(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_with_a_tail_is_no_value() {
        let bytes = codec::append(Vec::new(), &7_u32).unwrap();
        assert_eq!(codec::decode::<u32>(&bytes).unwrap(), 7);
        let bytes = codec::append(bytes, &true).unwrap();
        let error = codec::decode::<u32>(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "1 bytes are left over after the value");
    }
}
