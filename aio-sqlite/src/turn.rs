//! Whose turn it is on a connection: a pure state machine over transaction and
//! savepoint ids, with no SQLite and no clock of its own in it.
//!
//! Every command names the level that it belongs to. A rollback of anything but
//! an open level is nothing, so a late or doubled finisher can't reach a
//! neighbour; a command of an outer level that finds an inner one still open
//! knows that the inner guard was forgotten, because a living one borrows the
//! outer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The level that a command belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// No transaction of ours: the plain handle.
    Root,
    /// A transaction, outside any savepoint.
    Transaction(u64),
    /// A savepoint in a transaction.
    Savepoint { transaction: u64, savepoint: u64 },
}

impl Scope {
    pub(crate) fn transaction(self) -> Option<u64> {
        match self {
            Scope::Root => None,
            Scope::Transaction(id) => Some(id),
            Scope::Savepoint { transaction, .. } => Some(transaction),
        }
    }
}

/// What to do with a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Run it.
    Run,
    /// Roll this forgotten savepoint back, then run it.
    RunWithout { forgotten: u64 },
    /// Keep it until the open transaction ends, or the savepoint inside its
    /// level that others must wait for.
    Wait,
    /// Its level is over, for this reason.
    Over(Arc<str>),
}

/// Whose a level is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A guard's, which borrows the outer level: a command of the outer level
    /// means that the guard was forgotten.
    Guard,
    /// An operation's of the crate's own, which leaves the outer level to
    /// others: their commands wait.
    Operation,
}

#[derive(Debug)]
struct Nested {
    savepoint: u64,
    holder: Holder,
}

#[derive(Debug)]
struct Open {
    id: u64,
    savepoints: Vec<Nested>,
    began: Instant,
    last_used: Instant,
}

impl Open {
    fn position(&self, savepoint: u64) -> Option<usize> {
        self.savepoints
            .iter()
            .position(|each| each.savepoint == savepoint)
    }
}

/// What those who wait for the open transaction come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Nobody holds the connection, or not for too long: wait until then.
    WaitUntil(Option<Instant>),
    /// The transaction is open for longer than a caller waits.
    TooLong { held_for: Duration },
    /// The transaction did nothing for so long that its guard counts as lost.
    Lost,
}

/// The open transaction of a connection, and the ones that ended under a
/// living guard.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    open: Option<Open>,
    over: HashMap<u64, Arc<str>>,
}

impl Turn {
    /// Tells whether no transaction holds the connection.
    pub(crate) fn is_free(&self) -> bool {
        self.open.is_none()
    }

    /// The id of the open transaction.
    pub(crate) fn holder(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.id)
    }

    /// Says what to do with a command of that level.
    pub(crate) fn judge(&self, scope: Scope) -> Verdict {
        let Some(id) = scope.transaction() else {
            return if self.is_free() {
                Verdict::Run
            } else {
                Verdict::Wait
            };
        };
        let Some(open) = self.open.as_ref().filter(|open| open.id == id) else {
            return Verdict::Over(match self.over.get(&id) {
                Some(reason) => reason.clone(),
                None => "it has been finished".into(),
            });
        };
        let inner = match scope {
            Scope::Savepoint { savepoint, .. } => match open.position(savepoint) {
                Some(at) => at + 1,
                None => return Verdict::Over("the savepoint has been finished".into()),
            },
            _ => 0,
        };
        match open.savepoints.get(inner) {
            None => Verdict::Run,
            Some(inner) if inner.holder == Holder::Operation => Verdict::Wait,
            Some(inner) => Verdict::RunWithout {
                forgotten: inner.savepoint,
            },
        }
    }

    /// A transaction has begun.
    pub(crate) fn began(&mut self, id: u64, now: Instant) {
        debug_assert!(self.is_free());
        self.open = Some(Open {
            id,
            savepoints: Vec::new(),
            began: now,
            last_used: now,
        });
    }

    /// A savepoint has been set in the open transaction.
    pub(crate) fn entered(&mut self, savepoint: u64, holder: Holder) {
        if let Some(open) = &mut self.open {
            open.savepoints.push(Nested { savepoint, holder });
        }
    }

    /// A savepoint is gone, and all those inside it.
    pub(crate) fn left(&mut self, savepoint: u64) {
        if let Some(open) = &mut self.open
            && let Some(at) = open.position(savepoint)
        {
            open.savepoints.truncate(at);
        }
    }

    /// Tells whether that level is open, so that its rollback means something.
    pub(crate) fn is_open(&self, scope: Scope) -> bool {
        scope != Scope::Root && !matches!(self.judge(scope), Verdict::Over(_))
    }

    /// The open transaction has been used just now.
    pub(crate) fn used(&mut self, now: Instant) {
        if let Some(open) = &mut self.open {
            open.last_used = now;
        }
    }

    /// The transaction has been committed or rolled back by its own guard.
    pub(crate) fn finished(&mut self, id: u64) {
        self.over.remove(&id);
        if self.holder() == Some(id) {
            self.open = None;
        }
    }

    /// The transaction is over although its guard may be alive: its later
    /// commands are told why.
    pub(crate) fn aborted(&mut self, id: u64, reason: Arc<str>) {
        if self.holder() == Some(id) {
            self.open = None;
            self.over.insert(id, reason);
        }
    }

    /// Says how long those who wait for the connection have to, where a
    /// transaction may hold it for `max_hold`.
    pub(crate) fn hold(&self, now: Instant, max_hold: Duration) -> Hold {
        let Some(open) = &self.open else {
            return Hold::WaitUntil(None);
        };
        if now.duration_since(open.last_used) >= max_hold {
            return Hold::Lost;
        }
        let held_for = now.duration_since(open.began);
        if held_for >= max_hold {
            return Hold::TooLong { held_for };
        }
        Hold::WaitUntil(open.began.checked_add(max_hold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(savepoint: u64) -> Scope {
        Scope::Savepoint {
            transaction: 1,
            savepoint,
        }
    }

    #[test]
    fn root_waits_while_a_transaction_is_open_and_its_commands_run() {
        let mut turn = Turn::default();
        assert_eq!(turn.judge(Scope::Root), Verdict::Run);
        turn.began(1, Instant::now());
        assert_eq!(turn.judge(Scope::Root), Verdict::Wait);
        assert_eq!(turn.judge(Scope::Transaction(1)), Verdict::Run);
        turn.finished(1);
        assert_eq!(turn.judge(Scope::Root), Verdict::Run);
    }

    #[test]
    fn a_finisher_of_another_transaction_is_nothing() {
        let mut turn = Turn::default();
        turn.began(2, Instant::now());
        assert!(!turn.is_open(Scope::Transaction(1)));
        turn.finished(1);
        turn.aborted(1, "late".into());
        assert_eq!(turn.holder(), Some(2));
    }

    #[test]
    fn an_outer_command_drops_forgotten_savepoints() {
        let mut turn = Turn::default();
        turn.began(1, Instant::now());
        turn.entered(7, Holder::Guard);
        turn.entered(8, Holder::Guard);
        assert_eq!(turn.judge(at(8)), Verdict::Run);
        assert_eq!(turn.judge(at(7)), Verdict::RunWithout { forgotten: 8 });
        assert_eq!(
            turn.judge(Scope::Transaction(1)),
            Verdict::RunWithout { forgotten: 7 }
        );
        turn.left(7);
        assert_eq!(turn.judge(Scope::Transaction(1)), Verdict::Run);
        assert!(matches!(turn.judge(at(8)), Verdict::Over(_)));
    }

    #[test]
    fn an_outer_command_waits_for_an_operation_inside() {
        let mut turn = Turn::default();
        turn.began(1, Instant::now());
        turn.entered(7, Holder::Operation);
        assert_eq!(turn.judge(at(7)), Verdict::Run);
        assert_eq!(turn.judge(Scope::Transaction(1)), Verdict::Wait);
        assert!(
            turn.is_open(Scope::Transaction(1)),
            "its rollback does not wait"
        );
        turn.left(7);
        assert_eq!(turn.judge(Scope::Transaction(1)), Verdict::Run);
    }

    #[test]
    fn an_aborted_transaction_tells_its_guard_why_and_frees_the_connection() {
        let mut turn = Turn::default();
        turn.began(1, Instant::now());
        turn.aborted(1, "disk full".into());
        assert_eq!(turn.judge(Scope::Root), Verdict::Run);
        assert_eq!(
            turn.judge(Scope::Transaction(1)),
            Verdict::Over("disk full".into())
        );
        turn.finished(1);
        assert!(turn.over.is_empty(), "the guard's own finisher forgets it");
    }

    #[test]
    fn a_wait_is_bounded_and_an_idle_transaction_is_lost() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let mut turn = Turn::default();
        assert_eq!(turn.hold(start, second), Hold::WaitUntil(None));
        turn.began(1, start);
        turn.used(start + second / 2);
        assert_eq!(
            turn.hold(start, second),
            Hold::WaitUntil(Some(start + second))
        );
        assert_eq!(
            turn.hold(start + second, second),
            Hold::TooLong { held_for: second }
        );
        assert_eq!(turn.hold(start + second * 2, second), Hold::Lost);
    }
}
