//! Somebody else who has what is wanted.

use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use crate::Failure;

/// Somebody else, on a thread of its own: it holds something, and lets go of it so
/// long after it is wanted.
///
/// ```
/// use std::time::{Duration, Instant};
/// use tour::rival::Rival;
///
/// # fn main() -> Result<(), tour::Failure> {
/// let (held, is_held) = std::sync::mpsc::channel::<()>();
/// let rival = Rival::holding(Duration::from_millis(5), move || Ok(held))?;
/// let begun = Instant::now();
/// rival.is_awaited()?;
/// assert!(is_held.recv().is_err()); // now it is dropped
/// assert!(begun.elapsed() >= Duration::from_millis(5));
/// # Ok(())
/// # }
/// ```
#[must_use = "a rival that nobody waits for lets go at once"]
#[derive(Debug)]
pub struct Rival {
    want: Sender<()>,
}

impl Rival {
    /// Lets somebody else take something, and returns when it has it.
    ///
    /// # Errors
    ///
    /// When it can't be taken.
    pub fn holding<T>(
        time: Duration,
        take: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<Rival, Failure> {
        let (say, said) = channel();
        let (want, wanted) = channel();
        thread::spawn(move || match take() {
            Ok(held) => {
                // Whoever doesn't listen any more wants nothing either.
                if say.send(Ok(())).is_ok() && wanted.recv().is_ok() {
                    thread::sleep(time);
                }
                drop(held);
            }
            Err(failure) => drop(say.send(Err(failure))),
        });
        said.recv()??;
        Ok(Rival { want })
    }

    /// Tells it that somebody waits: from now on its time runs.
    ///
    /// # Errors
    ///
    /// When its thread is gone.
    pub fn is_awaited(&self) -> Result<(), Failure> {
        Ok(self.want.send(())?)
    }
}
