//! The reading end of the socket: bytes become what the parent says.

use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio_util::bytes::{BufMut as _, Bytes, BytesMut};

use crate::wire::{Assembly, Down, Malformed};

const READ_AT_ONCE: usize = 64 << 10;

/// What has arrived and was not taken yet.
#[derive(Debug)]
pub(super) struct Incoming {
    assembly: Assembly<Down>,
    buffer: BytesMut,
}

/// What a read has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// There was nothing.
    Nothing,
    /// All that there was.
    All,
    /// As much as there was room for.
    Part,
    /// The parent is gone.
    End,
}

impl Incoming {
    pub(super) fn new() -> Self {
        Self {
            assembly: Assembly::new(),
            buffer: BytesMut::new(),
        }
    }

    /// What comes next, if all of it has arrived: an input that came in pieces is
    /// put together.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn next(&mut self) -> Result<Option<(Down, Bytes)>, Malformed> {
        // The parent sends no piece of a call that may have none.
        self.assembly.next(&mut self.buffer, |_| true)
    }

    /// Reads once.
    pub(super) fn fill(&mut self, socket: impl AsFd, flags: RecvFlags) -> Fill {
        // The framing has made room for a frame whose length it knows; other
        // room is made where there is next to nothing to be moved for it.
        if self.buffer.len() < size_of::<u32>() || self.buffer.capacity() == self.buffer.len() {
            self.buffer.reserve(READ_AT_ONCE);
        }
        let room = self.buffer.spare_capacity_mut();
        let most = room.len();
        match rustix::net::recv(socket, room, flags) {
            Ok((_, 0)) => Fill::End,
            Ok((_, count)) => {
                #[expect(unsafe_code, reason = "a buffer is filled without zeroing it first")]
                // SAFETY: so many bytes behind its end have just been written.
                unsafe {
                    self.buffer.advance_mut(count);
                }
                if count < most { Fill::All } else { Fill::Part }
            }
            Err(Errno::AGAIN) => Fill::Nothing,
            Err(Errno::INTR) => Fill::Part,
            Err(_) => Fill::End,
        }
    }

    /// Waits for a frame, on a thread that has nothing else to do.
    ///
    /// # Errors
    ///
    /// There is none, or it is none.
    pub(super) fn wait(&mut self, socket: impl AsFd) -> io::Result<(Down, Bytes)> {
        loop {
            if let Some(frame) = self
                .next()
                .map_err(|error| io::Error::other(error.to_string()))?
            {
                return Ok(frame);
            }
            if self.fill(&socket, RecvFlags::empty()) == Fill::End {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::wire::{self, Announce, PIECE, framed};

    #[test]
    fn what_is_said_is_read_whole_small_and_large_however_it_comes() {
        let run = Down::Run {
            call: 1,
            task: 2,
            number: 3,
            announce: Announce::No,
        };
        let large: Vec<u8> = (0..3 * PIECE).map(|n| (n % 251) as u8).collect();
        let piece = |at: usize| framed(&Down::Piece { call: 1 }, &large[at * PIECE..][..PIECE]);
        let sent = [
            framed(&Down::Cancel { call: 7 }, &[]),
            piece(0),
            piece(1),
            framed(&run, &large[2 * PIECE..]),
            framed(&Down::Retire, &[]),
        ]
        .concat();
        for chunk in [70_000, usize::MAX] {
            let (mut parent, worker) = UnixStream::pair().unwrap();
            let sent = sent.clone();
            let writer = std::thread::spawn(move || {
                for piece in sent.chunks(chunk) {
                    parent.write_all(piece).unwrap();
                }
            });
            let mut incoming = Incoming::new();
            let first = incoming.wait(&worker).unwrap();
            assert_eq!(first, (Down::Cancel { call: 7 }, Bytes::new()));
            let (down, payload) = incoming.wait(&worker).unwrap();
            assert!(down == run && payload == large);
            assert_eq!(incoming.wait(&worker).unwrap().0, Down::Retire);
            assert!(incoming.buffer.capacity() <= wire::KEPT_BUFFER);
            writer.join().unwrap();
            assert!(incoming.wait(&worker).is_err(), "the parent is gone");
        }
    }

    #[test]
    fn a_dribble_is_read_to_its_end_and_silence_is_no_end() {
        let (mut parent, worker) = UnixStream::pair().unwrap();
        let mut incoming = Incoming::new();
        assert_eq!(incoming.fill(&worker, RecvFlags::DONTWAIT), Fill::Nothing);
        for byte in framed(&Down::Return { most: 300 }, &[]) {
            assert!(incoming.next().unwrap().is_none());
            parent.write_all(&[byte]).unwrap();
            assert_eq!(incoming.fill(&worker, RecvFlags::DONTWAIT), Fill::All);
        }
        let (down, _) = incoming.next().unwrap().unwrap();
        assert_eq!(down, Down::Return { most: 300 });
        drop(parent);
        assert_eq!(incoming.fill(&worker, RecvFlags::DONTWAIT), Fill::End);
    }
}
