//! Crows, each of which caws after a while, or flies off when it is cancelled.

use std::time::Duration;

/// A crow that hasn't cawed yet: a guard.
///
/// A cancelled future is dropped where it awaits, with all that it owns. So `Drop` does
/// here what `except CancelledError` and `finally` do in Python, with two differences:
/// nothing is raised that could be caught and kept, and `Drop` can't await.
#[derive(Debug)]
pub struct Crow {
    number: u32,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Silent,
    Cawed,
}

/// Gives the crow of this number.
pub fn crow(number: u32) -> Crow {
    let state = State::Silent;
    Crow { number, state }
}

impl Crow {
    /// Caws after this time, and gives the number of the crow.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the crow flies off, and says so.
    pub async fn caw(mut self, after: Duration) -> u32 {
        tokio::time::sleep(after).await;
        self.state = State::Cawed;
        self.number
    }
}

impl Drop for Crow {
    fn drop(&mut self) {
        if self.state == State::Silent {
            println!("crow {} flies off without a caw", self.number);
        }
    }
}

/// Gives the caws of so many crows. The last crow caws after one step, the one before it
/// after two, and the first after as many as there are crows.
pub fn flock(crows: u32, step: Duration) -> impl Iterator<Item = impl Future<Output = u32>> {
    (1..=crows).map(move |number| crow(number).caw(step * (crows + 1 - number)))
}

/// Gives the names of crows in a row: `crow 1, crow 2`.
pub fn names(crows: impl IntoIterator<Item = u32>) -> String {
    let names: Vec<_> = crows
        .into_iter()
        .map(|crow| format!("crow {crow}"))
        .collect();
    names.join(", ")
}

/// Gives the names of the crows that are done, and of those that aren't.
///
/// This is what `wait` says of so many crows: each output with the index of its future.
pub fn sets(crows: u32, done: &[(usize, u32)]) -> String {
    let done: Vec<u32> = done.iter().map(|(_, number)| *number).collect();
    let pending = names((1..=crows).filter(|number| !done.contains(number)));
    format!("done {{{}}}, pending {{{pending}}}", names(done))
}
