//! What reads the bytes of others, for a fuzzer. Only there under `cfg(fuzzing)`.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use tokio_util::bytes::{Bytes, BytesMut};

use crate::codec;
use crate::wire::{self, Assembly, Down, Frames, Head, Up};

/// A value of every shape that the codec knows.
#[derive(Debug, Serialize, Deserialize)]
struct All {
    numbers: (u8, i16, u32, i64, u128, i128, f32, f64),
    text: (char, String, Option<Box<Self>>),
    lists: (Vec<Self>, Vec<(bool, ())>, BTreeMap<String, u64>),
    shape: Shape,
}

#[derive(Debug, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(Vec<u8>),
    Tuple(usize, isize),
    Struct { inner: Option<Box<Self>> },
}

/// Reads these bytes as everything that they may be. Whatever they are, nothing
/// panics, and what is read is what would have been written.
pub fn bytes(bytes: &[u8]) {
    let Some((&kind, rest)) = bytes.split_first() else {
        return;
    };
    let cut = usize::from(kind >> 3) * 7 + 1;
    match kind & 7 {
        0 => decoded::<All>(rest),
        1 => decoded::<Vec<Option<Shape>>>(rest),
        2 => decoded::<BTreeMap<String, (char, Vec<u8>)>>(rest),
        // Lengths and all.
        3 => assembled::<Up>(rest, cut),
        4 => assembled::<Down>(rest, cut),
        // With lengths that are right, since a wrong one ends it all.
        5 | 6 => assembled::<Up>(&framed(rest), cut),
        _ => assembled::<Down>(&framed(rest), cut),
    }
}

/// Cuts bytes into frames: a length in one byte, and so much of a frame.
fn framed(mut bytes: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    while let Some((&length, rest)) = bytes.split_first() {
        let (frame, rest) = rest.split_at(rest.len().min(length.into()));
        frames.extend(u32::from(length).to_be_bytes());
        frames.extend_from_slice(frame);
        bytes = rest;
    }
    frames
}

fn decoded<T: Serialize + for<'de> Deserialize<'de>>(bytes: &[u8]) {
    let Ok(value) = codec::decode::<T>(bytes) else {
        return;
    };
    // Not the same bytes, as a number can be written too long; but the same value.
    let written = codec::append(Vec::new(), &value).expect("what was read can be written");
    let again = codec::decode::<T>(&written).expect("what was written can be read");
    let again = codec::append(Vec::new(), &again).expect("and written again");
    assert_eq!(written, again);
}

fn assembled<H: Head + Serialize + PartialEq + Debug>(bytes: &[u8], cut: usize) {
    let (mut assembly, mut arrived, mut whole) = (Assembly::<H>::new(), BytesMut::new(), 0);
    for piece in bytes.chunks(cut) {
        arrived.extend_from_slice(piece);
        loop {
            match assembly.next(&mut arrived, |_| true) {
                Ok(Some((head, payload))) => {
                    whole += payload.len();
                    let written = wire::append(Vec::new(), &head, 0);
                    let again = Frames::<H>::new().next(&mut BytesMut::from(&written[..]));
                    let again = again.expect("a head is a head");
                    assert_eq!(again, Some((head, Bytes::new())));
                }
                Ok(None) => break,
                Err(malformed) => {
                    assert!(!malformed.to_string().is_empty());
                    return;
                }
            }
        }
    }
    assert!(whole <= bytes.len(), "payloads of more bytes than came");
}
