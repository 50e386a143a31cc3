//! What a task is.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Context;

/// A function that runs in a worker process.
///
/// [`task!`](crate::task) implements it for an ordinary `async fn`. Write it by
/// hand where the name must be chosen (two versions of a crate in one program)
/// or the implementor is generated; then [`register!`](crate::register) it.
///
/// The implementor is only a name: no value of it is ever made.
///
/// # Examples
///
/// ```
/// use aio_pool::Context;
///
/// enum Reverse {}
///
/// impl aio_pool::Task for Reverse {
///     const NAME: &'static str = "demo/reverse";
///     type Input = String;
///     type Output = String;
///     type Error = aio_pool::Never;
///
///     async fn run(_: Context, text: String) -> Result<String, aio_pool::Never> {
///         Ok(text.chars().rev().collect())
///     }
/// }
/// aio_pool::register!(Reverse);
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     aio_pool::init();
///     run()
/// }
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn run() -> Result<(), Box<dyn std::error::Error>> {
///     let pool = aio_pool::start().workers(1).await?;
///     assert_eq!(pool.call::<Reverse>("straw".to_owned()).await?, "warts");
///     pool.close().await?;
///     Ok(())
/// }
/// ```
pub trait Task: Send + Sync + 'static {
    /// What the task is called in the table, in errors and on the wire. Unique
    /// in the program.
    const NAME: &'static str;
    /// What a caller sends.
    type Input: Serialize + DeserializeOwned + Send + 'static;
    /// What a caller gets.
    type Output: Serialize + DeserializeOwned + Send + 'static;
    /// What a caller gets instead. [`Never`](crate::Never) if there is nothing.
    type Error: Serialize + DeserializeOwned + Send + 'static;

    /// Runs the task, in a worker, on that worker's runtime. The context is
    /// that of this call.
    ///
    /// # Errors
    ///
    /// The task's own, which the caller gets as
    /// [`TaskError::Task`](crate::TaskError::Task).
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe* as far as the task itself is: a cancelled call drops this
    /// future at an await.
    fn run(
        cx: Context,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;
}
