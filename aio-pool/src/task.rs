//! What a task is, and the two macros that make one known to every process.

use serde::Serialize;
use serde::de::DeserializeOwned;

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
/// enum Reverse {}
///
/// impl aio_pool::Task for Reverse {
///     const NAME: &'static str = "demo/reverse";
///     type Input = String;
///     type Output = String;
///     type Error = aio_pool::Never;
///
///     async fn run(text: String) -> Result<String, aio_pool::Never> {
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

    /// Runs the task, in a worker, on that worker's runtime.
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
    fn run(input: Self::Input) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;
}

/// Makes an `async fn` a task, and keeps it callable.
///
/// Beside the function appears an uninhabited type of the same name, the task:
/// `fib(90).await` runs here, `pool.call::<fib>(90).await` runs in a worker.
/// Its name is the path of the module and the function.
///
/// | parameters | [`Input`](Task::Input) | | returns | [`Output`](Task::Output) | [`Error`](Task::Error) |
/// |---|---|---|---|---|---|
/// | none | `()` | | nothing | `()` | [`Never`](crate::Never) |
/// | one `T` | `T` | | `T` | `T` | [`Never`](crate::Never) |
/// | several | a tuple | | `Result<T, E>`, written so | `T` | `E` |
///
/// All of them are owned types with serde's traits, and the function's future
/// is `Send`. Put a `#[cfg]` around the macro, not inside.
///
/// # Examples
///
/// ```
/// aio_pool::task! {
///     /// The larger of two numbers.
///     pub async fn larger(a: u64, b: u64) -> u64 {
///         a.max(b)
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     aio_pool::init();
///     run()
/// }
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn run() -> Result<(), Box<dyn std::error::Error>> {
///     assert_eq!(larger(3, 4).await, 4);
///     let pool = aio_pool::start().workers(1).await?;
///     assert_eq!(pool.call::<larger>((3, 4)).await?, 4);
///     pool.close().await?;
///     Ok(())
/// }
/// ```
#[macro_export]
macro_rules! task {
    (
        $(#[$meta:meta])*
        $vis:vis async fn $name:ident($($arg:ident : $ty:ty),* $(,)?) -> Result<$out:ty, $err:ty $(,)?>
        $body:block
    ) => {
        $(#[$meta])*
        $vis async fn $name($($arg: $ty),*) -> ::core::result::Result<$out, $err> $body
        $crate::__task! {
            $vis $name ($($arg: $ty),*) -> $out, $err;
            |answer| answer
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis async fn $name:ident($($arg:ident : $ty:ty),* $(,)?) -> $out:ty
        $body:block
    ) => {
        $(#[$meta])*
        $vis async fn $name($($arg: $ty),*) -> $out $body
        $crate::__task! {
            $vis $name ($($arg: $ty),*) -> $out, $crate::Never;
            |answer| ::core::result::Result::Ok(answer)
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis async fn $name:ident($($arg:ident : $ty:ty),* $(,)?)
        $body:block
    ) => {
        $(#[$meta])*
        $vis async fn $name($($arg: $ty),*) $body
        $crate::__task! {
            $vis $name ($($arg: $ty),*) -> (), $crate::Never;
            |answer| ::core::result::Result::Ok(answer)
        }
    };
}

/// The type beside the function of [`task!`](crate::task).
#[doc(hidden)]
#[macro_export]
macro_rules! __task {
    (
        $vis:vis $name:ident ($($arg:ident : $ty:ty),*) -> $out:ty, $err:ty;
        |$answer:ident| $wrap:expr
    ) => {
        #[doc = concat!("The task of the function [`", stringify!($name), "`](fn@", stringify!($name), ").")]
        #[allow(non_camel_case_types, reason = "a task is called as its function is")]
        $vis enum $name {}

        impl $crate::Task for $name {
            const NAME: &'static str = concat!(module_path!(), "::", stringify!($name));
            type Input = $crate::__input!($($ty),*);
            type Output = $out;
            type Error = $err;

            async fn run(
                $crate::__input!($($arg),*): Self::Input,
            ) -> ::core::result::Result<$out, $err> {
                let $answer = $name($($arg),*).await;
                $wrap
            }
        }

        $crate::register!($name);
    };
}

/// One parameter is the input itself; any other number is a tuple.
#[doc(hidden)]
#[macro_export]
macro_rules! __input {
    ($one:tt) => { $one };
    ($($several:tt),*) => { ($($several),*) };
}

/// Puts a hand-written [`Task`] into the program's table of tasks.
///
/// Once per task, anywhere in the program, outside of functions.
#[macro_export]
macro_rules! register {
    ($task:ty) => {
        const _: () = {
            #[$crate::__private::linkme::distributed_slice($crate::__private::TASKS)]
            #[linkme(crate = $crate::__private::linkme)]
            static ENTRY: $crate::__private::Entry = $crate::__private::Entry::of::<$task>();
        };
    };
}
