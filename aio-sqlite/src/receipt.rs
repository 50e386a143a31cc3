//! What a transaction came to, also where nobody waited for its commit.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// What it did is in the database.
    Committed,
    /// Nothing of it is.
    RolledBack,
    /// A `COMMIT` or `ROLLBACK` statement of the caller's own ended it, past
    /// its guard.
    Unknown,
}

/// Tells what a transaction came to; made by
/// [`Transaction::receipt`](crate::Transaction::receipt).
///
/// A commit that is cancelled, by a timeout around it or because its task was
/// aborted, is either committed or rolled back. This says which.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> aio_sqlite::Result<()> {
/// use std::time::Duration;
/// use aio_sqlite::transaction::Outcome;
///
/// # let db = aio_sqlite::connect(":memory:").await?;
/// # db.execute("CREATE TABLE log(line)", ()).await?;
/// let tx = db.begin().await?;
/// tx.execute("INSERT INTO log VALUES ('one')", ()).await?;
/// let receipt = tx.receipt();
/// let committed = match tokio::time::timeout(Duration::from_secs(1), tx.commit()).await {
///     Ok(answer) => answer.is_ok(),
///     Err(_) => receipt.outcome().await == Outcome::Committed,
/// };
/// assert!(committed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a receipt is asked with `outcome`"]
pub struct Receipt(Arc<Ticket>);

impl Receipt {
    pub(crate) fn new(ticket: Arc<Ticket>) -> Receipt {
        Receipt(ticket)
    }

    /// Waits until the transaction is over and says how it ended.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: it only waits, and can be asked again.
    pub async fn outcome(&self) -> Outcome {
        poll_fn(|cx| {
            let mut state = self.0.state();
            match &mut *state {
                State::Over(outcome) => Poll::Ready(*outcome),
                State::Open(waiting) => {
                    if !waiting.iter().any(|each| each.will_wake(cx.waker())) {
                        waiting.push(cx.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Receipt");
        match &*self.0.state() {
            State::Over(outcome) => text.field("outcome", outcome),
            State::Open(_) => text.field("outcome", &"open"),
        };
        text.finish()
    }
}

#[derive(Debug)]
enum State {
    /// Who waits for the end.
    Open(Vec<Waker>),
    Over(Outcome),
}

/// What guard, worker and receipts share of one transaction.
#[derive(Debug)]
pub(crate) struct Ticket(Mutex<State>);

impl Ticket {
    pub(crate) fn new() -> Arc<Ticket> {
        Arc::new(Ticket(Mutex::new(State::Open(Vec::new()))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how the transaction ended, unless that has been said, and returns
    /// who waited for it.
    fn settle(&self, outcome: Outcome) -> Vec<Waker> {
        let mut state = self.state();
        match &*state {
            State::Over(_) => Vec::new(),
            State::Open(_) => match std::mem::replace(&mut *state, State::Over(outcome)) {
                State::Open(waiting) => waiting,
                State::Over(_) => Vec::new(),
            },
        }
    }
}

/// The worker's half: dropped without a word, the transaction was rolled back,
/// since SQLite does that with whatever is open when nothing else is done.
#[derive(Debug)]
pub(crate) struct Settling {
    ticket: Arc<Ticket>,
    wake: fn(Option<Waker>),
}

impl Settling {
    /// `wake` wakes a task, and contains the panic of a waker that panics.
    pub(crate) fn new(ticket: Arc<Ticket>, wake: fn(Option<Waker>)) -> Settling {
        Settling { ticket, wake }
    }

    pub(crate) fn committed(self) {
        self.settle(Outcome::Committed);
    }

    /// A statement of the caller's ended it.
    pub(crate) fn ended(self) {
        self.settle(Outcome::Unknown);
    }

    fn settle(&self, outcome: Outcome) {
        for waker in self.ticket.settle(outcome) {
            (self.wake)(Some(waker));
        }
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        self.settle(Outcome::RolledBack);
    }
}
