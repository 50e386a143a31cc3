//! Messages that stand next to each other in a file, each with its place.

use crate::incoming::Incoming;

/// Messages of a file, and what should have been some.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The messages, each with its place.
    pub messages: Vec<(Place, Incoming)>,
    /// What was none, and why. Places are in the order of the file.
    pub rejected: Vec<(Place, String)>,
    /// How many attachments of theirs were left out.
    pub attachments: u64,
    /// How far the source has been read, in bytes.
    pub end: u64,
    weight: usize,
}

impl Batch {
    /// Returns a batch of nothing, up to a byte of the source.
    pub fn up_to(end: u64) -> Batch {
        Batch {
            end,
            ..Batch::default()
        }
    }

    /// Tells whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.rejected.is_empty()
    }

    /// Returns about how much memory its messages take, in bytes.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Adds a message.
    pub fn push(&mut self, place: Place, message: Incoming) {
        self.weight += message.weight();
        self.messages.push((place, message));
    }

    /// Adds what stands behind it in the file.
    pub fn append(&mut self, mut next: Batch) {
        self.messages.append(&mut next.messages);
        self.rejected.append(&mut next.rejected);
        self.weight += next.weight;
        self.attachments += next.attachments;
        self.end = next.end;
    }
}

/// Where a message begins in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: u64,
    /// The byte, from 0.
    pub byte: u64,
}
