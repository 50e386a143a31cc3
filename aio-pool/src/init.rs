//! The fork in the road at the top of `main`: a worker goes one way, for ever.

use crate::role::{self, Role};
use crate::worker;

/// Makes this program able to be its own worker. The first line of `main`.
///
/// A pool starts this executable again. In such a process `init` serves the
/// pool and never returns; in any other it notes that it was called and returns
/// at once. What stands before it runs in every worker too: argument parsing,
/// log set-up, ports. As the first line inside `#[tokio::main]` it works as
/// well; the runtime around it then stays idle in the workers.
///
/// Without it [`start`](crate::start) is an error and starts nothing. It is one
/// too in a worker that has not been given a task yet, so that a thread from
/// before `init` starts no pool in every worker; and four levels down, whoever
/// asks. Called again, by a task too, it does nothing.
///
/// In a worker it first closes every inherited descriptor but the standard
/// streams: all that an exec would not close. What Rust code opens is not among
/// them; what C code has opened before `init` without `O_CLOEXEC` is, and what
/// was taken over by its number, as from a job server.
///
/// Under a test harness, whose `main` is not yours, the feature `harness` calls
/// it before `main`. A test or bench with `harness = false` calls it as any
/// program does.
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
    match Role::own() {
        Role::Program => role::may_start(),
        Role::Worker { nonce, .. } if role::serves_now() => worker::serve(nonce),
        Role::Worker { .. } => {}
    }
}
