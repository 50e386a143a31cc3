//! How long a member of a group may run while others of its group wait for the
//! commit.

use std::cell::Cell;
use std::time::Instant;

#[derive(Clone, Copy)]
struct Budget {
    until: Instant,
    spent: bool,
}

thread_local! {
    /// The budget of what runs on this worker thread.
    static BUDGET: Cell<Option<Budget>> = const { Cell::new(None) };
}

/// Runs `work`, which SQLite stops once it has run past `until`; the second
/// answer says whether that happened.
pub(crate) fn within<T>(until: Option<Instant>, work: impl FnOnce() -> T) -> (T, bool) {
    struct Restore(Option<Budget>);
    impl Drop for Restore {
        fn drop(&mut self) {
            BUDGET.set(self.0);
        }
    }
    let budget = until.map(|until| Budget {
        until,
        spent: false,
    });
    let _restore = Restore(BUDGET.replace(budget));
    let value = work();
    let spent = BUDGET.get().is_some_and(|budget| budget.spent);
    (value, spent)
}

/// Tells whether what runs on this thread has spent its budget; asked by
/// SQLite's progress handler.
pub(crate) fn is_spent() -> bool {
    let Some(mut budget) = BUDGET.get() else {
        return false;
    };
    if !budget.spent && Instant::now() >= budget.until {
        budget.spent = true;
        BUDGET.set(Some(budget));
    }
    budget.spent
}
