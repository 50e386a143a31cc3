//! What parent and worker say to each other: frames, and nothing that does I/O.
//!
//! A frame is a length, a head ([`Down`] or [`Up`]) and a payload: the bytes of
//! a task's input, output or error, which only the two ends that know its type
//! ever read. A head and its payload are written into one buffer, so a large
//! value is not copied to put its head in front of it.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_util::bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::LengthDelimitedCodec;

use crate::codec::{self, CodecError};

/// The version of this file. Both ends refuse another.
pub(crate) const PROTOCOL: u32 = 1;

/// The longest frame that either end sends or accepts, in bytes.
pub(crate) const MAX_FRAME: usize = 256 << 20;

/// A call, numbered by the pool it belongs to and never again.
pub(crate) type CallId = u64;

/// What the parent says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Down {
    /// The first frame: who is calling. The worker answers [`Up::Ready`] or
    /// [`Up::Refused`].
    Hello {
        /// [`PROTOCOL`] of the parent.
        protocol: u32,
        /// The nonce in the worker's first argument.
        nonce: String,
        /// The fingerprint of the parent's table of tasks.
        table: u64,
    },
    /// Start the task with this index in the table; its input follows.
    Run {
        /// Echoed in everything that is said about this call.
        call: CallId,
        /// The index in the table of tasks, which both ends have compared.
        task: u32,
    },
    /// Nobody waits for this call any more: end it at its next await.
    Cancel {
        /// The call to end.
        call: CallId,
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
    /// User code of this call is about to run, for the first time.
    Started {
        /// The call.
        call: CallId,
    },
    /// This call is over; an output or an error of the task follows.
    Done {
        /// The call.
        call: CallId,
        /// How it ended.
        ending: Ending,
    },
}

/// How a call ended in its worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    /// The payload is the task's output.
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

/// Why a frame is not a frame.
#[derive(Debug)]
pub(crate) struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Splits a byte stream into frames, and refuses a longer one than
/// [`MAX_FRAME`] before it is read.
pub(crate) fn framing() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .max_frame_length(MAX_FRAME)
        .new_codec()
}

/// A buffer that a frame of more bytes has grown is not kept.
pub(crate) const KEPT_BUFFER: usize = 1 << 20;

/// Gives the memory of a large frame back: the buffer it was split off would
/// keep all of it, for the few bytes behind.
pub(crate) fn shed(buffer: &mut BytesMut, frame: &BytesMut) {
    if frame.len() > KEPT_BUFFER {
        *buffer = BytesMut::from(&buffer[..]);
    }
}

/// Why a head and its payload did not become a frame.
#[derive(Debug)]
pub(crate) enum Unsendable {
    /// The payload's own serde code, or the format, refused it.
    Refused(CodecError),
    /// The frame would have this many bytes, more than [`MAX_FRAME`].
    TooLarge(usize),
}

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "{error}"),
            Self::TooLarge(bytes) => {
                write!(f, "it has {bytes} bytes, and a frame at most {MAX_FRAME}")
            }
        }
    }
}

/// Writes a head without a payload.
pub(crate) fn head(head: &impl Serialize) -> Bytes {
    let bytes = codec::append(Vec::new(), head).expect("a head is plain data");
    Bytes::from(bytes)
}

/// Writes a head and its payload.
pub(crate) fn frame<H: Serialize, P: Serialize>(
    head: &H,
    payload: &P,
) -> Result<Bytes, Unsendable> {
    let bytes = codec::append(Vec::new(), head).map_err(Unsendable::Refused)?;
    let bytes = codec::append(bytes, payload).map_err(Unsendable::Refused)?;
    if bytes.len() > MAX_FRAME {
        return Err(Unsendable::TooLarge(bytes.len()));
    }
    Ok(Bytes::from(bytes))
}

/// Reads the head of a frame; what is left is its payload.
pub(crate) fn open<H: DeserializeOwned>(mut frame: Bytes) -> Result<(H, Bytes), Malformed> {
    let (head, used) = codec::split(&frame).map_err(|error| {
        Malformed(format!(
            "a frame of {} bytes without a readable head: {error}",
            frame.len()
        ))
    })?;
    frame.advance(used);
    Ok((head, frame))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_util::codec::{Decoder, Encoder};

    use super::*;

    fn any_ending() -> impl Strategy<Value = Ending> {
        prop_oneof![
            Just(Ending::Output),
            Just(Ending::Error),
            (".*", proptest::option::of(".*"))
                .prop_map(|(message, location)| Ending::Panicked { message, location }),
            Just(Ending::Cancelled),
            ".*".prop_map(|reason| Ending::InputRejected { reason }),
            ".*".prop_map(|reason| Ending::OutputRejected { reason }),
            Just(Ending::UnknownTask),
        ]
    }

    fn any_up() -> impl Strategy<Value = Up> {
        prop_oneof![
            (any::<u32>(), any::<u64>())
                .prop_map(|(protocol, table)| Up::Ready { protocol, table }),
            ".*".prop_map(|reason| Up::Refused { reason }),
            any::<u64>().prop_map(|call| Up::Started { call }),
            (any::<u64>(), any_ending()).prop_map(|(call, ending)| Up::Done { call, ending }),
        ]
    }

    proptest! {
        #[test]
        fn a_frame_survives_any_fragmentation(
            heads in proptest::collection::vec((any_up(), proptest::collection::vec(any::<u8>(), 0..300)), 1..8),
            cut in 1_usize..64,
        ) {
            let mut sent = BytesMut::new();
            for (up, payload) in &heads {
                framing().encode(frame(up, payload).unwrap(), &mut sent).unwrap();
            }
            let (mut framing, mut arrived, mut read) = (framing(), BytesMut::new(), Vec::new());
            for piece in sent.chunks(cut) {
                arrived.extend_from_slice(piece);
                while let Some(frame) = framing.decode(&mut arrived).unwrap() {
                    let (up, payload) = open::<Up>(frame.freeze()).unwrap();
                    read.push((up, codec::decode::<Vec<u8>>(&payload).unwrap()));
                }
            }
            prop_assert_eq!(read, heads);
            prop_assert!(arrived.is_empty());
        }

        #[test]
        fn hostile_bytes_are_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            // Whatever is read back must be what would have been written: a
            // head that decodes is a head, and the rest stays a payload.
            if let Ok((up, payload)) = open::<Up>(Bytes::from(bytes.clone())) {
                prop_assert!(payload.len() < bytes.len());
                let _ = head(&up);
            }
            let _ = open::<Down>(Bytes::from(bytes));
        }
    }

    #[test]
    fn a_length_beyond_the_maximum_is_refused_before_its_bytes_arrive() {
        let mut arrived = BytesMut::from(&u32::MAX.to_be_bytes()[..]);
        let error = framing().decode(&mut arrived).unwrap_err();
        assert!(error.to_string().contains("frame size too big"), "{error}");
        assert!(arrived.capacity() < 1 << 20, "nothing was allocated for it");
    }

    #[test]
    fn a_large_frame_does_not_keep_the_buffer_that_it_came_in() {
        for (bytes, kept) in [(KEPT_BUFFER + 1, false), (KEPT_BUFFER, true)] {
            let mut buffer = BytesMut::from(&vec![7; bytes + 3][..]);
            let frame = buffer.split_to(bytes);
            shed(&mut buffer, &frame);
            assert_eq!(&buffer[..], [7; 3], "what came behind it is still there");
            // The frame's memory is its own, unless the buffer shares it.
            let shared = frame.freeze().try_into_mut().is_err();
            assert_eq!(shared, kept, "{bytes} bytes");
        }
    }

    #[test]
    fn a_payload_with_a_tail_is_no_value() {
        let bytes = codec::append(Vec::new(), &7_u32).unwrap();
        assert_eq!(codec::decode::<u32>(&bytes).unwrap(), 7);
        let bytes = codec::append(bytes, &true).unwrap();
        let error = codec::decode::<u32>(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "1 bytes are left over after the value");
    }

    #[test]
    fn an_empty_frame_is_malformed() {
        let error = open::<Up>(Bytes::new()).unwrap_err();
        assert!(error.to_string().contains("frame of 0 bytes"), "{error}");
    }
}
