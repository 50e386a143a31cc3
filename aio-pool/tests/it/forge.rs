//! Frames that no worker of ours would write: the wire once more, by hand, and
//! the tasks that take the socket of their own process to write them.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use aio_pool::task;
use rustix::net::sockopt::socket_peercred;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, getppid, pidfd_getfd, pidfd_open};

use crate::deeds::Way;
use crate::deeds::descriptors;

/// The number of the first call of a pool; the next has the next.
pub(crate) const FIRST_CALL: u64 = 0;

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
    let own = pidfd_open(getpid(), PidfdFlags::empty()).expect("a pidfd");
    let parent = getppid();
    descriptors()
        .into_iter()
        .filter_map(|(number, _)| pidfd_getfd(&own, number, PidfdGetfdFlags::empty()).ok())
        .filter(|copy| socket_peercred(copy).is_ok_and(|peer| Some(peer.pid) == parent))
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

task! {
    /// Writes these bytes on the worker's socket, says no more, and does not end.
    pub(crate) async fn say_and_hang_up(bytes: Vec<u8>) {
        let mut socket = own_socket();
        socket.write_all(&bytes).expect("a parent that reads");
        socket.shutdown(std::net::Shutdown::Write).expect("a connection");
        std::future::pending::<()>().await;
    }
}
