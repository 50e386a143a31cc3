//! A task's panic as a value: what it said and where.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::words;
use crate::wire::Ending;

/// A caught panic.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Panic {
    pub(super) message: String,
    pub(super) location: Option<String>,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Panic> for Ending {
    fn from(Panic { message, location }: Panic) -> Self {
        Self::Panicked { message, location }
    }
}

thread_local! {
    /// Where this thread last panicked. The hook runs before the unwinding that
    /// [`caught`] sees, on the same thread, and only the hook knows the place.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Adds to the panic hook, whatever it is, that locations are remembered.
pub(super) fn remember_locations() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let location = info.location().map(ToString::to_string);
        // Not there any more: the thread is ending, and nobody will ask.
        let _ = LOCATION.try_with(|last| last.replace(location));
        hook(info);
    }));
}

/// Runs user code; its panic is its result.
pub(super) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Panic> {
    // The place of an earlier panic, which the code has caught itself.
    let _ = LOCATION.try_with(RefCell::take);
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(value) => Ok(value),
        Err(payload) => {
            let panic = Panic {
                message: message(payload.as_ref()),
                location: LOCATION.try_with(RefCell::take).ok().flatten(),
            };
            // What was thrown may throw again when it is dropped; what that
            // throws is not dropped.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(second);
            }
            Err(panic)
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let said = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    words::cut(said).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_from_what_panics_carry() {
        assert_eq!(message(&"literal"), "literal");
        assert_eq!(message(&String::from("formatted")), "formatted");
        assert_eq!(message(&7_u8), "a panic without a message");
    }

    #[test]
    fn what_runs_through_is_a_value_and_what_panics_is_a_panic() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("the bomb");
            }
        }
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| panic!("loud")).unwrap_err().message, "loud");
        let thrown = caught(|| std::panic::panic_any(Bomb)).unwrap_err();
        assert_eq!(thrown.message, "a panic without a message");
    }
}
