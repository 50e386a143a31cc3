//! The signals that ask the program to end.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::ending::Ending;

/// Waits until the program is interrupted (Ctrl-C) or told to terminate. Those
/// signals do nothing else from the moment this is polled.
///
/// # Errors
///
/// Those of the operating system where it does not let signals be caught.
///
/// # Cancel safety
///
/// *Cancel safe*: a signal that comes while nobody waits is lost.
pub(crate) async fn asked_to_end() -> io::Result<()> {
    Signals::listen()?.next().await;
    Ok(())
}

/// Whether the program was asked to end, for a command that ends at a moment of
/// its choice.
#[derive(Debug)]
pub(crate) struct Asked(CancellationToken);

impl Asked {
    /// Listens from now on. The first signal is noted; the second ends the
    /// process at once, since whoever sends it doesn't want to wait.
    ///
    /// # Errors
    ///
    /// Those of the operating system where it does not let signals be caught.
    pub(crate) fn listen() -> io::Result<Asked> {
        let mut signals = Signals::listen()?;
        let noted = CancellationToken::new();
        let asked = Asked(noted.clone());
        tokio::spawn(async move {
            signals.next().await;
            noted.cancel();
            signals.next().await;
            process::exit(Ending::Interrupted.code().into());
        });
        Ok(asked)
    }

    /// Waits until a signal has been noted.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: what was noted stays noted.
    pub(crate) async fn to_end(&self) {
        self.0.cancelled().await;
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
