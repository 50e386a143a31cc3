//! Frames and bytes: a length, a head and a payload, one behind the other.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::{Decoder, LengthDelimitedCodec};

use super::MAX_FRAME;
use crate::codec;

/// The bytes of a frame's length, big-endian.
const LENGTH: usize = size_of::<u32>();

/// A buffer that a frame of more bytes has grown is not kept.
pub(crate) const KEPT_BUFFER: usize = 1 << 20;

/// Why a frame is not a frame.
#[derive(Debug)]
pub(crate) struct Malformed(pub(super) String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Appends the length of a frame and its head; a payload of so many bytes is to
/// follow.
pub(crate) fn append(buffer: Vec<u8>, head: &impl Serialize, payload: usize) -> Vec<u8> {
    let start = buffer.len();
    let mut buffer = buffer;
    buffer.extend_from_slice(&[0; LENGTH]);
    let mut buffer = codec::append(buffer, head).expect("a head is plain data");
    let length = buffer.len() - start - LENGTH + payload;
    let length = u32::try_from(length).expect("a payload is cut into pieces");
    buffer[start..start + LENGTH].copy_from_slice(&length.to_be_bytes());
    buffer
}

/// A whole frame.
#[cfg(test)]
pub(crate) fn framed(head: &impl Serialize, payload: &[u8]) -> Vec<u8> {
    let mut bytes = append(Vec::new(), head, payload.len());
    bytes.extend_from_slice(payload);
    bytes
}

/// Splits a stream of bytes into frames with heads of this type, and refuses a
/// longer one than [`MAX_FRAME`] before it is read.
#[derive(Debug)]
pub(crate) struct Frames<H> {
    framing: LengthDelimitedCodec,
    heads: PhantomData<fn() -> H>,
}

impl<H: DeserializeOwned> Frames<H> {
    pub(crate) fn new() -> Self {
        let framing = LengthDelimitedCodec::builder()
            .length_field_type::<u32>()
            .max_frame_length(MAX_FRAME)
            .new_codec();
        Self {
            framing,
            heads: PhantomData,
        }
    }

    /// Takes the next head and its payload off the front of what arrived.
    pub(crate) fn next(&mut self, arrived: &mut BytesMut) -> Result<Option<(H, Bytes)>, Malformed> {
        match self.framing.decode(arrived) {
            Ok(Some(frame)) => {
                shed(arrived, &frame);
                open(frame.freeze()).map(Some)
            }
            Ok(None) => Ok(None),
            Err(error) => Err(Malformed(error.to_string())),
        }
    }
}

/// Gives the memory of a large frame back: the buffer it was split off would
/// keep all of it, for the few bytes behind.
fn shed(buffer: &mut BytesMut, frame: &BytesMut) {
    if frame.len() > KEPT_BUFFER {
        *buffer = BytesMut::from(&buffer[..]);
    }
}

/// Reads the head of a frame; what is left is its payload.
fn open<H: DeserializeOwned>(mut frame: Bytes) -> Result<(H, Bytes), Malformed> {
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

    use super::*;
    use crate::wire::{Down, Ending, Up};

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
            any::<u64>().prop_map(|call| Up::Returned { call }),
            any::<u64>().prop_map(|call| Up::Item { call }),
            any::<u64>().prop_map(|call| Up::Piece { call }),
            (any::<u64>(), any_ending()).prop_map(|(call, ending)| Up::Done { call, ending }),
            any::<u64>().prop_map(|call| Up::Stopped { call }),
        ]
    }

    proptest! {
        #[test]
        fn a_frame_survives_any_fragmentation(
            sent in proptest::collection::vec((any_up(), proptest::collection::vec(any::<u8>(), 0..300)), 1..8),
            cut in 1_usize..64,
        ) {
            let bytes: Vec<u8> = sent.iter().flat_map(|(up, payload)| framed(up, payload)).collect();
            let (mut frames, mut arrived, mut read) = (Frames::new(), BytesMut::new(), Vec::new());
            for piece in bytes.chunks(cut) {
                arrived.extend_from_slice(piece);
                while let Some((up, payload)) = frames.next(&mut arrived).unwrap() {
                    read.push((up, payload.to_vec()));
                }
            }
            prop_assert_eq!(read, sent);
            prop_assert!(arrived.is_empty());
        }

        #[test]
        fn hostile_bytes_are_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            // Whatever is read must be what could have been written: a head that
            // decodes is a head, and the rest stays a payload.
            if let Ok((up, payload)) = open::<Up>(Bytes::from(bytes.clone())) {
                prop_assert!(payload.len() < bytes.len());
                let _ = framed(&up, &payload);
            }
            let _ = open::<Down>(Bytes::from(bytes));
        }
    }

    #[test]
    fn a_length_beyond_the_maximum_is_refused_before_its_bytes_arrive() {
        let mut arrived = BytesMut::from(&u32::MAX.to_be_bytes()[..]);
        let error = Frames::<Up>::new().next(&mut arrived).unwrap_err();
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
    fn an_empty_frame_is_malformed() {
        let error = open::<Up>(Bytes::new()).unwrap_err();
        assert!(error.to_string().contains("frame of 0 bytes"), "{error}");
    }
}
