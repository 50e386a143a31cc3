//! From a stream of bytes to heads and whole payloads, whatever pieces they come
//! in. The other side may be hostile: nothing is kept beyond the maximum.

use serde::de::DeserializeOwned;
use tokio_util::bytes::{Bytes, BytesMut};

use super::frames::{Frames, Malformed};
use super::{CallId, Down, MAX_PAYLOAD, PIECE, Up};

/// What a frame is to a payload that comes in pieces.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// A piece of this call's.
    Piece(CallId),
    /// The last of this call's, unless it is all.
    Last(CallId),
    /// The end of those of this call, which are to be forgotten.
    Forget(CallId),
    /// Something else.
    Apart,
}

/// What either end says.
pub(crate) trait Head: DeserializeOwned {
    /// What the frame of this is.
    fn part(&self) -> Part;
}

impl Head for Down {
    fn part(&self) -> Part {
        match *self {
            Self::Piece { call } => Part::Piece(call),
            Self::Run { call, .. } => Part::Last(call),
            Self::Cancel { call } => Part::Forget(call),
            Self::Hello { .. } | Self::Return { .. } | Self::Credit { .. } | Self::Retire => {
                Part::Apart
            }
        }
    }
}

impl Head for Up {
    /// Here nothing is forgotten: what is left unfinished is completed by the
    /// answer to the call, and read by nobody.
    fn part(&self) -> Part {
        match *self {
            Self::Piece { call } => Part::Piece(call),
            Self::Item { call } | Self::Done { call, .. } => Part::Last(call),
            Self::Ready { .. }
            | Self::Refused { .. }
            | Self::Started { .. }
            | Self::Returned { .. }
            | Self::Stopped { .. } => Part::Apart,
        }
    }
}

/// Puts frames and payloads together again.
#[derive(Debug)]
pub(crate) struct Assembly<H> {
    frames: Frames<H>,
    partial: Option<Partial>,
}

/// A payload that is not complete.
#[derive(Debug)]
struct Partial {
    call: CallId,
    bytes: BytesMut,
}

impl<H: Head> Assembly<H> {
    pub(crate) fn new() -> Self {
        Self {
            frames: Frames::new(),
            partial: None,
        }
    }

    /// Takes the next head and its whole payload off the front of what arrived.
    ///
    /// Before the first piece of a payload is kept, `may` tells whether its call
    /// may have one.
    pub(crate) fn next(
        &mut self,
        arrived: &mut BytesMut,
        mut may: impl FnMut(CallId) -> bool,
    ) -> Result<Option<(H, Bytes)>, Malformed> {
        while let Some((head, payload)) = self.frames.next(arrived)? {
            let begun = |call| self.partial.as_ref().is_some_and(|of| of.call == call);
            match head.part() {
                Part::Piece(call) if payload.len() != PIECE => {
                    return Err(Malformed(format!(
                        "a piece of call {call} with {} bytes",
                        payload.len()
                    )));
                }
                Part::Piece(call) => match &mut self.partial {
                    Some(partial) => partial.add(call, &payload)?,
                    None if may(call) => {
                        // It brings its memory with it.
                        let bytes = BytesMut::from(payload);
                        self.partial = Some(Partial { call, bytes });
                    }
                    None => {
                        return Err(Malformed(format!(
                            "a piece of call {call}, which may have none"
                        )));
                    }
                },
                Part::Last(call) if begun(call) => {
                    let whole = self.partial.take().map(|of| of.complete(&payload));
                    return Ok(Some((head, whole.transpose()?.unwrap_or_default())));
                }
                Part::Forget(call) if begun(call) => self.partial = None,
                Part::Last(_) | Part::Forget(_) | Part::Apart => return Ok(Some((head, payload))),
            }
        }
        Ok(None)
    }
}

impl Partial {
    fn add(&mut self, call: CallId, part: &Bytes) -> Result<(), Malformed> {
        if call != self.call {
            return Err(Malformed(format!(
                "a piece of call {call} between those of call {}",
                self.call
            )));
        }
        if self.bytes.len() + part.len() > MAX_PAYLOAD {
            return Err(Malformed(format!(
                "call {call} has a payload of more than {MAX_PAYLOAD} bytes"
            )));
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    fn complete(mut self, last: &Bytes) -> Result<Bytes, Malformed> {
        self.add(self.call, last)?;
        Ok(self.bytes.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Announce, Ending, framed};

    fn done(call: CallId) -> Up {
        let ending = Ending::Output;
        Up::Done { call, ending }
    }

    fn run(call: CallId) -> Down {
        Down::Run {
            call,
            task: 0,
            number: 1,
            announce: Announce::No,
        }
    }

    /// A piece that begins with these bytes.
    fn piece(beginning: &[u8]) -> Vec<u8> {
        let mut piece = vec![7; PIECE];
        piece[..beginning.len()].copy_from_slice(beginning);
        piece
    }

    fn assembled<H: Head>(bytes: &[u8], cut: usize) -> Vec<(H, Bytes)> {
        let (mut assembly, mut arrived, mut whole) = (Assembly::new(), BytesMut::new(), Vec::new());
        for piece in bytes.chunks(cut) {
            arrived.extend_from_slice(piece);
            while let Some(frame) = assembly.next(&mut arrived, |_| true).unwrap() {
                whole.push(frame);
            }
        }
        assert!(arrived.is_empty());
        whole
    }

    /// What is wrong with the last of these frames.
    fn fault(assembly: &mut Assembly<Up>, frames: &[(Up, &[u8])]) -> String {
        let mut arrived = BytesMut::new();
        for (up, payload) in frames {
            arrived.extend_from_slice(&framed(up, payload));
        }
        let error = assembly.next(&mut arrived, |call| call < 9).unwrap_err();
        assert!(arrived.is_empty(), "it was not the last");
        error.to_string()
    }

    #[test]
    fn pieces_are_put_together_and_other_frames_pass_between() {
        let [one, two] = [b"one", b"two"].map(|beginning| piece(beginning));
        let bytes = [
            framed(&Up::Piece { call: 1 }, &one),
            framed(&done(2), b"other"),
            framed(&Up::Piece { call: 1 }, &two),
            framed(&done(1), b"three"),
            framed(&done(1), b"four"),
        ]
        .concat();
        let long = [&one[..], &two, b"three"].concat();
        for cut in [4_099, PIECE - 1, PIECE, PIECE + 7, bytes.len()] {
            let whole = assembled::<Up>(&bytes, cut);
            let expected = [
                (done(2), Bytes::from("other")),
                (done(1), Bytes::from(long.clone())),
                (done(1), Bytes::from("four")),
            ];
            assert!(whole == expected, "cut every {cut} bytes");
        }
    }

    #[test]
    fn the_pieces_of_a_cancelled_input_are_forgotten_and_so_is_its_cancellation() {
        let kept = piece(b"kept");
        let bytes = [
            framed(&Down::Piece { call: 1 }, &piece(b"lost")),
            framed(&Down::Cancel { call: 1 }, b""),
            framed(&Down::Piece { call: 2 }, &kept),
            framed(&run(2), b"together"),
            framed(&Down::Cancel { call: 2 }, b""),
        ]
        .concat();
        let expected = [
            (run(2), Bytes::from([&kept[..], b"together"].concat())),
            (Down::Cancel { call: 2 }, Bytes::new()),
        ];
        assert!(assembled::<Down>(&bytes, 65_536) == expected);
    }

    #[test]
    fn pieces_of_two_calls_do_not_mix() {
        let piece = piece(b"");
        let said = fault(
            &mut Assembly::new(),
            &[
                (Up::Piece { call: 1 }, &piece),
                (Up::Piece { call: 2 }, &piece),
            ],
        );
        assert_eq!(said, "a piece of call 2 between those of call 1");
    }

    #[test]
    fn a_piece_has_the_length_of_a_piece() {
        for bytes in [0, 1, PIECE - 1, PIECE + 1] {
            let piece = vec![7; bytes];
            let said = fault(&mut Assembly::new(), &[(Up::Piece { call: 1 }, &piece)]);
            assert_eq!(said, format!("a piece of call 1 with {bytes} bytes"));
        }
    }

    #[test]
    fn no_piece_is_kept_of_a_call_that_may_have_none() {
        let mut assembly = Assembly::new();
        let said = fault(&mut assembly, &[(Up::Piece { call: 9 }, &piece(b""))]);
        assert_eq!(said, "a piece of call 9, which may have none");
        assert!(assembly.partial.is_none());
    }

    #[test]
    fn pieces_are_kept_up_to_the_longest_payload_and_no_further() {
        let bytes = framed(&Up::Piece { call: 1 }, &piece(b""));
        for last in [Up::Piece { call: 1 }, done(1)] {
            let mut assembly = Assembly::<Up>::new();
            for _ in 0..MAX_PAYLOAD / PIECE {
                let mut arrived = BytesMut::from(&bytes[..]);
                assert!(assembly.next(&mut arrived, |_| true).unwrap().is_none());
            }
            let too_much = if last == done(1) {
                &b"x"[..]
            } else {
                &piece(b"")
            };
            let said = fault(&mut assembly, &[(last, too_much)]);
            assert_eq!(said, "call 1 has a payload of more than 268435456 bytes");
        }
    }
}
