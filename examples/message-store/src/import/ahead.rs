//! What has been read of a file and is not being stored yet.

use std::mem;

use aio_itertools::next;

use crate::error::Error;
use crate::format::{Batch, Batches};

/// So much is in memory at once, what is being stored included: bytes of
/// messages. What is gathered while the store is busy is stored in one
/// transaction, and the larger that is, the less the full-text index has to
/// merge and the fewer are the waits for the disk.
const MOST_BYTES: usize = 8 << 20;

/// So many messages are gathered at most, however small they are.
const MOST_MESSAGES: usize = 10_000;

/// A file that is read ahead.
pub(super) struct Ahead {
    batches: Batches,
    gathered: Batch,
    /// Why there is no more.
    end: Option<End>,
}

enum End {
    OfFile,
    Failed(Error),
}

impl Ahead {
    pub(super) fn of(batches: Batches) -> Ahead {
        Ahead {
            batches,
            gathered: Batch::default(),
            end: None,
        }
    }

    /// Takes what is gathered, and waits for it if that is nothing. Returns
    /// `None` at the end of the file.
    ///
    /// # Errors
    ///
    /// What ended the file early, when all that was read has been taken.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: what was read stays gathered.
    pub(super) async fn take(&mut self) -> Option<Result<Batch, Error>> {
        // A batch of nothing is not the end: it may stand before the error.
        while self.gathered.is_empty() && self.end.is_none() {
            self.read().await;
        }
        if !self.gathered.is_empty() {
            return Some(Ok(mem::take(&mut self.gathered)));
        }
        match self.end.replace(End::OfFile) {
            Some(End::Failed(error)) => Some(Err(error)),
            _ => None,
        }
    }

    /// Gathers as much as there is room for beside so many bytes.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: what was read stays gathered.
    pub(super) async fn fill(&mut self, beside: usize) {
        while self.end.is_none()
            && self.gathered.messages.len() < MOST_MESSAGES
            && self.gathered.weight() + beside < MOST_BYTES
        {
            self.read().await;
        }
    }

    /// Reads a batch, if there is one more.
    async fn read(&mut self) {
        if self.end.is_some() {
            return;
        }
        match next(&mut self.batches).await {
            Some(Ok(batch)) => self.gathered.append(batch),
            Some(Err(error)) => self.end = Some(End::Failed(error)),
            None => self.end = Some(End::OfFile),
        }
    }
}
