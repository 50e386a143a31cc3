//! The limit underneath: another process at the end of a bare socketpair, which
//! answers what it is sent. No tasks, no table, nobody who minds a crash.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio, exit};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

use crate::payload::{self, LARGE};

/// The first argument of the other process is this and its kind.
const ARGUMENT: &str = "--bare-process=";

/// The length and the number.
const FRAME: usize = 4 + 8;

/// Frames on their way.
const IN_FLIGHT: usize = 256;

/// What the other process does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Answers each frame, on a runtime as the caller is.
    PingPong,
    /// Answers all frames that there are at once.
    Batches,
    /// Sends back so many bytes at a time, on a runtime.
    Large,
}

const KINDS: [(Kind, &str); 3] = [
    (Kind::PingPong, "ping-pong"),
    (Kind::Batches, "batches"),
    (Kind::Large, "large"),
];

/// Where this process was started as the other one, it answers and ends.
pub(crate) fn answer_if_other() {
    let argument = std::env::args().nth(1);
    let Some(word) = argument.as_deref().and_then(|a| a.strip_prefix(ARGUMENT)) else {
        return;
    };
    let kind = KINDS.into_iter().find(|(_, name)| *name == word);
    let socket = io::stdin().as_fd().try_clone_to_owned().expect("a socket");
    let mut socket = UnixStream::from(socket);
    socket.write_all(&[1]).expect("to be ready");
    match kind.expect("a kind").0 {
        Kind::PingPong => runtime().block_on(answer_each(socket)),
        Kind::Batches => answer_batches(socket),
        Kind::Large => runtime().block_on(answer_large(socket)),
    }
    exit(0)
}

/// A runtime of one thread, which never spins.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime")
}

fn on_the_runtime(socket: UnixStream) -> tokio::net::UnixStream {
    socket.set_nonblocking(true).expect("a socket");
    tokio::net::UnixStream::from_std(socket).expect("a socket")
}

fn frame(number: u64) -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    frame[..4].copy_from_slice(&8_u32.to_le_bytes());
    frame[4..].copy_from_slice(&number.to_le_bytes());
    frame
}

fn number(frame: &[u8]) -> u64 {
    let (length, number) = frame.split_at(4);
    assert_eq!(length, 8_u32.to_le_bytes(), "the length of a frame");
    u64::from_le_bytes(number.try_into().expect("8 bytes"))
}

async fn answer_each(socket: UnixStream) {
    let mut socket = on_the_runtime(socket);
    let mut received = [0; FRAME];
    while socket.read_exact(&mut received).await.is_ok() {
        let answer = frame(number(&received) + 1);
        if socket.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn answer_batches(mut socket: UnixStream) {
    let mut received = vec![0; IN_FLIGHT * FRAME];
    let mut answers = Vec::with_capacity(received.len());
    let mut filled = 0;
    loop {
        match socket.read(&mut received[filled..]) {
            Ok(count @ 1..) => filled += count,
            _ => return,
        }
        let whole = filled - filled % FRAME;
        answers.clear();
        for received in received[..whole].chunks_exact(FRAME) {
            answers.extend_from_slice(&frame(number(received) + 1));
        }
        received.copy_within(whole..filled, 0);
        filled -= whole;
        if socket.write_all(&answers).is_err() {
            return;
        }
    }
}

async fn answer_large(socket: UnixStream) {
    let mut socket = on_the_runtime(socket);
    let mut payload = vec![0; LARGE];
    while socket.read_exact(&mut payload).await.is_ok() {
        if socket.write_all(&payload).await.is_err() {
            return;
        }
    }
}

/// The other process. Dropping it ends it.
struct Other {
    socket: UnixStream,
    child: Child,
}

impl Other {
    /// Starts this executable again and waits until it is ready.
    fn start(kind: Kind) -> Other {
        let (mut socket, end) = UnixStream::pair().expect("a socketpair");
        let (_, name) = KINDS.into_iter().find(|of| of.0 == kind).expect("a name");
        let child = Command::new("/proc/self/exe")
            .arg(format!("{ARGUMENT}{name}"))
            .stdin(Stdio::from(OwnedFd::from(end)))
            .spawn()
            .expect("another process");
        socket.read_exact(&mut [0]).expect("to be ready");
        Other { socket, child }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It ends when nobody is at this end any more.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        self.child.wait().expect("its end");
    }
}

/// Processes at the ends of bare socketpairs, each for one kind of work.
pub(crate) struct Bare {
    kind: Kind,
    other: Other,
}

impl Bare {
    fn of(kind: Kind) -> Bare {
        let other = Other::start(kind);
        Bare { kind, other }
    }

    pub(crate) fn ping_pong() -> Bare {
        Bare::of(Kind::PingPong)
    }

    pub(crate) fn batches() -> Bare {
        Bare::of(Kind::Batches)
    }

    pub(crate) fn large() -> Bare {
        Bare::of(Kind::Large)
    }

    /// Sends `n` of what it is for, and sums the answers.
    pub(crate) fn exchange(&self, n: usize) -> u64 {
        let socket = self.other.socket.try_clone().expect("a socket");
        let n = n as u64;
        match self.kind {
            Kind::PingPong => runtime().block_on(each(socket, n)),
            Kind::Batches => batches(socket, n),
            Kind::Large => runtime().block_on(large(socket, n)),
        }
    }
}

/// One after the other, with nothing but the wake-ups between two runtimes.
async fn each(socket: UnixStream, n: u64) -> u64 {
    let mut socket = on_the_runtime(socket);
    let mut sum = 0;
    let mut answer = [0; FRAME];
    for sent in 0..n {
        socket.write_all(&frame(sent)).await.expect("to send");
        socket.read_exact(&mut answer).await.expect("an answer");
        sum += number(&answer);
    }
    sum
}

/// A full window at a time in one system call, on threads that block: each way
/// the fastest that there is.
fn batches(mut socket: UnixStream, n: u64) -> u64 {
    socket.set_nonblocking(false).expect("a socket");
    let mut sum = 0;
    let mut frames = Vec::with_capacity(IN_FLIGHT * FRAME);
    let mut first = 0;
    while first < n {
        let next = n.min(first + IN_FLIGHT as u64);
        frames.clear();
        for sent in first..next {
            frames.extend_from_slice(&frame(sent));
        }
        socket.write_all(&frames).expect("to send");
        socket.read_exact(&mut frames).expect("the answers");
        sum += frames.chunks_exact(FRAME).map(number).sum::<u64>();
        first = next;
    }
    sum
}

/// One after the other; each must come back as it was.
async fn large(socket: UnixStream, n: u64) -> u64 {
    let mut socket = on_the_runtime(socket);
    let mut sum = 0;
    let mut answer = vec![0; LARGE];
    for sent in 0..n {
        let payload = payload::large(sent);
        socket.write_all(&payload).await.expect("to send");
        socket.read_exact(&mut answer).await.expect("an answer");
        sum += payload::came_back(sent, &answer);
    }
    sum
}

/// Starts `n` processes, one after the other, each until it is ready, and gives
/// the nanoseconds of one.
pub(crate) fn start(n: usize) -> f64 {
    let mut nanoseconds = 0;
    for _ in 0..n {
        let start = Instant::now();
        let other = Other::start(Kind::PingPong);
        nanoseconds += start.elapsed().as_nanos();
        drop(other);
    }
    nanoseconds as f64 / n as f64
}
