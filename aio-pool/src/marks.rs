//! A page that a worker and its parent share: how far the worker has begun.
//!
//! A call that had begun when its worker died is lost; one that had not is given
//! to another worker. The parent numbers what it delivers, the worker begins in
//! that order, and before it runs a task's code it puts the number here: a store
//! to memory, which costs no system call and is there whatever kills the process
//! in the next instruction. Which initializer it is in it notes the same way, so
//! that one that ends its process, or never ends, is named.
//!
//! The parent believes the page as little as a frame: it is only a number.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};

/// One page is the least that can be mapped.
const BYTES: usize = 4096;

/// What is on the page.
#[derive(Debug)]
#[repr(C)]
struct Numbers {
    begun: AtomicU64,
    initializing: AtomicU64,
    in_hand: AtomicU64,
}

/// The shared page, mapped.
#[derive(Debug)]
pub(crate) struct Marks {
    page: NonNull<Numbers>,
}

#[expect(unsafe_code, reason = "memory shared with another process")]
// SAFETY: the page is only ever read and written through an atomic.
unsafe impl Send for Marks {}
#[expect(unsafe_code, reason = "memory shared with another process")]
// SAFETY: as above.
unsafe impl Sync for Marks {}

impl Marks {
    /// Makes a page, and the descriptor that hands it to a worker.
    pub(crate) fn create() -> io::Result<(Self, OwnedFd)> {
        let file = rustix::fs::memfd_create(
            c"aio-pool-marks",
            MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
        )?;
        rustix::fs::ftruncate(&file, BYTES as u64)?;
        // A worker that made it shorter would kill the parent that looks at it.
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&file, seals)?;
        Ok((Self::map(&file)?, file))
    }

    /// Maps the page that a parent has made.
    pub(crate) fn map(file: impl AsFd) -> io::Result<Self> {
        #[expect(unsafe_code, reason = "there is no safe way to map memory")]
        // SAFETY: a new mapping at a place that the kernel chooses aliases
        // nothing; the file is as long as it says, and sealed so.
        let page = unsafe {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            rustix::mm::mmap(
                std::ptr::null_mut(),
                BYTES,
                access,
                MapFlags::SHARED,
                file,
                0,
            )?
        };
        let page = NonNull::new(page.cast()).ok_or_else(|| io::Error::other("mapped at 0"))?;
        Ok(Self { page })
    }

    fn numbers(&self) -> &Numbers {
        #[expect(unsafe_code, reason = "memory shared with another process")]
        // SAFETY: mapped, aligned to a page and shorter than one, and zeros or
        // numbers at all times; it is unmapped only when `self` is dropped.
        unsafe {
            self.page.as_ref()
        }
    }

    /// The worker is about to run the initializer of this number, from 1; at 0
    /// it has run them all.
    pub(crate) fn initialize(&self, number: u64) {
        self.numbers().initializing.store(number, Ordering::Release);
    }

    /// The number of the initializer that the worker is in; 0 if it is in none.
    pub(crate) fn initializing(&self) -> u64 {
        self.numbers().initializing.load(Ordering::Acquire)
    }

    /// The worker is about to run what was delivered as this number.
    pub(crate) fn begin(&self, number: u64) {
        self.numbers().begun.store(number, Ordering::Release);
    }

    /// The worker is about to poll what was delivered as this number.
    pub(crate) fn take_in_hand(&self, number: u64) {
        self.numbers().in_hand.store(number, Ordering::Release);
    }

    /// It has polled it. Another thread may have another in hand by now.
    pub(crate) fn put_down(&self, number: u64) {
        let in_hand = &self.numbers().in_hand;
        if in_hand.load(Ordering::Relaxed) == number {
            in_hand.store(0, Ordering::Release);
        }
    }

    /// The number that the worker polls now; 0 if it polls none.
    pub(crate) fn in_hand(&self) -> u64 {
        self.numbers().in_hand.load(Ordering::Acquire)
    }

    /// The last number that has begun; 0 if none has.
    pub(crate) fn begun(&self) -> u64 {
        self.numbers().begun.load(Ordering::Acquire)
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "there is no safe way to unmap memory")]
        // SAFETY: it was mapped with this length, and nothing borrows it any more.
        let unmapped = unsafe { rustix::mm::munmap(self.page.as_ptr().cast(), BYTES) };
        debug_assert!(unmapped.is_ok(), "a page that was not mapped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_marks_the_other_sees_and_neither_can_cut_the_page_off() {
        let (parent, file) = Marks::create().unwrap();
        let worker = Marks::map(&file).unwrap();
        assert_eq!(parent.begun(), 0);
        worker.begin(7);
        worker.initialize(2);
        assert_eq!((parent.begun(), parent.initializing()), (7, 2));
        assert!(rustix::fs::ftruncate(&file, 0).is_err());
        drop((worker, file));
        assert_eq!(parent.begun(), 7);
    }
}
