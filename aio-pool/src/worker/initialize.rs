//! What a worker runs before it is ready.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use crate::context::States;
use crate::marks::Marks;
use crate::registry::Table;
use crate::setup::Setup;

use super::panic::{Panic, caught};

/// Runs the initializers of this worker, one after another, and gathers what
/// they make; or says which of them failed, and how.
///
/// The parent reads from the marks which one runs. It must be heard meanwhile:
/// an initializer may take for ever.
pub(crate) async fn initialize(setup: &Setup, marks: &Marks) -> Result<States, String> {
    let table = Table::of_this_program().map_err(|error| error.to_string())?;
    let mut states = States::new();
    for (number, (index, input)) in (1..).zip(&setup.initializers) {
        let Some(initializer) = table.initializer(*index) else {
            return Err(format!(
                "the parent has an initializer {index}, and nobody else"
            ));
        };
        let name = initializer.name;
        marks.initialize(number);
        // In a future of its own: what it does before its first await may
        // panic as well.
        let mut init = pin!(async { (initializer.run)(input.clone()).await });
        let made = poll_fn(|cx| match caught(|| init.as_mut().poll(cx)) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        });
        match made.await {
            Ok(Ok(made)) => states.extend(made),
            Ok(Err(reason)) => return Err(format!("initializer {name} failed: {reason}")),
            Err(Panic { message, location }) => {
                let place = location.map_or_else(String::new, |place| format!(" at {place}"));
                return Err(format!("initializer {name} panicked{place}: {message}"));
            }
        }
    }
    marks.initialize(0);
    Ok(states)
}
