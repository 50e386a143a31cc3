//! Buffers that come back when nobody looks at them any more.
//!
//! A fresh buffer of 256 KiB costs page faults and zeroing, which is more than
//! reading a cached file into it. So the few that a stream needs go round.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;

/// The most that wait to be used again.
const MOST: usize = 6;

/// Buffers of one size, for one stream.
#[derive(Debug)]
pub(crate) struct Buffers {
    size: usize,
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Buffers {
    pub(crate) fn new(size: usize) -> Arc<Self> {
        Arc::new(Self {
            size,
            spare: Mutex::new(Vec::new()),
        })
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        // A push and a pop can't be half done.
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer of `len` bytes at least, whatever they are.
    pub(crate) fn take(&self, len: usize) -> Vec<u8> {
        // The one that came last is the likeliest to be in the processor's cache.
        let spare = self.spare().pop();
        match spare {
            Some(mut buffer) => {
                if buffer.len() < len {
                    buffer.resize(len, 0);
                }
                buffer
            }
            None => vec![0; len],
        }
    }

    /// Takes a buffer back, unless it is of another size or there are enough.
    pub(crate) fn give_back(&self, buffer: Vec<u8>) {
        if buffer.capacity() < self.size || buffer.capacity() / 2 > self.size {
            return;
        }
        let mut spare = self.spare();
        if spare.len() < MOST {
            spare.push(buffer);
        }
    }

    /// Shares the bytes of a buffer, which comes back with the last of them.
    pub(crate) fn share(self: &Arc<Self>, mut bytes: Vec<u8>) -> Bytes {
        if bytes.len() <= bytes.capacity() / 4 {
            // A small piece in a large buffer, as a terminal gives: whoever
            // keeps it doesn't keep the buffer.
            let small = Bytes::copy_from_slice(&bytes);
            self.give_back(std::mem::take(&mut bytes));
            return small;
        }
        Bytes::from_owner(Shared {
            bytes,
            home: Arc::downgrade(self),
        })
    }
}

/// A buffer that is looked at by others.
struct Shared {
    bytes: Vec<u8>,
    home: Weak<Buffers>,
}

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            home.give_back(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_with_the_last_that_looks_at_it() {
        let buffers = Buffers::new(100);
        let mut buffer = buffers.take(100);
        buffer[..3].copy_from_slice(b"abc");
        let whole = buffers.share(buffer);
        let slice = whole.slice(1..3);
        drop(whole);
        assert!(buffers.spare().is_empty(), "it is still looked at");
        drop(slice);
        assert_eq!(buffers.spare().len(), 1);
        assert!(buffers.take(100).starts_with(b"abc"));
    }

    #[test]
    fn it_outlives_the_stream() {
        let buffers = Buffers::new(4);
        let whole = buffers.share(b"abcd".to_vec());
        drop(buffers);
        assert_eq!(whole, "abcd");
    }

    #[test]
    fn a_small_piece_does_not_hold_a_large_buffer() {
        let buffers = Buffers::new(100);
        let mut buffer = buffers.take(100);
        buffer.truncate(25);
        let small = buffers.share(buffer);
        assert_eq!((small.len(), buffers.spare().len()), (25, 1));
        let mut buffer = buffers.take(100);
        assert_eq!(buffer.len(), 100);
        buffer.truncate(26);
        let large = buffers.share(buffer);
        assert_eq!((large.len(), buffers.spare().len()), (26, 0));
    }

    #[test]
    fn few_are_kept_and_none_of_another_size() {
        let buffers = Buffers::new(100);
        for _ in 0..2 * MOST {
            buffers.give_back(vec![0; 100]);
        }
        assert_eq!(buffers.spare().len(), MOST);
        buffers.spare().clear();
        buffers.give_back(vec![0; 99]);
        buffers.give_back(vec![0; 300]);
        assert!(buffers.spare().is_empty());
        buffers.give_back(vec![0; 101]);
        assert_eq!(buffers.spare().len(), 1);
    }
}
