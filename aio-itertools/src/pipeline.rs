//! Work at once that keeps running while its consumer is busy.
//!
//! A stream that holds futures, such as `buffered` of `futures` or the
//! [stream of `gather`](crate::asyncio::Gather::stream), can poll them only while
//! it is polled itself. While its consumer awaits something else they stand still,
//! with every lock and connection that they hold: they *snooze*. If what the
//! consumer awaits is such a lock, both wait for ever.
//!
//! A [`Pipeline`] is not a stream. It is a chain of stages that ends in a sink,
//! `for_each` or `list`, and the sink is one future that drives all of it: at
//! every wake-up each stage's futures are polled if they were woken, also while
//! the sink's own body runs. Nothing is spawned, so items may borrow, and needn't
//! be `Send`.
//!
//! ```
//! use aio_itertools::{iter, prelude::*};
//! use tokio::sync::Mutex;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let connection = Mutex::new(Vec::new());
//! let fetch = async |page: u32| {
//!     connection.lock().await.push(format!("fetch {page}"));
//!     page * 10
//! };
//! // The body wants the lock that the fetches in flight want: it gets it.
//! iter(1..=100)
//!     .pipeline()
//!     .map_concurrent(8, fetch)
//!     .batched(50)
//!     .for_each_concurrent(2, async |pages| {
//!         connection.lock().await.push(format!("store {}", pages.len()));
//!     })
//!     .await;
//! assert_eq!(connection.into_inner().len(), 102);
//! # }
//! ```
//!
//! # Adaptors go before it
//!
//! `filter`, `chunk_by` and all other adaptors are applied to the stream before
//! `.pipeline()`. There they take part in the one item that the pipeline asks for
//! ahead of time. One that holds futures of its own snoozes there as it does
//! anywhere: `map_concurrent` is what replaces it.
//!
//! # In a spawned task
//!
//! A pipeline in `tokio::spawn` may borrow what its task owns. If its items
//! themselves are references, rustc may say there that an implementation of
//! `FnOnce` is not general enough. Then the sink is made in a function of its own,
//! whose signature names the lifetime: `fn run<'a>(words: &'a [String]) -> impl
//! Future<Output = ()> + Send + 'a`.

mod batches;
mod for_each;
mod list;
mod map_concurrent;
mod source;
mod stage;

use std::fmt;
#[cfg(feature = "time")]
use std::time::Duration;

use futures_core::Stream;

use crate::limit::Limit;
use map_concurrent::Order;

#[cfg(feature = "time")]
pub use crate::item_timeout::{InTime, ItemTimeout, Timed};
pub use crate::job::{Call, InputKept, Job, Weighed, WithInput};
pub use batches::Batches;
pub use for_each::{ForEach, Outcome};
pub use list::List;
pub use map_concurrent::MapConcurrent;
pub use source::Source;
pub use stage::Stage;

/// Makes a stream the source of a [`Pipeline`], whose stages run while its sink is busy.
///
/// The stream is polled for one item ahead while the first stage is full. To keep
/// what is left of it after a pipeline that ended early, lend it: `&mut stream`.
///
/// # Examples
///
/// ```
/// use aio_itertools::{iter, pipeline::pipeline};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let squares = pipeline(iter(1..=4))
///     .map_concurrent(2, async |n| n * n)
///     .list()
///     .await;
/// assert_eq!(squares, [1, 4, 9, 16]);
/// # }
/// ```
pub fn pipeline<S: Stream>(stream: S) -> Pipeline<Source<S>> {
    Pipeline {
        stage: Source::new(stream),
    }
}

/// A chain of stages that is driven by its sink: see the [module](self).
///
/// It does nothing before a sink is awaited: [`for_each`](Self::for_each),
/// [`for_each_concurrent`](Self::for_each_concurrent), their `try_` forms, or
/// [`list`](Self::list). It may be moved, stored and passed on until then;
/// [`Stage`] is the bound for its parameter.
#[must_use = "a pipeline does nothing unless its sink is awaited"]
pub struct Pipeline<S> {
    stage: S,
}

impl<S: Stage> Pipeline<S> {
    /// Runs `f` for up to `limit` items at once; the outputs are in the order of the input.
    ///
    /// `limit` counts the items that are in flight and those that are finished and
    /// not taken yet. So a slow item or a slow sink holds up at most `limit` items,
    /// and each that is taken lets the next one start at once, not at the sink's
    /// next turn:
    ///
    /// ```text
    /// jobs of 3 s, limit 2, a sink of 10 s an item
    /// items reach the sink at     3   13   23   33 s
    /// with a stream (`buffered`)  3   13   26   36 s
    /// ```
    ///
    /// An output that waits keeps what it holds: a guard or a permit is better
    /// given back by the work than inside its output.
    ///
    /// Anything that can be awaited is taken. An output that is a `Result` is an
    /// output like another: a `try_` sink is the place for `let page = page?;`.
    /// See [`MapConcurrent`] for the contract.
    ///
    /// What follows it, in any number and order, are its options:
    /// [`unordered`](Pipeline::unordered), [`weight`](Pipeline::weight),
    /// [`item_timeout`](Pipeline::item_timeout) and [`with_input`](Pipeline::with_input);
    /// of these last two each wraps the output that is there before it.
    ///
    /// # Panics
    ///
    /// If `limit` is the `usize` zero: see [`Limit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, prelude::*};
    ///
    /// # async fn fetch(page: u32) -> Result<String, std::io::Error> { Ok(format!("page {page}")) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), std::io::Error> {
    /// iter(1..=10)
    ///     .pipeline()
    ///     .map_concurrent(4, fetch)
    ///     .try_for_each(async |page| {
    ///         let page = page?;
    ///         println!("{page}");
    ///         Ok::<_, std::io::Error>(())
    ///     })
    ///     .await
    /// # }
    /// ```
    #[doc(alias = "map_async")]
    #[doc(alias = "buffered")]
    #[doc(alias = "amap")]
    #[track_caller]
    pub fn map_concurrent<F, R>(
        self,
        limit: impl Limit,
        f: F,
    ) -> Pipeline<MapConcurrent<S, Call<F>>>
    where
        F: FnMut(S::Item) -> R,
        R: IntoFuture,
    {
        let limit = limit.at_least_one("the limit").get();
        Pipeline {
            stage: MapConcurrent::new(self.stage, limit, Call::new(f), Order::Input),
        }
    }

    /// Gives the items in batches of `size`, the last one possibly shorter.
    ///
    /// A batch is filled while the stage after it or the sink is busy; when it is
    /// full it waits, and what is before it is still driven. See [`Batches`] for
    /// the contract.
    ///
    /// # Panics
    ///
    /// If `size` is the `usize` zero: see [`Limit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let rows = iter(1..=5).pipeline().map_concurrent(2, async |n| n * 10);
    /// assert_eq!(rows.batched(2).list().await, [vec![10, 20], vec![30, 40], vec![50]]);
    /// # }
    /// ```
    #[doc(alias = "chunks")]
    #[track_caller]
    pub fn batched(self, size: impl Limit) -> Pipeline<Batches<S>> {
        let size = size.at_least_one("the batch size").get();
        Pipeline {
            stage: Batches::new(self.stage, size),
        }
    }

    /// Awaits `f` for every item, one after the other, while the stages go on.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping it drops the body that runs, all that the stages
    /// have in flight or finished, the item that is asked for ahead, and the source.
    /// Items whose body ended have had their effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut seen = Vec::new();
    /// iter("abc".chars())
    ///     .pipeline()
    ///     .map_concurrent(2, async |letter| letter.to_ascii_uppercase())
    ///     .for_each(|letter| {
    ///         seen.push(letter);
    ///         async {}
    ///     })
    ///     .await;
    /// assert_eq!(seen, ['A', 'B', 'C']);
    /// # }
    /// ```
    pub fn for_each<F, R>(self, f: F) -> ForEach<MapConcurrent<S, Call<F>>>
    where
        F: FnMut(S::Item) -> R,
        R: IntoFuture<Output = ()>,
    {
        self.for_each_concurrent(1, f)
    }

    /// Awaits `f` for every item, up to `limit` at once, while the stages go on.
    ///
    /// Bodies start in the order of the items, and end as they end.
    ///
    /// # Panics
    ///
    /// If `limit` is the `usize` zero: see [`Limit`].
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping it drops the bodies that run, the oldest first,
    /// then all that the stages have in flight or finished, the item that is asked
    /// for ahead, and the source. Items whose body ended have had their effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, prelude::*};
    ///
    /// # async fn store(batch: Vec<u32>) {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// iter(1..=1000)
    ///     .pipeline()
    ///     .batched(100)
    ///     .for_each_concurrent(2, store)
    ///     .await;
    /// # }
    /// ```
    #[track_caller]
    pub fn for_each_concurrent<F, R>(
        self,
        limit: impl Limit,
        f: F,
    ) -> ForEach<MapConcurrent<S, Call<F>>>
    where
        F: FnMut(S::Item) -> R,
        R: IntoFuture<Output = ()>,
    {
        ForEach::new(self.map_concurrent(limit, f).unordered().stage)
    }

    /// Awaits `f` for every item, one after the other, up to the first `Err`.
    ///
    /// Items that are a `Result` come as they are, so the body decides what an
    /// error among them means: `let page = page?;` makes it the sink's.
    ///
    /// # Errors
    ///
    /// With the first `Err` of a body. What is in flight is dropped then, and no
    /// further item is asked for.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping it drops what [`for_each`](Self::for_each) drops,
    /// and so does an `Err`.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let parsed = iter(["1", "two", "3"])
    ///     .pipeline()
    ///     .map_concurrent(2, async |word: &str| word.parse::<u32>())
    ///     .try_for_each(async |number| {
    ///         println!("{}", number?);
    ///         Ok::<_, std::num::ParseIntError>(())
    ///     })
    ///     .await;
    /// assert!(parsed.is_err());
    /// # }
    /// ```
    pub fn try_for_each<F, R, E>(self, f: F) -> ForEach<MapConcurrent<S, Call<F>>>
    where
        F: FnMut(S::Item) -> R,
        R: IntoFuture<Output = Result<(), E>>,
    {
        self.try_for_each_concurrent(1, f)
    }

    /// Awaits `f` for every item, up to `limit` at once, up to the first `Err`.
    ///
    /// # Errors
    ///
    /// With the `Err` of the body that fails first. What is in flight is dropped
    /// then: the other bodies, the oldest first, then what the stages hold.
    ///
    /// # Panics
    ///
    /// If `limit` is the `usize` zero: see [`Limit`].
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping it drops what
    /// [`for_each_concurrent`](Self::for_each_concurrent) drops, and so does an `Err`.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let stored = iter(1..)
    ///     .pipeline()
    ///     .try_for_each_concurrent(4, async |n| if n < 100 { Ok(()) } else { Err("full") })
    ///     .await;
    /// assert_eq!(stored, Err("full"));
    /// # }
    /// ```
    #[track_caller]
    pub fn try_for_each_concurrent<F, R, E>(
        self,
        limit: impl Limit,
        f: F,
    ) -> ForEach<MapConcurrent<S, Call<F>>>
    where
        F: FnMut(S::Item) -> R,
        R: IntoFuture<Output = Result<(), E>>,
    {
        ForEach::new(self.map_concurrent(limit, f).unordered().stage)
    }

    /// Collects every item into a `Vec`.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping it drops the items so far, all that the stages have
    /// in flight or finished, the item that is asked for ahead, and the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let doubled = iter(1..=3).pipeline().map_concurrent(2, async |n| n * 2);
    /// assert_eq!(doubled.list().await, [2, 4, 6]);
    /// # }
    /// ```
    #[doc(alias = "collect")]
    pub fn list(self) -> List<S> {
        List::new(self.stage)
    }
}

/// The options of [`map_concurrent`](Pipeline::map_concurrent).
impl<S: Stage, J: Job<S::Item>> Pipeline<MapConcurrent<S, J>> {
    /// Gives the outputs as they come, not in the order of the input.
    ///
    /// A slow item then holds up no other. [`with_input`](Self::with_input) says
    /// which item an output belongs to.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, prelude::*};
    /// use tokio::task::yield_now;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let work = async |n: u32| {
    ///     if n == 1 {
    ///         yield_now().await;
    ///     }
    ///     n
    /// };
    /// let outputs = iter(1..=3).pipeline().map_concurrent(2, work).unordered();
    /// assert_eq!(outputs.list().await, [2, 3, 1]);
    /// # }
    /// ```
    #[doc(alias = "buffer_unordered")]
    pub fn unordered(self) -> Self {
        Self {
            stage: self.stage.with_order(Order::Completion),
        }
    }

    /// Lets `limit` count weights instead of items: `weigh` is asked once for each.
    ///
    /// So a limit may be in bytes, rows or tokens. An item waits until it fits, and
    /// no later one overtakes it. One that is heavier than the limit runs alone. An
    /// item of weight zero weighs one.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, prelude::*};
    ///
    /// # async fn upload(file: Vec<u8>) -> usize { file.len() }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let files = [vec![0; 300], vec![0; 2000], vec![0; 700]];
    /// let sizes = iter(files)
    ///     .pipeline()
    ///     .map_concurrent(1024, upload) // at most 1,024 bytes at once
    ///     .weight(Vec::len)
    ///     .list()
    ///     .await;
    /// assert_eq!(sizes, [300, 2000, 700]);
    /// # }
    /// ```
    pub fn weight<W>(self, weigh: W) -> Pipeline<MapConcurrent<S, Weighed<J, W>>>
    where
        W: FnMut(&S::Item) -> usize,
    {
        Pipeline {
            stage: self.stage.with_job(|job| Weighed::new(job, weigh)),
        }
    }

    /// Gives each output with a copy of the item that it was made of.
    ///
    /// So an item that failed can be tried again, or be named in a log. The item is
    /// cloned before `f` is called: an `Arc` makes that cheap. After
    /// [`item_timeout`](Self::item_timeout) the input of an item that took too long
    /// is given back too; before it, it is dropped with the rest.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let parsed = iter(["1", "two"])
    ///     .pipeline()
    ///     .map_concurrent(2, async |word: &str| word.parse::<u32>())
    ///     .with_input()
    ///     .list()
    ///     .await;
    /// assert_eq!(parsed[0], ("1", Ok(1)));
    /// assert_eq!(parsed[1].0, "two");
    /// # }
    /// ```
    pub fn with_input(self) -> Pipeline<MapConcurrent<S, WithInput<J>>>
    where
        S::Item: Clone,
    {
        Pipeline {
            stage: self.stage.with_job(WithInput::new),
        }
    }

    /// Gives `Err(ItemTimeout)` for each item that isn't done within `limit`, and drops its work.
    ///
    /// The time of an item starts when its work does, not while it waits for room.
    /// Work that is ready at its first poll is in time, even with a limit of zero.
    ///
    /// # Panics
    ///
    /// The sink, when it is polled outside a tokio runtime with a timer.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, prelude::*};
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let outputs = iter([1, 2])
    ///     .pipeline()
    ///     .map_concurrent(2, async |n| if n == 1 { n } else { pending().await })
    ///     .item_timeout(Duration::from_secs(5))
    ///     .with_input()
    ///     .list()
    ///     .await;
    /// assert_eq!(outputs[0], (1, Ok(1)));
    /// let (input, late) = &outputs[1];
    /// assert_eq!(*input, 2);
    /// assert_eq!(late.unwrap_err().to_string(), "the item was not done within 5s");
    /// # }
    /// ```
    #[cfg(feature = "time")]
    #[doc(alias = "timeout")]
    pub fn item_timeout(self, limit: Duration) -> Pipeline<MapConcurrent<S, Timed<J>>> {
        Pipeline {
            stage: self.stage.with_job(|job| Timed::new(job, limit)),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Pipeline<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("stage", &self.stage)
            .finish()
    }
}
