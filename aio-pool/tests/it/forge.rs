//! Frames that no worker of ours would write: the wire once more, by hand, and
//! the tasks that take the socket of their own process to write them.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use aio_pool::task;
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, getpid, getppid, pidfd_getfd, pidfd_open};

use crate::deeds::{Descriptors, Way, descriptors, descriptors_of};
use crate::line;

/// The number of the first call of a pool; the next has the next.
pub(crate) const FIRST_CALL: u64 = 0;

/// A payload goes in pieces of this many bytes.
const PIECE: usize = 1 << 20;

/// How long a cancelled task goes on before it says that it has stopped.
pub(crate) const BEFORE_IT_SAYS: Duration = Duration::from_secs(1);

/// How slowly it sends pieces.
pub(crate) const BETWEEN_PIECES: Duration = Duration::from_millis(500);

/// What a worker may say, in the order of the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Up {
    Ready,
    Refused,
    Started,
    Returned,
    Item,
    Piece,
    Done,
    Stopped,
}

/// How a call may have ended, in the order of the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    Output,
    Panicked = 2,
    Cancelled,
}

/// Seven bits a byte, the lowest first; each but the last has its highest bit set.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A body with its length before it.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("a short body");
    [&length.to_be_bytes()[..], body].concat()
}

/// A frame of this head, these numbers in it, and this payload.
pub(crate) fn frame(head: Up, numbers: &[u64], payload: &[u8]) -> Vec<u8> {
    let mut body = varint(head as u64);
    for number in numbers {
        body.extend(varint(*number));
    }
    body.extend(payload);
    framed(&body)
}

/// A call is over, with an output that has no bytes.
pub(crate) fn done(call: u64) -> Vec<u8> {
    ended(call, Ending::Output)
}

pub(crate) fn ended(call: u64, ending: Ending) -> Vec<u8> {
    frame(Up::Done, &[call, ending as u64], &[])
}

/// The pool's socket in this process: the parent made it.
pub(crate) fn own_socket() -> UnixStream {
    let socket = sockets_of_the_parent().into_iter().next();
    UnixStream::from(socket.expect("a socket of the pool"))
}

/// Copies of all sockets of this process that its parent has made.
pub(crate) fn sockets_of_the_parent() -> Vec<OwnedFd> {
    sockets_made_by(getppid(), getpid(), descriptors())
}

/// The pool's socket in a worker of this process.
pub(crate) fn socket_of(worker: u32) -> UnixStream {
    let process = Pid::from_raw(worker.cast_signed()).expect("a pid");
    let open = descriptors_of(&worker.to_string());
    let sockets = sockets_made_by(Some(getpid()), process, open);
    UnixStream::from(sockets.into_iter().next().expect("a socket of the pool"))
}

/// Copies of those sockets of a process, among what it has open, that some process
/// has made.
fn sockets_made_by(maker: Option<Pid>, process: Pid, open: Descriptors) -> Vec<OwnedFd> {
    let process = pidfd_open(process, PidfdFlags::empty()).expect("a pidfd");
    open.into_iter()
        .filter_map(|(number, _)| pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).ok())
        .filter(|copy| socket_peercred(copy).is_ok_and(|peer| Some(peer.pid) == maker))
        .collect()
}

task! {
    /// Writes these bytes on the worker's socket, and never ends.
    pub(crate) async fn say(bytes: Vec<u8>) {
        own_socket().write_all(&bytes).expect("a parent that reads");
        std::future::pending::<()>().await;
    }
}

task! {
    /// Writes these bytes on the worker's socket one by one, and never ends.
    pub(crate) async fn dribble(bytes: Vec<u8>) {
        let mut socket = own_socket();
        for byte in bytes {
            socket.write_all(&[byte]).expect("a parent that reads");
            std::thread::yield_now();
        }
        std::future::pending::<()>().await;
    }
}

task! {
    /// Writes these bytes on the worker's socket, and dies.
    pub(crate) async fn say_and_die(bytes: Vec<u8>, way: Way) {
        own_socket().write_all(&bytes).expect("a parent that reads");
        way.die()
    }
}

task! {
    /// Writes these bytes on the worker's socket, and is gone in the next
    /// system call.
    pub(crate) async fn say_and_leave(bytes: Vec<u8>) {
        own_socket().write_all(&bytes).expect("a parent that reads");
        #[expect(unsafe_code, reason = "no safe function ends a process as fast")]
        // SAFETY: it takes a number and does not come back.
        unsafe {
            libc::_exit(0)
        }
    }
}

task! {
    /// Writes these bytes on the worker's socket until nobody reads them.
    pub(crate) async fn flood(bytes: Vec<u8>) {
        let mut socket = own_socket();
        while socket.write_all(&bytes).is_ok() {}
        std::future::pending::<()>().await;
    }
}

task! {
    /// Writes pieces of so many bytes of some call on the worker's socket until
    /// nobody reads them.
    pub(crate) async fn flood_with_pieces(call: u64, bytes: usize) {
        let piece = frame(Up::Piece, &[call], &vec![7; bytes]);
        let mut socket = own_socket();
        while socket.write_all(&piece).is_ok() {}
        std::future::pending::<()>().await;
    }
}

/// Comes to no await until the test hangs up, and for a second more; then says that
/// nothing of this call runs any more. Returns the worker's socket.
fn say_that_it_stopped(line: &str, call: u64) -> UnixStream {
    let mut stream = line::call(line);
    // It says nothing, so whatever this is, the call has been cancelled.
    let _ = stream.read(&mut [0]);
    // not a wait: its time begins again, and that must be seen
    std::thread::sleep(BEFORE_IT_SAYS);
    let mut socket = own_socket();
    let stopped = frame(Up::Stopped, &[call], &[]);
    socket.write_all(&stopped).expect("a parent that reads");
    socket
}

task! {
    /// Says late that this call of its own has stopped. Then it sends pieces of
    /// another call, so many and one every half a second, before it comes to an
    /// await, where it is dropped.
    pub(crate) async fn stop_and_send(line: String, call: u64, other: u64, pieces: u32) {
        let mut socket = say_that_it_stopped(&line, call);
        let piece = frame(Up::Piece, &[other], &vec![7; PIECE]);
        for _ in 0..pieces {
            // not a wait: how slowly the pieces come is what is tested
            std::thread::sleep(BETWEEN_PIECES);
            socket.write_all(&piece).expect("a parent that reads");
        }
        std::future::pending::<()>().await;
    }
}

task! {
    /// Says late that this call of its own has stopped, and then nothing for ever.
    pub(crate) async fn stop_and_be_silent(line: String, call: u64) {
        let _socket = say_that_it_stopped(&line, call);
        loop {
            std::thread::park();
        }
    }
}

task! {
    /// Writes these bytes on the worker's socket, says no more, and does not end.
    pub(crate) async fn say_and_hang_up(bytes: Vec<u8>) {
        let mut socket = own_socket();
        socket.write_all(&bytes).expect("a parent that reads");
        socket.shutdown(std::net::Shutdown::Write).expect("a connection");
        std::future::pending::<()>().await;
    }
}
