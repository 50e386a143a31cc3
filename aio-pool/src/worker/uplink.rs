//! The writing end of the socket, for whoever has something to say.
//!
//! Frames are gathered and written together. Two locks make that safe for the
//! watcher, which must never wait: frames are added under one that is held for
//! an instant, and written under the other, which is held as long as the parent
//! doesn't read.

use std::io::IoSlice;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, TryLockError};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags};
use tokio_util::bytes::Bytes;

use super::{lock, watchdog};
use crate::wire::{self, CallId, KEPT_BUFFER, PIECE, Up, WHOLE};

/// So much is gathered at most.
const GATHERED: usize = 64 << 10;

/// A longer payload is not copied to the others, but written where it is.
const COPIED: usize = 16 << 10;

/// The writing end.
#[derive(Debug)]
pub(super) struct Uplink {
    socket: UnixStream,
    gathered: Mutex<Gathered>,
    writing: Mutex<Begun>,
    /// How many frames are gathered and not yet in the kernel's hands.
    unwritten: AtomicUsize,
    /// Whose turn it is to send in pieces.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Frames that nobody writes yet.
#[derive(Debug, Default)]
struct Gathered {
    bytes: Vec<u8>,
    count: usize,
}

/// Frames that are being written, up to here so far.
#[derive(Debug, Default)]
struct Begun {
    frames: Gathered,
    written: usize,
}

/// The right to send in pieces.
pub(super) type Turn = tokio::sync::OwnedMutexGuard<()>;

impl Uplink {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self {
            socket,
            gathered: Mutex::default(),
            writing: Mutex::default(),
            unwritten: AtomicUsize::new(0),
            turn: Arc::default(),
        }
    }

    /// How many frames may still be lost with this process.
    pub(super) fn unwritten(&self) -> usize {
        self.unwritten.load(Ordering::Acquire)
    }

    /// Gathers a frame without a payload.
    pub(super) fn add(&self, head: &Up) {
        self.gather(head, &[]);
    }

    /// Appends a frame to the others. Tells how many bytes they are.
    fn gather(&self, head: &Up, payload: &[u8]) -> usize {
        let mut gathered = lock(&self.gathered);
        let bytes = std::mem::take(&mut gathered.bytes);
        gathered.bytes = wire::append(bytes, head, payload.len());
        gathered.bytes.extend_from_slice(payload);
        gathered.count += 1;
        self.unwritten.fetch_add(1, Ordering::AcqRel);
        gathered.bytes.len()
    }

    /// Gathers the frame of an answer or an item, or writes it if it is long; it
    /// is no longer than a piece.
    pub(super) fn send(&self, head: &Up, payload: &[u8]) {
        if payload.len() > COPIED {
            return self.write(head, payload);
        }
        if self.gather(head, payload) > GATHERED {
            self.flush();
        }
    }

    /// The same, and all that was gathered before, at once.
    pub(super) fn say(&self, head: &Up, payload: &[u8]) {
        self.send(head, payload);
        self.flush();
    }

    /// Waits for the turn to send in pieces. Turns are given in the order in
    /// which they were first asked for.
    pub(super) async fn turn(&self) -> Turn {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// The turn, if nobody has it.
    pub(super) fn turn_if_free(&self) -> Option<Turn> {
        Arc::clone(&self.turn).try_lock_owned().ok()
    }

    /// Waits for the turn on a thread that has nothing else to do.
    pub(super) fn wait_for_turn(&self) -> Turn {
        Arc::clone(&self.turn).blocking_lock_owned()
    }

    /// What [`send_but_last`](Self::send_but_last) does, on such a thread.
    pub(super) fn send_all_but_last(&self, call: CallId, mut rest: Bytes, _: &Turn) -> Bytes {
        while rest.len() > WHOLE {
            self.write(&Up::Piece { call }, &rest.split_to(PIECE));
            std::thread::yield_now();
        }
        rest
    }

    /// Sends of a payload all pieces but the last, which is left, and lets others
    /// speak between them. It must not be stopped amid them.
    pub(super) async fn send_but_last(&self, call: CallId, mut rest: Bytes, _: &Turn) -> Bytes {
        while rest.len() > WHOLE {
            self.write(&Up::Piece { call }, &rest.split_to(PIECE));
            tokio::task::yield_now().await;
        }
        rest
    }

    /// Writes all that is gathered, and waits until it is written. Tells whether
    /// there was anything.
    pub(super) fn flush(&self) -> Wrote {
        if self.unwritten() == 0 {
            return Wrote::Nothing;
        }
        self.drain(&mut lock(&self.writing), SendFlags::empty());
        Wrote::Something
    }

    /// Writes as much of what is gathered as can be written without waiting.
    pub(super) fn flush_without_waiting(&self) {
        match self.writing.try_lock() {
            Ok(mut begun) => self.drain(&mut begun, SendFlags::DONTWAIT),
            Err(TryLockError::Poisoned(begun)) => {
                self.drain(&mut begun.into_inner(), SendFlags::DONTWAIT);
            }
            // Whoever writes is about to find what is gathered.
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// Writes a frame from where it is, behind all that is gathered.
    fn write(&self, head: &Up, payload: &[u8]) {
        let start = wire::append(Vec::new(), head, payload.len());
        let mut begun = lock(&self.writing);
        self.drain(&mut begun, SendFlags::empty());
        let (mut start, mut payload) = (&start[..], payload);
        while !(start.is_empty() && payload.is_empty()) {
            let parts = [IoSlice::new(start), IoSlice::new(payload)];
            let written = self.write_some(&parts, SendFlags::empty());
            let of_start = written.min(start.len());
            start = &start[of_start..];
            payload = &payload[written - of_start..];
        }
    }

    fn drain(&self, begun: &mut Begun, flags: SendFlags) {
        loop {
            if begun.written == begun.frames.bytes.len() {
                let written = std::mem::take(&mut begun.frames.count);
                self.unwritten.fetch_sub(written, Ordering::AcqRel);
                begun.written = 0;
                begun.frames.bytes.clear();
                if begun.frames.bytes.capacity() > KEPT_BUFFER {
                    begun.frames.bytes = Vec::new();
                }
                std::mem::swap(&mut begun.frames, &mut *lock(&self.gathered));
                if begun.frames.bytes.is_empty() {
                    return;
                }
            }
            let rest = &begun.frames.bytes[begun.written..];
            match self.write_some(&[IoSlice::new(rest)], flags) {
                0 => return,
                written => begun.written += written,
            }
        }
    }

    /// Writes once. Without waiting it may be nothing.
    fn write_some(&self, parts: &[IoSlice<'_>], flags: SendFlags) -> usize {
        loop {
            let mut no_control = SendAncillaryBuffer::default();
            let flags = flags | SendFlags::NOSIGNAL;
            match rustix::net::sendmsg(&self.socket, parts, &mut no_control, flags) {
                Ok(written) => return written,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if flags.contains(SendFlags::DONTWAIT) => return 0,
                // It is set to wait, but a task could reach it.
                Err(Errno::AGAIN) => self.wait_for_room(),
                // Nobody reads any more. An answer that is not given is a call
                // that waits for ever, so this worker's death answers it.
                Err(_) => watchdog::end(),
            }
        }
    }

    fn wait_for_room(&self) {
        let mut socket = [PollFd::from_borrowed_fd(
            self.socket.as_fd(),
            PollFlags::OUT,
        )];
        // The next write tells what it was, if it was an error.
        let _ = rustix::event::poll(&mut socket, None);
    }
}

/// Whether there was something to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrote {
    Something,
    Nothing,
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use tokio_util::bytes::BytesMut;

    use super::*;
    use crate::wire::{Ending, Frames};

    fn pair() -> (Arc<Uplink>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Arc::new(Uplink::new(ours)), theirs)
    }

    /// Reads frames until so many answers have come.
    fn read(mut parent: UnixStream, answers: usize) -> Vec<(Up, Bytes)> {
        let (mut framing, mut buffer) = (Frames::<Up>::new(), BytesMut::new());
        let (mut frames, mut piece) = (Vec::new(), vec![0; 64 << 10]);
        let mut seen = 0;
        while seen < answers {
            let count = parent.read(&mut piece).unwrap();
            assert!(count > 0, "the worker hung up");
            buffer.extend_from_slice(&piece[..count]);
            while let Some((up, payload)) = framing.next(&mut buffer).unwrap() {
                seen += usize::from(matches!(up, Up::Done { .. }));
                frames.push((up, payload));
            }
        }
        frames
    }

    fn done(call: CallId) -> Up {
        let ending = Ending::Output;
        Up::Done { call, ending }
    }

    #[test]
    fn frames_are_unwritten_until_they_are_written() {
        let (uplink, parent) = pair();
        uplink.send(&done(1), b"one");
        uplink.add(&Up::Started { call: 2 });
        uplink.send(&done(2), b"two");
        assert_eq!(uplink.unwritten(), 3);
        assert_eq!(uplink.flush(), Wrote::Something);
        assert_eq!(uplink.unwritten(), 0);
        assert_eq!(uplink.flush(), Wrote::Nothing);
        let frames = [
            (done(1), Bytes::from("one")),
            (Up::Started { call: 2 }, Bytes::new()),
            (done(2), Bytes::from("two")),
        ];
        assert_eq!(read(parent, 2), frames);
    }

    #[test]
    fn nothing_is_lost_or_split_where_the_parent_does_not_read() {
        let (uplink, parent) = pair();
        let payload = vec![7; COPIED];
        let mut sent = 0;
        // Fills the socket, and then some, as the watcher would.
        while uplink.unwritten() < 4 {
            uplink.gather(&done(sent), &payload);
            uplink.flush_without_waiting();
            sent += 1;
        }
        let writer = {
            let uplink = Arc::clone(&uplink);
            std::thread::spawn(move || {
                uplink.send(&done(sent), &vec![8; PIECE]);
                uplink.flush();
                uplink.unwritten()
            })
        };
        let frames = read(parent, usize::try_from(sent).unwrap() + 1);
        assert_eq!(writer.join().unwrap(), 0);
        for (call, (up, bytes)) in (0..).zip(frames) {
            assert_eq!(up, done(call));
            let last = call == sent;
            assert!(
                bytes
                    == if last {
                        vec![8; PIECE]
                    } else {
                        payload.clone()
                    }
            );
        }
    }

    #[tokio::test]
    async fn others_speak_between_the_pieces_of_a_long_payload() {
        let (uplink, parent) = pair();
        let long = Bytes::from((0..3 * PIECE).map(|n| (n % 251) as u8).collect::<Vec<_>>());
        let reader = std::thread::spawn(move || read(parent, 3));
        let send = |call| {
            let (uplink, long) = (Arc::clone(&uplink), long.clone());
            async move {
                let turn = uplink.turn().await;
                let last = uplink.send_but_last(call, long, &turn).await;
                uplink.send(&done(call), &last);
                uplink.flush();
            }
        };
        tokio::join!(send(1), send(2), async { uplink.say(&done(3), &[]) });
        let frames = reader.join().unwrap();
        let order: Vec<_> = frames.iter().map(|(up, _)| up.clone()).collect();
        let piece = |call| Up::Piece { call };
        assert_eq!(
            order,
            [
                piece(1),
                done(3),
                piece(1),
                done(1),
                piece(2),
                piece(2),
                done(2)
            ],
        );
        for call in [1, 2] {
            let bytes: Vec<u8> = frames
                .iter()
                .filter(|(up, _)| *up == piece(call) || *up == done(call))
                .flat_map(|(_, payload)| payload.to_vec())
                .collect();
            assert!(bytes == long);
        }
    }
}
