//! The levels of a connection, on its worker: opened, committed, rolled back.

use std::time::Instant;

use crate::error::Result;
use crate::receipt::Settling;
use crate::recorder;
use crate::turn::{Holder, Scope};
use crate::worker::Worker;

impl Worker {
    /// Opens a level: begins a transaction by that statement, or sets a savepoint.
    /// Whoever asks what a transaction came to is told when `settling` is
    /// settled or dropped.
    pub(crate) fn open_level(
        &mut self,
        level: Scope,
        holder: Holder,
        begin: &str,
        settling: Settling,
    ) -> Result<()> {
        match level {
            Scope::Root => {}
            Scope::Transaction(id) => {
                self.engine.begin(begin)?;
                self.settling.insert(id, settling);
                self.turn.began(id, Instant::now());
            }
            Scope::Savepoint { savepoint, .. } => {
                self.engine.control(&format!("SAVEPOINT aio_{savepoint}"))?;
                recorder::marked(savepoint);
                self.turn.entered(savepoint, holder);
            }
        }
        Ok(())
    }

    /// Commits a transaction, or makes what a savepoint did part of it.
    pub(crate) fn commit_level(&mut self, level: Scope) -> Result<()> {
        match level {
            Scope::Root => Ok(()),
            Scope::Transaction(id) => self.commit(id),
            Scope::Savepoint { savepoint, .. } => {
                self.engine.control(&format!("RELEASE aio_{savepoint}"))?;
                recorder::released(savepoint);
                self.turn.left(savepoint);
                Ok(())
            }
        }
    }

    /// Does `work` in a level, which is rolled back at once where that fails:
    /// its guard may not be polled for a while, and others wait.
    pub(crate) fn or_roll_back<T>(
        &mut self,
        level: Scope,
        work: impl FnOnce(&mut Worker) -> Result<T>,
    ) -> Result<T> {
        let outcome = work(self);
        if outcome.is_err() && self.turn.is_open(level) {
            // The error of the work is the answer.
            let _ = self.roll_back_level(level);
        }
        outcome
    }

    /// Undoes what a level did and closes it.
    pub(crate) fn roll_back_level(&mut self, level: Scope) -> Result<()> {
        match level {
            Scope::Root => Ok(()),
            Scope::Transaction(id) => self.roll_back(id),
            Scope::Savepoint { savepoint, .. } => {
                self.roll_back_savepoint(savepoint);
                Ok(())
            }
        }
    }

    /// Commits the open transaction; a commit that fails rolls back, since its
    /// guard is used up.
    fn commit(&mut self, id: u64) -> Result<()> {
        match self.engine.control("COMMIT") {
            Ok(()) => {
                if let Some(settling) = self.settling.remove(&id) {
                    settling.committed();
                }
                self.turn.finished(id);
                self.end_flows_of_closed_levels();
                Ok(())
            }
            Err(error) => {
                let _ = self.roll_back(id);
                Err(error)
            }
        }
    }

    /// Rolls the open transaction back.
    fn roll_back(&mut self, id: u64) -> Result<()> {
        let outcome = self.engine.roll_back_all();
        drop(self.settling.remove(&id));
        self.turn.finished(id);
        self.end_flows_of_closed_levels();
        outcome
    }

    pub(crate) fn roll_back_savepoint(&mut self, savepoint: u64) {
        let sql = format!("ROLLBACK TO aio_{savepoint}; RELEASE aio_{savepoint}");
        // It fails only where an automatic rollback took the savepoint along,
        // and then there is nothing to undo.
        let _ = self.engine.control(&sql);
        recorder::rolled_back_to(savepoint);
        self.turn.left(savepoint);
        self.end_flows_of_closed_levels();
    }
}
