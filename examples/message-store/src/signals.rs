//! The signals that ask the program to end.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

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
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
