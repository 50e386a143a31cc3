//! From a stream of bytes to heads and whole payloads, whatever pieces they come
//! in. The other side may be hostile: nothing is kept beyond the maximum.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, LengthDelimitedCodec};

use super::{CallId, Down, MAX_PAYLOAD, Malformed, PIECE, Up, framing, open, shed};

/// What either end says, as far as pieces are concerned.
pub(crate) trait Head: DeserializeOwned {
    /// The call of which this is a piece.
    fn piece_of(&self) -> Option<CallId>;
    /// The call whose payload is complete with this.
    fn completes(&self) -> Option<CallId>;
    /// The call whose pieces are to be forgotten.
    fn forgets(&self) -> Option<CallId>;
}

impl Head for Down {
    fn piece_of(&self) -> Option<CallId> {
        match *self {
            Self::Piece { call } => Some(call),
            _ => None,
        }
    }

    fn completes(&self) -> Option<CallId> {
        match *self {
            Self::Run { call, .. } => Some(call),
            _ => None,
        }
    }

    fn forgets(&self) -> Option<CallId> {
        match *self {
            Self::Cancel { call } => Some(call),
            _ => None,
        }
    }
}

impl Head for Up {
    fn piece_of(&self) -> Option<CallId> {
        match *self {
            Self::Piece { call } => Some(call),
            _ => None,
        }
    }

    fn completes(&self) -> Option<CallId> {
        match *self {
            Self::Done { call, .. } | Self::Item { call } => Some(call),
            _ => None,
        }
    }

    /// What is left unfinished is completed by the answer to the call, and read
    /// by nobody.
    fn forgets(&self) -> Option<CallId> {
        None
    }
}

/// Puts frames and payloads together again.
#[derive(Debug)]
pub(crate) struct Assembly<H> {
    framing: LengthDelimitedCodec,
    /// The call whose pieces come, and those that are here.
    partial: Option<(CallId, BytesMut)>,
    heads: PhantomData<fn() -> H>,
}

impl<H: Head> Assembly<H> {
    pub(crate) fn new() -> Self {
        Self {
            framing: framing(),
            partial: None,
            heads: PhantomData,
        }
    }

    /// Takes the next head and its whole payload off the front of what arrived.
    pub(crate) fn next(&mut self, arrived: &mut BytesMut) -> Result<Option<(H, Bytes)>, Malformed> {
        loop {
            let frame = self.framing.decode(arrived);
            let Some(frame) = frame.map_err(|error| Malformed(error.to_string()))? else {
                return Ok(None);
            };
            shed(arrived, &frame);
            let (head, payload) = open::<H>(frame.freeze())?;
            if let Some(call) = head.piece_of() {
                self.keep(call, &payload)?;
                continue;
            }
            let ours = |call: Option<CallId>| {
                let partial = self.partial.as_ref();
                call.is_some() && call == partial.map(|&(of, _)| of)
            };
            if ours(head.completes()) {
                let (_, mut whole) = self.partial.take().unwrap_or_default();
                whole.extend_from_slice(&payload);
                return Ok(Some((head, whole.freeze())));
            }
            if ours(head.forgets()) {
                self.partial = None;
                continue;
            }
            return Ok(Some((head, payload)));
        }
    }

    fn keep(&mut self, call: CallId, piece: &Bytes) -> Result<(), Malformed> {
        let (of, pieces) = self.partial.get_or_insert_with(|| (call, BytesMut::new()));
        if *of != call {
            return Err(Malformed(format!(
                "a piece of call {call} between those of call {of}"
            )));
        }
        // The last piece comes with the head, and is no longer than these.
        let length = pieces.len() + piece.len() + PIECE;
        if length > MAX_PAYLOAD + PIECE {
            return Err(Malformed(format!(
                "call {call} has a payload of more than {MAX_PAYLOAD} bytes"
            )));
        }
        pieces.extend_from_slice(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Announce, Ending, append};

    fn frame(bytes: &mut Vec<u8>, head: &impl serde::Serialize, payload: &[u8]) {
        *bytes = append(std::mem::take(bytes), head, payload.len());
        bytes.extend_from_slice(payload);
    }

    fn done(call: CallId) -> Up {
        let ending = Ending::Output;
        Up::Done { call, ending }
    }

    fn assembled<H: Head>(bytes: &[u8], cut: usize) -> Vec<(H, Bytes)> {
        let (mut assembly, mut arrived, mut whole) = (Assembly::new(), BytesMut::new(), Vec::new());
        for piece in bytes.chunks(cut) {
            arrived.extend_from_slice(piece);
            while let Some(frame) = assembly.next(&mut arrived).unwrap() {
                whole.push(frame);
            }
        }
        assert!(arrived.is_empty());
        whole
    }

    #[test]
    fn pieces_are_put_together_and_other_frames_pass_between() {
        let mut bytes = Vec::new();
        frame(&mut bytes, &Up::Piece { call: 1 }, b"one ");
        frame(&mut bytes, &done(2), b"other");
        frame(&mut bytes, &Up::Piece { call: 1 }, b"two ");
        frame(&mut bytes, &done(1), b"three");
        frame(&mut bytes, &done(1), b"four");
        for cut in 1..bytes.len() {
            let whole = assembled::<Up>(&bytes, cut);
            let expected = [
                (done(2), Bytes::from("other")),
                (done(1), Bytes::from("one two three")),
                (done(1), Bytes::from("four")),
            ];
            assert_eq!(whole, expected, "cut every {cut} bytes");
        }
    }

    #[test]
    fn the_pieces_of_a_cancelled_input_are_forgotten_and_so_is_its_cancellation() {
        let (task, number, announce) = (0, 1, Announce::No);
        let run = |call| Down::Run {
            call,
            task,
            number,
            announce,
        };
        let mut bytes = Vec::new();
        frame(&mut bytes, &Down::Piece { call: 1 }, b"lost");
        frame(&mut bytes, &Down::Cancel { call: 1 }, b"");
        frame(&mut bytes, &Down::Piece { call: 2 }, b"to");
        frame(&mut bytes, &run(2), b"gether");
        frame(&mut bytes, &Down::Cancel { call: 2 }, b"");
        let expected = [
            (run(2), Bytes::from("together")),
            (Down::Cancel { call: 2 }, Bytes::new()),
        ];
        assert_eq!(assembled::<Down>(&bytes, 5), expected);
    }

    #[test]
    fn pieces_of_two_calls_do_not_mix() {
        let mut bytes = Vec::new();
        frame(&mut bytes, &Up::Piece { call: 1 }, b"x");
        frame(&mut bytes, &Up::Piece { call: 2 }, b"x");
        let mut arrived = BytesMut::from(&bytes[..]);
        let error = Assembly::<Up>::new().next(&mut arrived).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a piece of call 2 between those of call 1"
        );
    }

    #[test]
    fn pieces_are_kept_up_to_the_longest_payload_and_no_further() {
        let mut piece = Vec::new();
        frame(&mut piece, &Up::Piece { call: 1 }, &vec![7; PIECE]);
        let mut assembly = Assembly::<Up>::new();
        let mut pieces = 0;
        let error = loop {
            match assembly.next(&mut BytesMut::from(&piece[..])) {
                Ok(whole) => assert_eq!(whole, None),
                Err(error) => break error.to_string(),
            }
            pieces += 1;
        };
        assert_eq!(pieces, MAX_PAYLOAD / PIECE);
        assert!(error.contains("more than 268435456 bytes"), "{error}");
    }
}
