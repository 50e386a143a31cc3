//! What an initializer is, and the macro that makes one.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A function that each worker runs before it is ready, and whose value its
/// tasks share: a connection, a model, a cache.
///
/// [`initializer!`](crate::initializer!) implements it for an ordinary
/// `async fn`; [`Start::initializer`](crate::Start::initializer) has a pool's
/// workers run it. By hand it is [registered](crate::register) as a
/// [`Task`](crate::Task) is.
///
/// The implementor is only a name: no value of it is ever made.
///
/// # Examples
///
/// ```
/// use aio_pool::{Context, Initializer, Never};
///
/// struct Greeting(String);
/// enum Greet {}
///
/// impl Initializer for Greet {
///     const NAME: &'static str = "demo/greet";
///     type Input = String;
///     type State = Greeting;
///     type Error = Never;
///
///     async fn init(name: String) -> Result<Greeting, Never> {
///         Ok(Greeting(format!("hello, {name}")))
///     }
/// }
/// aio_pool::register!(Greet);
///
/// aio_pool::task! {
///     async fn greeting(cx: Context) -> String {
///         cx.state::<Greeting>().0.clone()
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
///     let start = aio_pool::start().workers(1);
///     let pool = start.initializer::<Greet>("Ada".to_owned()).await?;
///     assert_eq!(pool.call::<greeting>(()).await?, "hello, Ada");
///     pool.close().await?;
///     Ok(())
/// }
/// ```
pub trait Initializer: Send + Sync + 'static {
    /// What it is called in the table and in errors. Unique in the program,
    /// among tasks too.
    const NAME: &'static str;
    /// What every worker is given.
    type Input: Serialize + DeserializeOwned + Send + 'static;
    /// What it makes, found by its type: see
    /// [`Context::state`](crate::Context::state). `()` is no state.
    type State: Send + Sync + 'static;
    /// Why it could not. [`Never`](crate::Never) if there is nothing.
    type Error: fmt::Display;

    /// Makes the state, in a worker, on that worker's runtime. What it spawns
    /// there lives as long as the worker. It starts no pool: that is for tasks.
    ///
    /// # Errors
    ///
    /// Its own. The worker is not ready then and ends, and the pool is told what
    /// the error said.
    ///
    /// # Cancel safety
    ///
    /// *Not cancel safe*: nothing cancels it but the end of its process.
    fn init(input: Self::Input) -> impl Future<Output = Result<Self::State, Self::Error>> + Send;
}

/// One of a pool's initializers, with its input.
#[derive(Clone)]
pub(crate) struct Chosen {
    pub(crate) name: &'static str,
    /// The index in the table of initializers.
    pub(crate) index: u32,
    pub(crate) input: Vec<u8>,
}

impl Chosen {
    /// What a worker is told of them.
    pub(crate) fn orders(chosen: &[Self]) -> Vec<(u32, Vec<u8>)> {
        let orders = chosen.iter().map(|one| (one.index, one.input.clone()));
        orders.collect()
    }

    /// The words for being in the one of this number, from 1; none for 0. A
    /// worker says where it is, and is not believed more than that.
    pub(crate) fn under_way(chosen: &[Self], number: u64) -> String {
        let index = number
            .checked_sub(1)
            .and_then(|at| usize::try_from(at).ok());
        let one = index.and_then(|index| chosen.get(index));
        one.map_or_else(String::new, |one| format!(", in initializer {}", one.name))
    }
}

// Not the input: it may be a password.
impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chosen").field(&self.name).finish()
    }
}

/// Makes an `async fn` an initializer, and keeps it callable.
///
/// Beside the function appears an uninhabited type of the same name, the
/// [`Initializer`](crate::Initializer). Parameters are its input, as those of
/// [`task!`](crate::task!) are; what it returns is its state or, of a
/// `Result<T, E>`, written so, the state and the error.
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
///
/// use aio_pool::Context;
///
/// /// What an egg costs, and where.
/// struct Prices(HashMap<String, u32>);
///
/// aio_pool::initializer! {
///     async fn read_prices(list: String) -> Result<Prices, std::num::ParseIntError> {
///         let price = |line: &str| {
///             let (shop, price) = line.split_once(' ').unwrap_or((line, "0"));
///             Ok((shop.to_owned(), price.parse()?))
///         };
///         Ok(Prices(list.lines().map(price).collect::<Result<_, _>>()?))
///     }
/// }
///
/// aio_pool::task! {
///     async fn price(cx: Context, shop: String) -> Option<u32> {
///         cx.state::<Prices>().0.get(&shop).copied()
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
///     let start = aio_pool::start().workers(2);
///     let pool = start.initializer::<read_prices>("corner 3\nmarket 2".to_owned()).await?;
///     assert_eq!(pool.call::<price>("market".to_owned()).await?, Some(2));
///     pool.close().await?;
///     Ok(())
/// }
/// ```
#[macro_export]
macro_rules! initializer {
    (
        $(#[$meta:meta])*
        $vis:vis async fn $name:ident($($arg:ident : $ty:ty),* $(,)?) -> Result<$state:ty, $err:ty $(,)?>
        $body:block
    ) => {
        $(#[$meta])*
        $vis async fn $name($($arg: $ty),*) -> ::core::result::Result<$state, $err> $body
        $crate::__initializer! {
            $vis $name ($($arg: $ty),*) -> $state, $err;
            |state| state
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis async fn $name:ident($($arg:ident : $ty:ty),* $(,)?) -> $state:ty
        $body:block
    ) => {
        $(#[$meta])*
        $vis async fn $name($($arg: $ty),*) -> $state $body
        $crate::__initializer! {
            $vis $name ($($arg: $ty),*) -> $state, $crate::Never;
            |state| ::core::result::Result::Ok(state)
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis async fn $name:ident($($arg:ident : $ty:ty),* $(,)?)
        $body:block
    ) => {
        $(#[$meta])*
        $vis async fn $name($($arg: $ty),*) $body
        $crate::__initializer! {
            $vis $name ($($arg: $ty),*) -> (), $crate::Never;
            |state| ::core::result::Result::Ok(state)
        }
    };
}

/// The type beside the function of [`initializer!`](crate::initializer!).
#[doc(hidden)]
#[macro_export]
macro_rules! __initializer {
    (
        $vis:vis $name:ident ($($arg:ident : $ty:ty),*) -> $state:ty, $err:ty;
        |$made:ident| $wrap:expr
    ) => {
        $crate::__name! { [$vis] $name "initializer" }

        impl $crate::Initializer for $name {
            const NAME: &'static str = concat!(module_path!(), "::", stringify!($name));
            type Input = $crate::__input!($($ty),*);
            type State = $state;
            type Error = $err;

            async fn init(input: Self::Input) -> ::core::result::Result<$state, $err> {
                // Before a parameter of the same name hides it.
                let function = $name;
                let $crate::__input!($($arg),*) = input;
                let $made = function($($arg),*).await;
                $wrap
            }
        }

        $crate::register!($name);
    };
}
