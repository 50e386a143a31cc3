//! What a task can learn of where it runs.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Where a task runs, and whether anybody still waits for it.
///
/// A function of [`task!`](crate::task) gets one if its first parameter is
/// `cx: Context`; a hand-written [`Task`](crate::Task) always does. Clones are
/// of the same call, and may outlive it.
///
/// [`Context::default`] is a place outside of any worker: place 0, no state,
/// never cancelled. With it a task is called as the plain function that it is.
///
/// # Examples
///
/// ```
/// use aio_pool::Context;
///
/// aio_pool::task! {
///     /// The first number that divides `n`.
///     async fn least_divisor(cx: Context, n: u64) -> Option<u64> {
///         (2..n).take_while(|_| !cx.is_cancelled()).find(|divisor| n % divisor == 0)
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
///     assert_eq!(least_divisor(Context::default(), 35).await, Some(5));
///     let pool = aio_pool::start().workers(1).await?;
///     assert_eq!(pool.call::<least_divisor>(35).await?, Some(5));
///     pool.close().await?;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Context {
    stop: Stop,
    surroundings: Arc<Surroundings>,
}

impl Context {
    pub(crate) fn new(stop: Stop, surroundings: Arc<Surroundings>) -> Self {
        Self { stop, surroundings }
    }

    /// Returns which of the pool's places this worker fills, from 0.
    ///
    /// A worker that takes the place of another has its number: right for what
    /// each worker needs one of, such as a device or a port.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(aio_pool::Context::default().place(), 0);
    /// ```
    #[doc(alias = "worker_id")]
    pub fn place(&self) -> usize {
        self.surroundings.place as usize
    }

    /// Returns what the worker's [`Initializer`](crate::Initializer) of this
    /// type has made.
    ///
    /// # Panics
    ///
    /// If none has: the pool was started without it, or this is no worker. The
    /// message names the type. [`try_state`](Self::try_state) does not panic.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = aio_pool::Context::default().with_state(7_u32);
    /// assert_eq!(*cx.state::<u32>(), 7);
    /// ```
    #[track_caller]
    pub fn state<T: Send + Sync + 'static>(&self) -> &T {
        let Some(state) = self.try_state() else {
            let state = std::any::type_name::<T>();
            panic!("no initializer of this worker has made a {state}: see aio_pool::initializer!")
        };
        state
    }

    /// Returns what the worker's [`Initializer`](crate::Initializer) of this
    /// type has made, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = aio_pool::Context::default().with_state(7_u32);
    /// assert_eq!(cx.try_state::<u32>(), Some(&7));
    /// assert_eq!(cx.try_state::<u64>(), None);
    /// ```
    pub fn try_state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        let state = self.surroundings.states.get(&TypeId::of::<T>())?;
        state.downcast_ref()
    }

    /// Has this state as well: for a test that calls a task as a function.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_pool::Context;
    ///
    /// struct Prices(u32);
    ///
    /// aio_pool::task! {
    ///     async fn price(cx: Context, eggs: u32) -> u32 {
    ///         eggs * cx.state::<Prices>().0
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let cx = Context::default().with_state(Prices(3));
    /// assert_eq!(price(cx, 4).await, 12);
    /// # }
    /// ```
    #[must_use]
    pub fn with_state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        let states = &mut Arc::make_mut(&mut self.surroundings).states;
        states.insert(TypeId::of::<T>(), Arc::new(state));
        self
    }

    /// Returns whether nobody waits for this call any more.
    ///
    /// A cancelled task is dropped at its next await, so this is for what comes
    /// to none: a loop that computes, or code on another thread
    /// (`spawn_blocking`), which nothing else stops.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!aio_pool::Context::default().is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.stop.is_requested()
    }

    /// Waits until nobody waits for this call any more; for ever, if it ends
    /// otherwise.
    ///
    /// The task itself is dropped then, so this is for what it has spawned, with
    /// a clone of the context.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: it only waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_pool::Context;
    ///
    /// aio_pool::task! {
    ///     async fn watch(cx: Context, folder: String) {
    ///         tokio::spawn(async move {
    ///             cx.cancelled().await;
    ///             println!("{folder} is not watched any more");
    ///         });
    ///         std::future::pending().await
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    pub async fn cancelled(&self) {
        self.stop.requested().await;
    }
}

/// What all tasks of a worker share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// Which of the pool's places the worker fills, from 0.
    pub(crate) place: u32,
    /// What its initializers made.
    pub(crate) states: States,
}

/// One value of each type.
pub(crate) type States = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// Whether a call has been cancelled; shared by its worker and its context.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<Requested>);

#[derive(Debug, Default)]
struct Requested {
    requested: AtomicBool,
    notify: Notify,
}

impl Stop {
    pub(crate) fn request(&self) {
        self.0.requested.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::Acquire)
    }

    pub(crate) async fn requested(&self) {
        let mut notified = std::pin::pin!(self.0.notify.notified());
        notified.as_mut().enable();
        if !self.is_requested() {
            notified.await;
        }
    }
}
