//! The fork in the road at the top of `main`: a worker goes one way, for ever.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;
use crate::wire::WORKER_ARGUMENT;
use crate::worker;

/// Whether this process would recognise itself as a worker if it were one.
static INITIALISED: AtomicBool = AtomicBool::new(false);

/// Makes this program able to be its own worker. The first line of `main`.
///
/// A pool starts this executable again. In such a process `init` serves the
/// pool and never returns; in any other it notes that it was called and returns
/// at once. What stands before it runs in every worker too: argument parsing,
/// log set-up, ports. As the first line inside `#[tokio::main]` it works as
/// well; the runtime around it then stays idle in the workers.
///
/// Without it [`start`](crate::start) is an error and starts nothing.
///
/// # Examples
///
/// ```
/// fn main() -> Result<(), aio_pool::Error> {
///     aio_pool::init();
///     run()
/// }
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn run() -> Result<(), aio_pool::Error> {
///     let pool = aio_pool::start().workers(1).await?;
///     pool.close().await
/// }
/// ```
#[doc(alias = "freeze_support")]
#[doc(alias = "main")]
pub fn init() {
    INITIALISED.store(true, Ordering::Release);
    let argument = std::env::args_os().nth(1);
    let argument = argument.as_ref().and_then(|argument| argument.to_str());
    if let Some(nonce) = argument.and_then(|argument| argument.strip_prefix(WORKER_ARGUMENT)) {
        worker::serve(nonce);
    }
}

/// Fails unless [`init`] has run.
pub(crate) fn check() -> Result<(), Error> {
    if INITIALISED.load(Ordering::Acquire) {
        Ok(())
    } else {
        Err(Error::NotInitialised)
    }
}
