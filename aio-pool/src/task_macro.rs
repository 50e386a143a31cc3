//! The macros that make functions tasks, and tasks known to every process.
//!
//! A function is taken apart in three steps, so that what is written for one
//! kind of parameter or return need not be written for each other: its head, its
//! parameters, its return. Its body is only passed on.

/// Makes an `async fn` a task, and keeps it callable; a `fn` that returns a
/// stream likewise.
///
/// Beside the function appears an uninhabited type of the same name, the task:
/// `fib(90).await` runs here, `pool.call::<fib>(90).await` runs in a worker.
/// Its name is the path of the module and the function.
///
/// | parameters | [`Input`](crate::Task::Input) | | returns | [`Output`](crate::Task::Output) | [`Error`](crate::Task::Error) |
/// |---|---|---|---|---|---|
/// | none | `()` | | nothing | `()` | [`Never`](crate::Never) |
/// | one `T` | `T` | | `T` | `T` | [`Never`](crate::Never) |
/// | several | a tuple | | `Result<T, E>`, written so | `T` | `E` |
///
/// A first parameter `cx: Context`, written so or as `aio_pool::Context`, is no
/// part of the input: it is the [`Context`](crate::Context) of the call.
///
/// All others are plain names of owned types with serde's traits, and the
/// function's future is `Send`; it has no generics, and runs on a thread with 2 MiB
/// of stack. Put a `#[cfg]` around the macro, not inside. Two tasks in two
/// functions of one module must not have the same name: that is
/// [`Error::DuplicateTask`](crate::Error::DuplicateTask).
///
/// # Streams
///
/// A `fn` that returns `impl Stream<Item = T>` or, written so,
/// `impl Stream<Item = Result<T, E>>` becomes a
/// [`StreamTask`](crate::streams::StreamTask), which
/// [`Pool::stream`](crate::Pool::stream) runs. The stream is `Send` and owns what
/// it needs; ` + Send` may be written, and is checked anyway.
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
///
/// An input of another type doesn't compile:
///
/// ```compile_fail,E0308
/// aio_pool::task! { async fn double(n: u64) -> u64 { n * 2 } }
///
/// fn call(pool: &aio_pool::Pool) {
///     let _ = pool.call::<double>("two");
/// }
/// # fn main() {}
/// ```
///
/// Nor does an output that cannot cross:
///
/// ```compile_fail,E0277
/// aio_pool::task! { async fn now() -> std::time::Instant { std::time::Instant::now() } }
/// # fn main() {}
/// ```
///
/// Nor do two tasks of one name in one module:
///
/// ```compile_fail,E0428
/// aio_pool::task! { async fn twin() {} }
/// aio_pool::task! { async fn twin() {} }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! task {
    (
        $(#[$meta:meta])*
        $vis:vis async fn $name:ident($($parameters:tt)*) $($rest:tt)*
    ) => {
        $crate::__parameters! {
            __task [$(#[$meta])*] [$vis] $name ($($parameters)*) $($rest)*
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis fn $name:ident($($parameters:tt)*) $($rest:tt)*
    ) => {
        $crate::__parameters! {
            __stream_task [$(#[$meta])*] [$vis] $name ($($parameters)*) $($rest)*
        }
    };
}

/// Parts the context from the input, for the macro that is named first.
#[doc(hidden)]
#[macro_export]
macro_rules! __parameters {
    (
        $next:ident [$($meta:tt)*] [$vis:vis] $name:ident
        ($cx:ident : Context $(, $arg:ident : $ty:ty)* $(,)?) $($rest:tt)*
    ) => {
        $crate::$next! {
            [$($meta)*] [$vis] $name [$cx: Context] ($($arg: $ty),*) $($rest)*
        }
    };
    (
        $next:ident [$($meta:tt)*] [$vis:vis] $name:ident
        ($cx:ident : aio_pool::Context $(, $arg:ident : $ty:ty)* $(,)?) $($rest:tt)*
    ) => {
        $crate::$next! {
            [$($meta)*] [$vis] $name [$cx: aio_pool::Context] ($($arg: $ty),*) $($rest)*
        }
    };
    (
        $next:ident [$($meta:tt)*] [$vis:vis] $name:ident
        ($($arg:ident : $ty:ty),* $(,)?) $($rest:tt)*
    ) => {
        $crate::$next! {
            [$($meta)*] [$vis] $name [] ($($arg: $ty),*) $($rest)*
        }
    };
}

/// The function of a task, and the type beside it.
#[doc(hidden)]
#[macro_export]
macro_rules! __task {
    (
        [$($meta:tt)*] [$vis:vis] $name:ident [$($cx:ident : $context:ty)?]
        ($($arg:ident : $ty:ty),*) -> Result<$out:ty, $err:ty $(,)?> $body:block
    ) => {
        $($meta)*
        $vis async fn $name(
            $($cx: $context,)? $($arg: $ty),*
        ) -> ::core::result::Result<$out, $err> $body
        $crate::__task! {
            @beside [$vis] $name [$($cx)?] ($($arg: $ty),*) -> $out, $err;
            |answer| answer
        }
    };
    (
        [$($meta:tt)*] [$vis:vis] $name:ident [$($cx:ident : $context:ty)?]
        ($($arg:ident : $ty:ty),*) -> $out:ty $body:block
    ) => {
        $($meta)*
        $vis async fn $name($($cx: $context,)? $($arg: $ty),*) -> $out $body
        $crate::__task! {
            @beside [$vis] $name [$($cx)?] ($($arg: $ty),*) -> $out, $crate::Never;
            |answer| ::core::result::Result::Ok(answer)
        }
    };
    (
        [$($meta:tt)*] [$vis:vis] $name:ident [$($cx:ident : $context:ty)?]
        ($($arg:ident : $ty:ty),*) $body:block
    ) => {
        $($meta)*
        $vis async fn $name($($cx: $context,)? $($arg: $ty),*) $body
        $crate::__task! {
            @beside [$vis] $name [$($cx)?] ($($arg: $ty),*) -> (), $crate::Never;
            |answer| ::core::result::Result::Ok(answer)
        }
    };
    (
        @beside [$vis:vis] $name:ident [$($cx:ident)?]
        ($($arg:ident : $ty:ty),*) -> $out:ty, $err:ty;
        |$answer:ident| $wrap:expr
    ) => {
        $crate::__name! { [$vis] $name "task" }

        impl $crate::Task for $name {
            const NAME: &'static str = concat!(module_path!(), "::", stringify!($name));
            type Input = $crate::__input!($($ty),*);
            type Output = $out;
            type Error = $err;

            async fn run(
                _context: $crate::Context,
                input: Self::Input,
            ) -> ::core::result::Result<$out, $err> {
                // Before a parameter of the same name hides it.
                let function = $name;
                $(let $cx = _context;)?
                let $crate::__input!($($arg),*) = input;
                let $answer = function($($cx,)? $($arg),*).await;
                $wrap
            }
        }

        $crate::register!($name);
    };
}

/// The function of a task that yields a stream, and the type beside it. Where
/// the angle brackets end, two may be one token.
#[doc(hidden)]
#[macro_export]
macro_rules! __stream_task {
    (
        [$($meta:tt)*] [$vis:vis] $name:ident [$($cx:ident : $context:ty)?]
        ($($arg:ident : $ty:ty),*)
        -> impl $($stream:ident)::+<Item = Result<$item:ty, $err:ty $(,)?>> $(+ $bound:ident)*
        $body:block
    ) => {
        $($meta)*
        $vis fn $name(
            $($cx: $context,)? $($arg: $ty),*
        ) -> impl $($stream)::+<Item = ::core::result::Result<$item, $err>> $(+ $bound)* $body
        $crate::__stream_task! {
            @beside [$vis] $name [$($cx)?] ($($arg: $ty),*) -> $item, $err;
            |stream| stream
        }
    };
    (
        [$($meta:tt)*] [$vis:vis] $name:ident [$($cx:ident : $context:ty)?]
        ($($arg:ident : $ty:ty),*)
        -> impl $($stream:ident)::+<Item = Result<$item:ty, $err:ty $(,)?> > $(+ $bound:ident)*
        $body:block
    ) => {
        $crate::__stream_task! {
            [$($meta)*] [$vis] $name [$($cx: $context)?] ($($arg: $ty),*)
            -> impl $($stream)::+<Item = Result<$item, $err>> $(+ $bound)*
            $body
        }
    };
    (
        [$($meta:tt)*] [$vis:vis] $name:ident [$($cx:ident : $context:ty)?]
        ($($arg:ident : $ty:ty),*)
        -> impl $($stream:ident)::+<Item = $item:ty> $(+ $bound:ident)*
        $body:block
    ) => {
        $($meta)*
        $vis fn $name(
            $($cx: $context,)? $($arg: $ty),*
        ) -> impl $($stream)::+<Item = $item> $(+ $bound)* $body
        $crate::__stream_task! {
            @beside [$vis] $name [$($cx)?] ($($arg: $ty),*) -> $item, $crate::Never;
            |stream| $crate::__private::Plain::new(stream)
        }
    };
    (
        @beside [$vis:vis] $name:ident [$($cx:ident)?]
        ($($arg:ident : $ty:ty),*) -> $item:ty, $err:ty;
        |$yielded:ident| $wrap:expr
    ) => {
        $crate::__name! { [$vis] $name "task" }

        impl $crate::streams::StreamTask for $name {
            const NAME: &'static str = concat!(module_path!(), "::", stringify!($name));
            type Input = $crate::__input!($($ty),*);
            type Item = $item;
            type Error = $err;

            fn run(
                _context: $crate::Context,
                input: Self::Input,
            ) -> impl $crate::__private::Stream<
                Item = ::core::result::Result<$item, $err>,
            > + ::core::marker::Send {
                // Before a parameter of the same name hides it.
                let function = $name;
                $(let $cx = _context;)?
                let $crate::__input!($($arg),*) = input;
                let $yielded = function($($cx,)? $($arg),*);
                $wrap
            }
        }

        $crate::register!($name);
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "a task is an `async fn`, or a `fn` that returns `impl Stream<Item = …>`"
        );
    };
}

/// The type beside a function.
#[doc(hidden)]
#[macro_export]
macro_rules! __name {
    ([$vis:vis] $name:ident $what:literal) => {
        #[doc = concat!("The ", $what, " of the function [`", stringify!($name), "`](fn@", stringify!($name), ").")]
        #[allow(non_camel_case_types, reason = "it is called as its function is")]
        $vis enum $name {}
    };
}

/// One parameter is the input itself; any other number is a tuple.
#[doc(hidden)]
#[macro_export]
macro_rules! __input {
    ($one:tt) => { $one };
    ($($several:tt),*) => { ($($several),*) };
}

/// Puts a hand-written [`Task`](crate::Task),
/// [`StreamTask`](crate::streams::StreamTask) or
/// [`Initializer`](crate::Initializer) into the program's table.
///
/// Once for each, anywhere in the program, outside of functions. What is two of
/// them at once doesn't compile, since a name is the name of one thing:
///
/// ```compile_fail,E0283
/// use aio_pool::{Context, Initializer, Never, Task};
///
/// enum Both {}
///
/// impl Task for Both {
///     const NAME: &'static str = "both";
///     type Input = ();
///     type Output = ();
///     type Error = Never;
///     async fn run(_: Context, (): ()) -> Result<(), Never> { Ok(()) }
/// }
///
/// impl Initializer for Both {
///     const NAME: &'static str = "both";
///     type Input = ();
///     type State = ();
///     type Error = Never;
///     async fn init((): ()) -> Result<(), Never> { Ok(()) }
/// }
///
/// aio_pool::register!(Both);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! register {
    ($item:ty) => {
        const _: () = {
            #[$crate::__private::linkme::distributed_slice($crate::__private::REGISTERED)]
            #[linkme(crate = $crate::__private::linkme)]
            static REGISTRATION: $crate::__private::Registration =
                <$item as $crate::__private::Registered<_>>::REGISTRATION;
        };
    };
}
