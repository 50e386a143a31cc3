//! A task mapped over inputs: the builder, and the future that it becomes.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::error::TaskError;
use crate::line::Line;
use crate::results::{Inputs, Order, Results};
use crate::task::Task;
use crate::terms::Terms;

/// The task `T`, to be called with each of many inputs. Made by
/// [`Pool::map`](crate::Pool::map).
///
/// Awaited, it gives all outputs or the first error; [`.stream`](Self::stream)
/// gives every outcome. It does not borrow the pool, so it can be spawned if
/// its inputs can.
///
/// # Cancel safety
///
/// *Rolls back*: dropping it cancels what is in flight, as dropping a
/// [`Call`](crate::Call) does; other inputs are not taken.
#[must_use = "no call is made until this is awaited, or its stream is polled"]
pub struct Map<'i, T: Task> {
    line: Arc<Line>,
    inputs: Inputs<'i, T>,
    terms: Terms,
    order: Order,
    limit: Option<usize>,
}

impl<'i, T: Task> Map<'i, T> {
    pub(crate) fn new(line: Arc<Line>, inputs: Inputs<'i, T>) -> Self {
        Self {
            line,
            inputs,
            terms: Terms::default(),
            order: Order::Input,
            limit: None,
        }
    }

    /// Has at most this many calls in flight, at least 1; twice as many as keep
    /// every worker busy by default, which is
    /// 2 × `workers` × (`tasks_per_worker` + 256).
    ///
    /// A worker is sent up to 256 calls ahead of what it runs, so that it never
    /// waits for the next; and as many again let results be taken while others
    /// run. A call counts until its result has been taken from the stream, so
    /// this also bounds what is kept for a slow consumer, or behind a slow first
    /// task. Choose less where inputs or outputs are large.
    #[doc(alias = "buffersize")]
    #[doc(alias = "chunksize")]
    pub fn limit(mut self, calls: usize) -> Self {
        self.limit = Some(calls.max(1));
        self
    }

    /// Gives up a call with [`TaskError::TimedOut`] if it has no answer within
    /// `limit` of being made, time in the queue included, as
    /// [`Call::timeout`](crate::Call::timeout) does.
    ///
    /// An input whose turn has not come waits without a limit.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.terms.timeout = Some(limit);
        self
    }

    /// Gives up on a call whose task runs for longer than `limit`, as
    /// [`Call::run_timeout`](crate::Call::run_timeout) does.
    pub fn run_timeout(mut self, limit: Duration) -> Self {
        self.terms.run_timeout = Some(limit);
        self
    }

    /// Gives results as they come, not in the order of the inputs.
    ///
    /// They do not say which input they are of: where that matters, have the
    /// task return it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// aio_pool::task! {
    ///     async fn length(word: String) -> (String, usize) {
    ///         let length = word.len();
    ///         (word, length)
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
    ///     let pool = aio_pool::start().workers(2).await?;
    ///     let words = ["sugar", "plum"].map(String::from);
    ///     let mut results = pool.map::<length>(words).unordered().stream();
    ///     let mut lengths = HashMap::new();
    ///     while let Some(result) = results.next().await {
    ///         let (word, length) = result?;
    ///         lengths.insert(word, length);
    ///     }
    ///     assert_eq!(lengths["plum"], 4);
    ///     pool.close().await?;
    ///     Ok(())
    /// }
    /// ```
    #[doc(alias = "imap_unordered")]
    #[doc(alias = "as_completed")]
    pub fn unordered(mut self) -> Self {
        self.order = Order::Completion;
        self
    }

    fn into_results(self, order: Order) -> Results<'i, T> {
        let limit = self.limit.unwrap_or(self.line.enough.saturating_mul(2));
        Results::new(self.line, self.terms, order, limit, self.inputs)
    }

    /// Returns the outcomes as a stream, each a `Result`, in the order of the
    /// inputs unless [`unordered`](Self::unordered).
    ///
    /// Inputs are taken as there is room in flight, so they may be without end.
    ///
    /// # Examples
    ///
    /// ```
    /// # aio_pool::task! { async fn double(n: u64) -> u64 { n * 2 } }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     aio_pool::init();
    /// #     run()
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = aio_pool::start().workers(2).await?;
    /// let mut doubles = pool.map::<double>(1..).stream();
    /// let mut sum = 0;
    /// while sum < 100 {
    ///     sum += doubles.next().await.ok_or("the numbers end")??;
    /// }
    /// assert_eq!(sum, 110);
    /// drop(doubles); // cancels the calls that were made ahead
    /// pool.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "imap")]
    pub fn stream(self) -> Results<'i, T> {
        let order = self.order;
        self.into_results(order)
    }
}

impl<T: Task> fmt::Debug for Map<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("task", &T::NAME)
            .field("order", &self.order)
            .field("limit", &self.limit)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}

impl<'i, T: Task> IntoFuture for Map<'i, T> {
    type Output = Result<Vec<T::Output>, TaskError<T::Error>>;
    type IntoFuture = Answers<'i, T>;

    fn into_future(self) -> Answers<'i, T> {
        let order = self.order;
        Answers {
            // An error is seen when it comes, not when its turn does.
            results: Some(self.into_results(Order::Completion)),
            order,
            outputs: Vec::new(),
        }
    }
}

/// The future of a [`Map`].
#[must_use = "futures do nothing unless polled"]
pub struct Answers<'i, T: Task> {
    /// Until the answer is given.
    results: Option<Results<'i, T>>,
    order: Order,
    /// With a gap for each output that is to come.
    outputs: Vec<Option<T::Output>>,
}

// The outputs are moved, never pinned.
impl<T: Task> Unpin for Answers<'_, T> {}

impl<T: Task> fmt::Debug for Answers<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers")
            .field("results", &self.results)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

impl<T: Task> Future for Answers<'_, T> {
    type Output = Result<Vec<T::Output>, TaskError<T::Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let Some(results) = &mut this.results else {
                panic!("a map of {} was polled after its answer", T::NAME);
            };
            match ready!(results.poll_numbered(cx)) {
                Some((number, Ok(output))) => {
                    let place = match this.order {
                        Order::Input => usize::try_from(number).expect("it is in a Vec"),
                        Order::Completion => this.outputs.len(),
                    };
                    if this.outputs.len() <= place {
                        this.outputs.resize_with(place + 1, || None);
                    }
                    this.outputs[place] = Some(output);
                }
                Some((_, Err(error))) => {
                    this.results = None;
                    this.outputs = Vec::new();
                    return Poll::Ready(Err(error));
                }
                None => {
                    this.results = None;
                    let outputs = std::mem::take(&mut this.outputs);
                    return Poll::Ready(Ok(outputs.into_iter().flatten().collect()));
                }
            }
        }
    }
}
