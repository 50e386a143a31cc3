//! The half-read streams of a connection, on its worker: which is read on, and
//! which are ended.

use std::time::Instant;

use rusqlite::ErrorCode;

use crate::error::Error;
use crate::pipe::Flow;
use crate::turn::{Scope, Turn};
use crate::worker::Worker;

impl Worker {
    /// Ends the streams that `which` picks, and tells their readers why.
    pub(crate) fn end_flows(&mut self, which: impl Fn(&Flow) -> bool, by: &'static str) {
        for (_, flow) in self.flows.extract_if(|_, flow| which(flow)) {
            flow.end(Some(Error::StreamEnded { by }));
        }
    }

    /// When the stream that has stalled longest counts as lost. Only a reader of
    /// a database cares: it is kept from all others, and the write-ahead log
    /// from being taken over.
    pub(crate) fn stalled_flows_end(&self) -> Option<Instant> {
        self.membership.as_ref()?;
        self.flows
            .values()
            .filter(|flow| !flow.is_wanted())
            .filter_map(|flow| flow.last_filled().checked_add(self.max_hold))
            .min()
    }

    /// Ends the streams that count as lost.
    pub(crate) fn end_stalled_flows(&mut self) {
        let max_hold = self.max_hold;
        let lost = |flow: &Flow| !flow.is_wanted() && flow.last_filled().elapsed() >= max_hold;
        self.end_flows(lost, "`max_hold`: it was not read on for so long");
    }

    /// Ends the streams of levels that are over. Others read on: SQLite lets
    /// them, unless a rollback took their tables away.
    pub(crate) fn end_flows_of_closed_levels(&mut self) {
        let over =
            |flow: &Flow, turn: &Turn| flow.scope() != Scope::Root && !turn.is_open(flow.scope());
        for (_, flow) in self.flows.extract_if(|_, flow| over(flow, &self.turn)) {
            let by = "the end of its transaction";
            flow.end(Some(Error::StreamEnded { by }));
        }
    }

    /// Of the streams that `which` picks, the one that has waited longest. Those
    /// that the open transaction does not own wait for its end: they would read
    /// what it has not committed.
    pub(crate) fn next_flow(&self, which: impl Fn(&Flow) -> bool) -> Option<u64> {
        let holder = self.turn.holder();
        self.flows
            .iter()
            .filter(|(_, flow)| which(flow))
            .filter(|(_, flow)| holder.is_none() || flow.scope().transaction() == holder)
            .min_by_key(|(_, flow)| flow.last_filled())
            .map(|(&id, _)| id)
    }

    /// Reads the next chunk of a stream.
    pub(crate) fn fill(&mut self, id: u64) {
        let Some(mut flow) = self.flows.remove(&id) else {
            return;
        };
        let scope = flow.scope();
        let filled = self.guarded(scope, &flow.pipe().clone(), |_| flow.fill());
        match filled {
            Ok(true) => {
                self.flows.insert(id, flow);
            }
            Ok(false) => flow.end(None),
            Err(Error::Sqlite { source, .. })
                if source.sqlite_error_code() == Some(ErrorCode::OperationAborted) =>
            {
                flow.end(Some(Error::StreamEnded { by: "ROLLBACK" }));
            }
            Err(error) => flow.end(Some(error)),
        }
        self.turn.used(Instant::now());
    }

    /// The streams whose reader waits for the open transaction's end.
    pub(crate) fn starved_flows(&self) -> impl Iterator<Item = u64> {
        let holder = self.turn.holder();
        self.flows
            .iter()
            .filter(move |(_, flow)| {
                holder.is_some() && flow.scope().transaction() != holder && flow.is_starved()
            })
            .map(|(&id, _)| id)
    }
}
