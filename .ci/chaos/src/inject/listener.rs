//! The descriptor on which the kernel hands a victim's system calls over.
//!
//! The only file of the injector that talks to the kernel without a safe wrapper.

#![expect(
    unsafe_code,
    reason = "seccomp's own call, its ioctls, and the step between fork and exec have no safe wrapper"
)]

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use libc::{c_int, seccomp_notif, seccomp_notif_resp, sock_filter, sock_fprog};
use rustix::cmsg_space;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::filter;

/// A system call of the victim that waits for its answer.
pub(super) type Notice = seccomp_notif;

/// The parent's end of the socket over which the child sends its listener.
pub(super) struct Handover(OwnedFd);

/// Gives the calls of one victim, and takes the answers.
#[derive(Debug, Clone)]
pub(super) struct Listener(Arc<OwnedFd>);

/// What becomes of a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reply {
    /// The kernel does it.
    GoOn,
    /// It is not done, and returns this.
    Value(i64),
    /// It is not done, and fails so.
    Fail(Errno),
}

/// Makes the command's child install the filter after the fork and before the exec.
///
/// The command must be dropped after it has been spawned: until then the child's
/// end of the socket is open here too, and a child that never came is not noticed.
pub(super) fn arm(command: &mut Command) -> io::Result<Handover> {
    let (ours, childs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let mut program = filter::program();
    // SAFETY: between fork and exec only what is async-signal-safe may be done:
    // `install` makes system calls on what was allocated before the fork.
    unsafe {
        command.pre_exec(move || install(&mut program, &childs));
    }
    Ok(Handover(ours))
}

/// Runs in the child: no allocation, no lock, only system calls.
fn install(program: &mut [sock_filter], childs: &OwnedFd) -> io::Result<()> {
    // Without it, only root may install a filter.
    rustix::thread::set_no_new_privs(true)?;
    let program = sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // A signal that does not kill may not interrupt a call that was handed
    // over, or it would be made, and counted, twice.
    let flags =
        libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    // SAFETY: the program is valid for the time of the call, which copies it.
    let listener = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const program,
        )
    };
    if listener < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor, and nothing else owns it.
    let listener = unsafe { OwnedFd::from_raw_fd(listener as c_int) };
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let handed = [listener.as_fd()];
    ancillary.push(SendAncillaryMessage::ScmRights(&handed));
    sendmsg(
        childs,
        &[IoSlice::new(b"l")],
        &mut ancillary,
        SendFlags::empty(),
    )?;
    Ok(())
}

impl Handover {
    /// Waits for the child's listener; there is none if the child never came so far.
    pub(super) fn receive(self) -> io::Result<Option<Listener>> {
        let mut byte = [0];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        loop {
            match recvmsg(
                &self.0,
                &mut [IoSliceMut::new(&mut byte)],
                &mut ancillary,
                RecvFlags::CMSG_CLOEXEC,
            ) {
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
                Ok(_) => break,
            }
        }
        let listener = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        Ok(listener.map(|fd| Listener(Arc::new(fd))))
    }
}

impl Listener {
    /// Waits for the next call; there is none once every thread of the victim has ended.
    pub(super) fn next(&self) -> io::Result<Option<Notice>> {
        loop {
            let mut polled = [PollFd::new(&*self.0, PollFlags::IN)];
            match poll(&mut polled, None) {
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(errno.into()),
                Ok(_) => {}
            }
            if !polled[0].revents().contains(PollFlags::IN) {
                return Ok(None);
            }
            // SAFETY: all of it are integers, and the kernel wants zeros.
            let mut notice: Notice = unsafe { std::mem::zeroed() };
            // SAFETY: the structure is the one that this request fills.
            let received = unsafe {
                libc::ioctl(
                    self.0.as_raw_fd(),
                    libc::SECCOMP_IOCTL_NOTIF_RECV,
                    &raw mut notice,
                )
            };
            if received == 0 {
                return Ok(Some(notice));
            }
            let error = io::Error::last_os_error();
            // ENOENT: the thread died between the poll and the request.
            if !matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) {
                return Err(error);
            }
        }
    }

    /// Answers a call. A thread that has died meanwhile needs no answer.
    pub(super) fn answer(&self, id: u64, reply: Reply) {
        let (val, error, flags) = match reply {
            Reply::GoOn => (0, 0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
            Reply::Value(value) => (value, 0, 0),
            Reply::Fail(errno) => (0, -errno.raw_os_error(), 0),
        };
        let answer = seccomp_notif_resp {
            id,
            val,
            error,
            flags,
        };
        // SAFETY: the structure is the one that this request reads.
        unsafe {
            libc::ioctl(
                self.0.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_SEND,
                &raw const answer,
            );
        }
    }
}
