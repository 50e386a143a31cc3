//! One task for each worker process: reads its frames, writes what its socket
//! did not take at once, kills it on demand, waits for its death. The death
//! comes last: after every frame that the dead worker had still written.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::net::RecvFlags;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::sleep_until;
use tokio_util::bytes::{Bytes, BytesMut};

use super::outlet::Outlets;
use super::spawn::{Ended, Process};
use super::spin::Spin;
use crate::engine::Link;
use crate::ids::WorkerId;
use crate::line::Switchboard;
use crate::wire::{Assembly, Up};

/// A worker that closed its socket is about to end; this is how long it may
/// take. Killing it at once would hide the exit status it is about to have.
const SILENT_GRACE: Duration = Duration::from_secs(1);

/// So much is read from a dead worker at most. Its socket buffer holds less;
/// more can only come from something it left behind.
const LAST_WORDS: usize = 8 << 20;

const READ_AT_ONCE: usize = 64 << 10;

/// Attends to a worker until it is dead and reaped.
pub(super) async fn attend(
    worker: WorkerId,
    process: Process,
    ended: Ended,
    link: Arc<Link>,
    outlets: Outlets,
    switchboard: Arc<Switchboard>,
    spin: Arc<Spin>,
) {
    let mut incoming = Incoming::new(worker, Arc::clone(&link), switchboard);
    let mut kill_at: Option<Instant> = None;
    let mut killed = false;

    loop {
        let duty = link.duty();
        if duty.doomed && !killed {
            killed = true;
            process.kill();
        }
        let interest = match (incoming.open, duty.blocked) {
            (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
            (true, false) => Some(Interest::READABLE),
            (false, true) => Some(Interest::WRITABLE),
            (false, false) => None,
        };
        let socket = link.socket();
        tokio::select! {
            biased;
            () = ended.wait() => break,
            () = link.attendant.notified() => {}
            ready = socket.ready(interest.unwrap_or(Interest::READABLE)), if interest.is_some() => {
                if duty.blocked
                    && ready.as_ref().is_ok_and(|ready| ready.is_writable() || ready.is_write_closed())
                {
                    link.resume();
                }
                if incoming.open {
                    incoming.read(socket);
                    spin.heard();
                    if !incoming.open {
                        kill_at = Some(Instant::now() + SILENT_GRACE);
                    }
                }
            }
            () = sleep_until(kill_at.unwrap_or_else(Instant::now).into()), if kill_at.is_some() => {
                kill_at = None;
                incoming.babbled("it closed its connection and did not end".to_owned());
            }
        }
    }

    // First its whole group ends, so that nothing writes to the socket any
    // more; then what it wrote is read; then it is declared dead.
    let exit = process.reap();
    if incoming.open {
        incoming.read_last_words(link.socket());
    }
    let stderr = outlets.last_words().await;
    incoming
        .switchboard
        .act(|engine, effects| engine.ended(worker, exit, stderr, effects));
}

/// Frames on their way from the worker.
struct Incoming {
    worker: WorkerId,
    link: Arc<Link>,
    switchboard: Arc<Switchboard>,
    buffer: BytesMut,
    assembly: Assembly<Up>,
    frames: Vec<(Up, Bytes)>,
    open: bool,
}

impl Incoming {
    fn new(worker: WorkerId, link: Arc<Link>, switchboard: Arc<Switchboard>) -> Self {
        Self {
            worker,
            link,
            switchboard,
            buffer: BytesMut::new(),
            assembly: Assembly::new(),
            frames: Vec::new(),
            open: true,
        }
    }

    fn babbled(&self, reason: String) {
        let worker = self.worker;
        self.switchboard
            .act(|engine, _| engine.babbled(worker, reason));
    }

    fn read(&mut self, socket: &UnixStream) {
        self.buffer.reserve(READ_AT_ONCE);
        match socket.try_read_buf(&mut self.buffer) {
            Ok(0) => self.open = false,
            Ok(_) => {
                self.link.hear();
                self.tell_frames();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A worker that dies with orders unread resets the connection,
            // behind everything that it had written.
            Err(_) => self.open = false,
        }
    }

    /// Reads what is there without asking the reactor, which may not have
    /// looked since it was written.
    fn read_last_words(&mut self, socket: &UnixStream) {
        let mut piece = vec![0; READ_AT_ONCE];
        let mut read = 0;
        while self.open && read < LAST_WORDS {
            match rustix::net::recv(socket, piece.as_mut_slice(), RecvFlags::DONTWAIT) {
                Ok((0, _)) => break,
                Ok((count, _)) => {
                    read += count;
                    self.buffer.extend_from_slice(&piece[..count]);
                    self.tell_frames();
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
    }

    /// Tells the engine of every frame that is complete.
    fn tell_frames(&mut self) {
        let (worker, now) = (self.worker, Instant::now());
        let malformed = loop {
            // A call may have a long payload until its end is told of.
            let may = |call| {
                let frames = self.frames.drain(..);
                self.switchboard.act(|engine, effects| {
                    engine.said(worker, frames, now, effects);
                    engine.holds(worker, call)
                })
            };
            match self.assembly.next(&mut self.buffer, may) {
                Ok(Some(frame)) => self.frames.push(frame),
                Ok(None) => break None,
                Err(malformed) => break Some(malformed),
            }
        };
        if !self.frames.is_empty() {
            let frames = self.frames.drain(..);
            self.switchboard
                .act(|engine, effects| engine.said(worker, frames, now, effects));
        }
        if let Some(malformed) = malformed {
            self.open = false;
            self.babbled(malformed.to_string());
        }
    }
}
