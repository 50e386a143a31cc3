//! One task for each worker process: writes its orders, reads its frames, waits
//! for its death. All that it learns goes to the supervisor, in order, and the
//! death comes last: after every frame that the dead worker had still written.

use std::io;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

use rustix::net::RecvFlags;

use super::scheduler::WorkerId;
use super::spawn::{Ended, Process};
use crate::error::Exit;
use crate::wire::{self, KEPT_BUFFER, Up};

/// A worker that closed its socket is about to end; this is how long it may
/// take. Killing it at once would hide the exit status it is about to have.
const SILENT_GRACE: Duration = Duration::from_secs(1);

/// So much is read from a dead worker at most. Its socket buffer holds less;
/// more can only come from something it left behind.
const LAST_WORDS: usize = 8 << 20;

const READ_AT_ONCE: usize = 64 << 10;

/// What the supervisor wants of a worker.
#[derive(Debug)]
pub(crate) enum Order {
    /// Send this frame.
    Send(Bytes),
    /// Kill it. Its death is reported as any other.
    Kill,
}

/// What a worker did.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) worker: WorkerId,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// It said this; the rest is the payload.
    Said(Up, Bytes),
    /// It broke the protocol in this way, and is killed for it.
    Babbled(String),
    /// It ended, and is reaped. Nothing follows.
    Ended(Exit),
}

/// Attends to a worker until it is dead and reaped.
pub(crate) async fn attend(
    worker: WorkerId,
    process: Process,
    ended: Ended,
    socket: UnixStream,
    mut orders: mpsc::UnboundedReceiver<Order>,
    events: mpsc::Sender<Event>,
) {
    let mut outgoing = Outgoing::new();
    let mut incoming = Incoming::new(worker, events);
    let mut ordering = true;
    let mut kill_at: Option<Instant> = None;

    loop {
        let interest = match (incoming.open, outgoing.pending()) {
            (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
            (true, false) => Some(Interest::READABLE),
            (false, true) => Some(Interest::WRITABLE),
            (false, false) => None,
        };
        tokio::select! {
            biased;
            () = ended.wait() => break,
            order = orders.recv(), if ordering => {
                // All that is waiting goes out in one write.
                let mut next = order;
                ordering = next.is_some();
                loop {
                    match next {
                        Some(Order::Send(frame)) => outgoing.add(frame),
                        // Without a supervisor nobody needs the worker.
                        Some(Order::Kill) | None => process.kill(),
                    }
                    match orders.try_recv() {
                        Ok(order) => next = Some(order),
                        Err(_) => break,
                    }
                }
                outgoing.write(&socket);
            }
            ready = socket.ready(interest.unwrap_or(Interest::READABLE)), if interest.is_some() => {
                if ready.as_ref().is_ok_and(|ready| ready.is_writable() || ready.is_write_closed()) {
                    outgoing.write(&socket);
                }
                if incoming.open {
                    incoming.read(&socket).await;
                    if incoming.babbled {
                        process.kill();
                    } else if !incoming.open {
                        kill_at = Some(Instant::now() + SILENT_GRACE);
                    }
                }
            }
            () = sleep_until(kill_at.unwrap_or_else(Instant::now)), if kill_at.is_some() => {
                kill_at = None;
                let reason = "it closed its connection and did not end".to_owned();
                incoming.report(What::Babbled(reason)).await;
                process.kill();
            }
        }
    }

    // First its whole group ends, so that nothing writes to the socket any
    // more; then what it wrote is read; then it is declared dead.
    let exit = process.reap();
    if incoming.open {
        incoming.read_last_words(&socket).await;
    }
    incoming.report(What::Ended(exit)).await;
}

/// Frames on their way to the worker.
struct Outgoing {
    framing: LengthDelimitedCodec,
    buffer: BytesMut,
    open: bool,
}

impl Outgoing {
    fn new() -> Self {
        Self {
            framing: wire::framing(),
            buffer: BytesMut::new(),
            open: true,
        }
    }

    fn pending(&self) -> bool {
        self.open && self.buffer.has_remaining()
    }

    fn add(&mut self, frame: Bytes) {
        // Only a frame beyond the maximum is refused, and none is made.
        let refused = self.framing.encode(frame, &mut self.buffer).is_err();
        debug_assert!(!refused, "a frame longer than the maximum");
    }

    /// Writes what the socket takes.
    fn write(&mut self, socket: &UnixStream) {
        while self.pending() {
            match socket.try_write(&self.buffer) {
                Ok(written) => self.buffer.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // Nobody reads any more; the worker's death says the rest.
                    self.open = false;
                }
            }
        }
        if self.buffer.capacity() > KEPT_BUFFER {
            self.buffer = BytesMut::new();
        }
    }
}

/// Frames on their way from the worker.
struct Incoming {
    worker: WorkerId,
    events: mpsc::Sender<Event>,
    framing: LengthDelimitedCodec,
    buffer: BytesMut,
    open: bool,
    babbled: bool,
}

impl Incoming {
    fn new(worker: WorkerId, events: mpsc::Sender<Event>) -> Self {
        Self {
            worker,
            events,
            framing: wire::framing(),
            buffer: BytesMut::new(),
            open: true,
            babbled: false,
        }
    }

    async fn report(&self, what: What) {
        let worker = self.worker;
        // Without a supervisor there is nobody to tell.
        let _ = self.events.send(Event { worker, what }).await;
    }

    async fn read(&mut self, socket: &UnixStream) {
        self.buffer.reserve(READ_AT_ONCE);
        match socket.try_read_buf(&mut self.buffer) {
            Ok(0) => self.open = false,
            Ok(_) => self.report_frames().await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A worker that dies with orders unread resets the connection,
            // behind everything that it had written.
            Err(_) => self.open = false,
        }
    }

    /// Reads what is there without asking the reactor, which may not have
    /// looked since it was written.
    async fn read_last_words(&mut self, socket: &UnixStream) {
        let mut piece = vec![0; READ_AT_ONCE];
        let mut read = 0;
        while self.open && read < LAST_WORDS {
            match rustix::net::recv(socket, piece.as_mut_slice(), RecvFlags::DONTWAIT) {
                Ok((0, _)) => break,
                Ok((count, _)) => {
                    read += count;
                    self.buffer.extend_from_slice(&piece[..count]);
                    self.report_frames().await;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
    }

    async fn report_frames(&mut self) {
        while self.open {
            let said = match self.framing.decode(&mut self.buffer) {
                Ok(None) => return,
                Ok(Some(frame)) => {
                    wire::shed(&mut self.buffer, &frame);
                    wire::open::<Up>(frame.freeze()).map_err(|e| e.to_string())
                }
                Err(error) => Err(error.to_string()),
            };
            match said {
                Ok((up, payload)) => self.report(What::Said(up, payload)).await,
                Err(reason) => {
                    self.open = false;
                    self.babbled = true;
                    self.report(What::Babbled(reason)).await;
                }
            }
        }
    }
}
