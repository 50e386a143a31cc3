//! The first words on a worker's socket: the nonce of its argument, and with it
//! the descriptor of the page that both sides share. Frames come after.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

/// The length of a nonce, in bytes.
pub(crate) const NONCE: usize = 16;

/// What is wrong with a socket that does not say the nonce.
const STRANGER: &str = "the socket on its stdin is not that of the pool which started it";

/// A number that nobody can guess, for one worker's argument and socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nonce([u8; NONCE]);

impl Nonce {
    pub(crate) fn random() -> io::Result<Self> {
        let mut bytes = [0; NONCE];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        Ok(Self(bytes))
    }

    /// As it stands in an argument.
    pub(crate) fn word(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Sends both. It is the first that goes into the socket, so there is room.
pub(crate) fn send(socket: impl AsFd, nonce: Nonce, page: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let pages = [page];
    control.push(SendAncillaryMessage::ScmRights(&pages));
    let bytes = [IoSlice::new(&nonce.0)];
    let sent = rustix::net::sendmsg(socket, &bytes, &mut control, SendFlags::NOSIGNAL)?;
    if sent == NONCE {
        Ok(())
    } else {
        Err(io::Error::other("a new socket takes no 16 bytes"))
    }
}

/// Takes both, and compares the nonce with the word of the argument. It waits
/// for nothing: they were sent before this process was started.
pub(crate) fn receive(socket: impl AsFd, word: &str) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut nonce = [0; NONCE];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let mut bytes = [IoSliceMut::new(&mut nonce)];
    let received = match rustix::net::recvmsg(socket, &mut bytes, &mut control, flags) {
        Ok(received) => received.bytes,
        Err(error) => return Err(io::Error::other(format!("{STRANGER}: {error}"))),
    };
    let page = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut pages) => pages.next(),
            _ => None,
        })
        .next();
    match page {
        Some(page) if received == NONCE && Nonce(nonce).word() == word => Ok(page),
        _ => Err(io::Error::other(STRANGER)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_page_comes_with_the_right_nonce_only() {
        let (parent, worker) = UnixStream::pair().unwrap();
        let page = OwnedFd::from(std::fs::File::open("/dev/zero").unwrap());
        let nonce = Nonce::random().unwrap();
        send(&parent, nonce, page.as_fd()).unwrap();
        receive(&worker, &nonce.word()).unwrap();
        send(&parent, nonce, page.as_fd()).unwrap();
        let another = Nonce::random().unwrap();
        assert!(receive(&worker, &another.word()).is_err());
        let silent = receive(&worker, &nonce.word()).unwrap_err();
        assert!(silent.to_string().starts_with(STRANGER), "{silent}");
        drop(parent);
        assert!(
            receive(&worker, &nonce.word()).is_err(),
            "the parent is gone"
        );
    }
}
