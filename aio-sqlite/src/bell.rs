//! Whether anybody else may have committed since it was last looked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Rung by whoever notices that the write-ahead log was written to.
pub(crate) struct Bell {
    log: PathBuf,
    /// A look is asked for, and has not begun.
    rung: AtomicBool,
}

impl Bell {
    pub(crate) fn new(log: PathBuf) -> Bell {
        Bell {
            log,
            rung: AtomicBool::new(false),
        }
    }

    /// The path of the log.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Asks for a look. Tells whether none was asked for yet.
    pub(crate) fn ring(&self) -> bool {
        !self.rung.swap(true, Ordering::AcqRel)
    }

    /// A look begins: what is noticed from now on needs another one. It sees what
    /// those did before who rang and were not the first, hence the swap.
    pub(crate) fn still(&self) {
        self.rung.swap(false, Ordering::AcqRel);
    }
}

/// A look that is to be taken.
pub(crate) struct Due {
    pub(crate) bell: Arc<Bell>,
    pub(crate) at: Instant,
    /// How often the lock was somebody else's.
    pub(crate) attempt: i32,
    /// The last look failed.
    pub(crate) blind: bool,
}

impl Due {
    pub(crate) fn now(bell: Arc<Bell>) -> Due {
        Due {
            bell,
            at: Instant::now(),
            attempt: 0,
            blind: false,
        }
    }
}
