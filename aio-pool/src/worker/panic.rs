//! A task's panic as a value: what it said and where.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

/// A message longer than this is cut.
const LONGEST_MESSAGE: usize = 64 << 10;

/// A caught panic.
#[derive(Debug)]
pub(crate) struct Panic {
    pub(crate) message: String,
    pub(crate) location: Option<String>,
}

thread_local! {
    /// Where this thread last panicked. The hook runs before the unwinding that
    /// [`caught`] sees, on the same thread, and only the hook knows the place.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Adds to the panic hook, whatever it is, that locations are remembered.
pub(crate) fn remember_locations() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let location = info.location().map(ToString::to_string);
        // Not there any more: the thread is ending, and nobody will ask.
        let _ = LOCATION.try_with(|last| last.replace(location));
        hook(info);
    }));
}

/// Runs a future; its panic is its result.
pub(crate) async fn caught<F: Future + Unpin>(mut future: F) -> Result<F::Output, Panic> {
    std::future::poll_fn(|cx| {
        LOCATION.with(RefCell::take);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            std::pin::Pin::new(&mut future).poll(cx)
        }));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(payload) => {
                let panic = Panic {
                    message: message(payload.as_ref()),
                    location: LOCATION.with(RefCell::take),
                };
                // What was thrown may throw again when it is dropped; what that
                // throws is not dropped.
                if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                    std::mem::forget(second);
                }
                Poll::Ready(Err(panic))
            }
        }
    })
    .await
}

/// The panic that is unwinding this thread, of which only the place is known.
pub(crate) fn under_way() -> Option<Panic> {
    std::thread::panicking().then(|| Panic {
        message: "a value that the task had dropped panicked".to_owned(),
        location: LOCATION.try_with(RefCell::take).ok().flatten(),
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let said = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    // The longest cut that does not split a character.
    let end = (0..=LONGEST_MESSAGE.min(said.len()))
        .rev()
        .find(|&end| said.is_char_boundary(end))
        .unwrap_or(0);
    said[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_from_what_panics_carry_and_cut_between_characters() {
        assert_eq!(message(&"literal"), "literal");
        assert_eq!(message(&String::from("formatted")), "formatted");
        assert_eq!(message(&7_u8), "a panic without a message");
        let long = "é".repeat(LONGEST_MESSAGE);
        assert_eq!(message(&format!("x{long}")).len(), LONGEST_MESSAGE - 1);
    }
}
