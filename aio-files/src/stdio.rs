//! The standard streams of this process.
//!
//! They belong to the process: whoever asks for one gets a handle of the same
//! stream, whose bytes are in one order.

mod chunks;
mod input;
mod intake;
mod lines;
mod output;
mod sink;
mod stdin;

#[cfg(feature = "records")]
pub(crate) use input::{name, poll_position, poll_read};

pub use chunks::{ReadStdinChunks, StdinChunks};
pub use lines::{AllStdinLines, Line, ReadStdinLines, StdinLines};
pub use output::Output;
pub use stdin::Stdin;

/// The standard input, buffered.
///
/// It is read when somebody asks, 64 KiB at most, on a thread that is there as
/// long as the read is; so a read that waits for a terminal keeps neither a
/// runtime nor the process from its end. What was read belongs to the process: a
/// reader that is dropped, cancelled or forgotten takes nothing with it, and the
/// next one is given what it had asked for.
///
/// Reading through std as well is possible, by turns, and loses nothing that std
/// has buffered; what is in the buffer here, std doesn't see. A process that is
/// started with this standard input doesn't see either.
///
/// # Examples
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut lines = aio_files::stdio::stdin().lines().stream();
/// while let Some(line) = lines.next().await {
///     println!("{}", line?.to_uppercase());
/// }
/// # Ok(())
/// # }
/// ```
#[doc(alias = "stdin_bytes")]
pub fn stdin() -> Stdin {
    Stdin::new()
}

/// The standard output, buffered.
///
/// Nothing appears before it is flushed, its 64 KiB are full, or a handle is
/// dropped; also at a terminal. What one call writes stays together, whoever
/// writes beside it. At the end of `main`, [`flush`](Output::flush) or
/// [`drained`](crate::drained()): a process that ends takes the rest with it.
///
/// `print!` has a buffer of its own, which it empties at each end of a line at
/// the latest: flush here before it is used, and end its lines before this is.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut out = aio_files::stdio::stdout();
/// out.write_all(b"I need your help.\n").await?;
/// out.flush().await?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "stdout_bytes")]
pub fn stdout() -> Output {
    Output::new(&sink::STDOUT)
}

/// The standard error. It has no buffer: a write that was answered is written.
///
/// What one call writes stays together, whoever writes beside it.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// aio_files::stdio::stderr().write_all(b"nobody is there\n").await?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "stderr_bytes")]
pub fn stderr() -> Output {
    Output::new(&sink::STDERR)
}

/// Waits until a descriptor that doesn't block is ready.
#[cfg(unix)]
fn stand_by(
    descriptor: &impl std::os::fd::AsFd,
    until: rustix::event::PollFlags,
) -> std::io::Result<()> {
    let mut polled = [rustix::event::PollFd::new(descriptor, until)];
    match rustix::event::poll(&mut polled, None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
