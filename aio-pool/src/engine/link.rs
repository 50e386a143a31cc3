//! The parent's end of a worker's socket, as seen by whoever has something to
//! say to the worker: any thread, at any time, without waiting.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::net::{SendAncillaryBuffer, SendFlags};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio_util::bytes::{Buf, Bytes};

use crate::wire::{self, CallId, Down, PIECE, WHOLE};

/// A payload beyond this size is written from where it is, a smaller one is
/// copied behind its head.
const COPIED: usize = 16 << 10;

/// So many slices go out in one system call at most.
const SLICES: usize = 16;

/// The socket and what waits to be written to it.
#[derive(Debug)]
pub(crate) struct Link {
    socket: UnixStream,
    outgoing: Mutex<Outgoing>,
    /// Tells the attendant that the socket takes no more, or that the worker is
    /// to be killed.
    pub(crate) attendant: Notify,
    /// Somebody is about to flush it.
    noted: AtomicBool,
    /// How often something was read from it.
    heard: AtomicU64,
}

#[derive(Debug, Default)]
struct Outgoing {
    /// Frames, ready to be written, before those in `tail`.
    segments: VecDeque<Bytes>,
    /// Small frames behind each other.
    tail: Vec<u8>,
    /// Calls with large inputs, and whatever calls came after them: a call
    /// overtakes no other, since workers begin them in the order of delivery.
    bulk: VecDeque<Bulk>,
    flushing: bool,
    /// The socket took no more.
    blocked: bool,
    /// The worker is to be killed.
    doomed: bool,
    /// Nobody reads any more.
    closed: bool,
}

#[derive(Debug)]
struct Bulk {
    call: CallId,
    head: Down,
    input: Bytes,
    /// Pieces of it have gone out.
    begun: bool,
}

/// What became of a call that was to be withdrawn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Withdrawn {
    /// The worker has heard nothing of it that it will not forget.
    Whole,
    /// It is on its way, or has arrived.
    TooLate,
}

/// What the attendant has to do beside reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Duty {
    /// Wait until the socket takes more, and flush.
    pub(crate) blocked: bool,
    /// Kill the worker.
    pub(crate) doomed: bool,
}

impl Link {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self {
            socket,
            outgoing: Mutex::default(),
            attendant: Notify::new(),
            noted: AtomicBool::new(false),
            heard: AtomicU64::new(0),
        }
    }

    /// The worker has sent something, if only a part of a frame.
    pub(crate) fn hear(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    /// A number that is another when the worker has sent something since.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    pub(crate) fn socket(&self) -> &UnixStream {
        &self.socket
    }

    /// Whether it is still to be noted that this is to be flushed.
    pub(crate) fn note(&self) -> bool {
        !self.noted.swap(true, Ordering::AcqRel)
    }

    /// Flushes what was noted.
    pub(crate) fn flush_noted(&self) {
        self.noted.store(false, Ordering::Release);
        self.flush();
    }

    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        // No code that may panic runs under this lock.
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an order that may overtake calls.
    pub(crate) fn order(&self, order: &Down) {
        self.outgoing().append(order, &Bytes::new());
    }

    /// Adds a call. It goes out with the next [`flush`](Self::flush).
    pub(crate) fn call(&self, call: CallId, head: Down, input: &Bytes) {
        let mut outgoing = self.outgoing();
        if outgoing.bulk.is_empty() && input.len() <= WHOLE {
            outgoing.append(&head, input);
        } else {
            outgoing.bulk.push_back(Bulk {
                call,
                head,
                input: input.clone(),
                begun: false,
            });
        }
    }

    /// Takes a call back that has not gone out, if it is not too late.
    pub(crate) fn withdraw(&self, call: CallId) -> Withdrawn {
        let mut outgoing = self.outgoing();
        let Some(at) = outgoing.bulk.iter().position(|bulk| bulk.call == call) else {
            return Withdrawn::TooLate;
        };
        let begun = outgoing.bulk.remove(at).is_some_and(|bulk| bulk.begun);
        if begun {
            outgoing.append(&Down::Cancel { call }, &Bytes::new());
        }
        Withdrawn::Whole
    }

    /// Has the worker killed, by its attendant.
    pub(crate) fn kill(&self) {
        self.outgoing().doomed = true;
        self.attendant.notify_one();
    }

    pub(crate) fn duty(&self) -> Duty {
        let outgoing = self.outgoing();
        Duty {
            blocked: outgoing.blocked && !outgoing.closed,
            doomed: outgoing.doomed,
        }
    }

    /// Writes what the socket takes. What it does not take is left to the
    /// attendant, or to whoever is writing already.
    pub(crate) fn flush(&self) {
        {
            let mut outgoing = self.outgoing();
            if outgoing.flushing || outgoing.blocked {
                return;
            }
            outgoing.flushing = true;
        }
        self.write();
    }

    /// The same, for the attendant, when the socket takes more again.
    pub(crate) fn resume(&self) {
        {
            let mut outgoing = self.outgoing();
            outgoing.blocked = false;
            if outgoing.flushing {
                return;
            }
            outgoing.flushing = true;
        }
        self.write();
    }

    /// Writes as the only one, and lets others add meanwhile.
    fn write(&self) {
        let mut batch = VecDeque::new();
        loop {
            {
                let mut outgoing = self.outgoing();
                if batch.is_empty() {
                    batch = outgoing.take();
                }
                if batch.is_empty() || outgoing.closed {
                    outgoing.flushing = false;
                    return;
                }
            }
            match self.write_some(&batch) {
                Ok(written) => advance(&mut batch, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let mut outgoing = self.outgoing();
                    outgoing.flushing = false;
                    if error.kind() == io::ErrorKind::WouldBlock {
                        outgoing.put_back(batch);
                        outgoing.blocked = true;
                        drop(outgoing);
                        self.attendant.notify_one();
                    } else {
                        // Nobody reads any more; the worker's death says the rest.
                        outgoing.close();
                    }
                    return;
                }
            }
        }
    }

    fn write_some(&self, batch: &VecDeque<Bytes>) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(batch) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        self.socket.try_io(Interest::WRITABLE, || {
            // A worker that has died is an outcome, and must not end a program
            // that has given SIGPIPE its effect back. `writev` has no such flag.
            let flags = SendFlags::NOSIGNAL;
            Ok(match &slices[..count] {
                [only] => rustix::net::send(&self.socket, only, flags)?,
                several => {
                    let mut no_control = SendAncillaryBuffer::default();
                    rustix::net::sendmsg(&self.socket, several, &mut no_control, flags)?
                }
            })
        })
    }
}

impl Outgoing {
    fn append(&mut self, head: &Down, payload: &Bytes) {
        if self.closed {
            return;
        }
        self.tail = wire::append(std::mem::take(&mut self.tail), head, payload.len());
        if payload.len() <= COPIED {
            self.tail.extend_from_slice(payload);
        } else {
            let before = std::mem::take(&mut self.tail);
            self.segments.extend([before.into(), payload.clone()]);
        }
    }

    /// Everything that is ready, or the next piece.
    fn take(&mut self) -> VecDeque<Bytes> {
        if self.segments.is_empty() && self.tail.is_empty() {
            self.next_piece();
        }
        let mut batch = std::mem::take(&mut self.segments);
        if !self.tail.is_empty() {
            batch.push_back(std::mem::take(&mut self.tail).into());
        }
        batch
    }

    fn next_piece(&mut self) {
        let Some(mut bulk) = self.bulk.pop_front() else {
            return;
        };
        if bulk.input.len() > WHOLE {
            let piece = bulk.input.split_to(PIECE);
            let call = bulk.call;
            bulk.begun = true;
            self.bulk.push_front(bulk);
            self.append(&Down::Piece { call }, &piece);
        } else {
            self.append(&bulk.head, &bulk.input);
        }
    }

    fn put_back(&mut self, mut batch: VecDeque<Bytes>) {
        batch.append(&mut self.segments);
        self.segments = batch;
    }

    fn close(&mut self) {
        self.closed = true;
        self.segments.clear();
        self.bulk.clear();
        self.tail = Vec::new();
    }
}

fn advance(batch: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(first) = batch.front_mut() {
        if written < first.len() {
            first.advance(written);
            return;
        }
        written -= first.len();
        batch.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::bytes::BytesMut;

    use super::*;

    fn written(outgoing: &mut Outgoing) -> Vec<u8> {
        std::iter::from_fn(|| Some(outgoing.take()).filter(|batch| !batch.is_empty()))
            .flatten()
            .flatten()
            .collect()
    }

    fn run(call: CallId) -> Down {
        Down::Run {
            call,
            task: 0,
            number: call,
            announce: wire::Announce::No,
        }
    }

    fn orders(bytes: &[u8]) -> Vec<(Down, usize)> {
        let mut bytes = BytesMut::from(bytes);
        let mut frames = wire::Frames::new();
        std::iter::from_fn(|| frames.next(&mut bytes).unwrap())
            .map(|(down, payload)| (down, payload.len()))
            .collect()
    }

    #[test]
    fn a_slice_that_was_half_written_goes_on_where_it_was() {
        let mut batch: VecDeque<Bytes> = ["abc", "de", "f"].map(Bytes::from).into();
        advance(&mut batch, 4);
        assert_eq!(batch, ["e", "f"].map(Bytes::from));
        advance(&mut batch, 2);
        assert!(batch.is_empty());
    }

    #[tokio::test]
    async fn orders_pass_between_the_pieces_of_a_large_input_and_calls_do_not() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let link = Link::new(ours);
        let large = Bytes::from(vec![7; PIECE + WHOLE + 5]);
        link.call(1, run(1), &large);
        link.call(2, run(2), &Bytes::from_static(b"small"));
        let mut sent: Vec<u8> = link.outgoing().take().into_iter().flatten().collect();
        link.order(&Down::Retire);
        sent.extend(written(&mut link.outgoing()));
        let call = 1;
        assert_eq!(
            orders(&sent),
            [
                (Down::Piece { call }, PIECE),
                (Down::Retire, 0),
                (Down::Piece { call }, PIECE),
                (run(1), WHOLE - PIECE + 5),
                (run(2), 5),
            ]
        );
    }

    #[tokio::test]
    async fn a_call_is_withdrawn_until_its_last_piece_has_gone() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let link = Link::new(ours);
        for call in 1..=2 {
            link.call(call, run(call), &Bytes::from(vec![7; WHOLE + 5]));
        }
        assert_eq!(link.withdraw(2), Withdrawn::Whole);
        let piece = link.outgoing().take();
        assert_eq!(piece.len(), 2);
        assert_eq!(link.withdraw(1), Withdrawn::Whole);
        let call = 1;
        let rest = written(&mut link.outgoing());
        assert_eq!(orders(&rest), [(Down::Cancel { call }, 0)]);
        assert_eq!(link.withdraw(1), Withdrawn::TooLate);
    }
}
