//! What became of the messages of a file.

use std::fmt;

use crate::incoming::Added;

/// How many messages of a file met which fate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) imported: u64,
    pub(super) known: u64,
    pub(super) rejected: u64,
    pub(super) attachments: u64,
}

impl Counts {
    /// Counts a message, and says why it is rejected, if it is.
    pub(super) fn add(&mut self, added: Added) -> Option<String> {
        match added {
            Added::New => self.imported += 1,
            Added::Known => self.known += 1,
            Added::Contradicts(id) => {
                self.rejected += 1;
                return Some(format!(
                    "another message, row #{id}, has its Message-ID or uid"
                ));
            }
        }
        None
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            imported,
            known,
            rejected,
            attachments,
        } = self;
        write!(
            f,
            "imported {imported}, already there {known}, rejected {rejected}"
        )?;
        match attachments {
            0 => Ok(()),
            _ => write!(f, ", attachments left out {attachments}"),
        }
    }
}
