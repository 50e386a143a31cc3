//! What a worker tells the observers of its database, and when.

use crate::recorder;
use crate::touched::Watching;
use crate::worker::Worker;

impl Worker {
    /// Looks as closely at what changes as the observers want.
    pub(crate) fn watch_as_wanted(&mut self) {
        if let Some(observers) = &self.observers {
            self.engine.watch(observers.want());
        }
    }

    /// Tells the observers what has been committed, if anything has. To be
    /// called when the work is done and before its answer is given, so that
    /// whoever acts on the answer finds them told.
    pub(crate) fn publish(&mut self) {
        let Some(observers) = &self.observers else {
            return;
        };
        if !self.engine.is_open() {
            return;
        }
        let Some(touched) = recorder::take(self.engine.is_autocommit()) else {
            return;
        };
        let all = match touched.unnamed && observers.want() == Watching::Rows {
            true => self.engine.tables(),
            false => Vec::new(),
        };
        observers.publish(&touched, &all);
    }
}
