//! Many files at once: read, written or looked at, with one hop for many of them.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! let names = ["a", "b", "c"].map(|name| folder.path().join(name));
//! aio_files::write_many(names.clone().map(|name| (name, "text"))).await?;
//!
//! let mut contents = aio_files::read_many(names).unordered().stream();
//! while let Some(file) = contents.next().await {
//!     let (path, content) = file?;
//!     println!("{}: {} bytes", path.display(), content.len());
//! }
//! # Ok(())
//! # }
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_core::stream::FusedStream;

use crate::descriptor::may_wait;
use crate::error::PathError;
use crate::in_flight::{Done, InFlight, Operation, Order};
use crate::turnstile::Effect;
use crate::whole;

/// How many files are in flight unless told otherwise.
const LIMIT: usize = 256;

/// Reads many files to their ends.
///
/// `.await` gives the contents in the order of the paths; `.stream()` gives each
/// with its path. The paths are asked for as they are needed, so they may be
/// without end.
///
/// # Errors
///
/// The system's, with the path; awaited, that of the first path that has one.
///
/// # Cancel safety
///
/// Cancel safe: what was read is dropped.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let (a, b) = (folder.path().join("a"), folder.path().join("b"));
/// # std::fs::write(&a, "Alice")?;
/// # std::fs::write(&b, "Bob")?;
/// let contents = aio_files::read_many([a, b]).await?;
/// assert_eq!(contents, [b"Alice".to_vec(), b"Bob".to_vec()]);
/// # Ok(())
/// # }
/// ```
pub fn read_many<I>(paths: I) -> Many<Vec<u8>>
where
    I: IntoIterator<Item: Into<PathBuf>>,
    I::IntoIter: Send + 'static,
{
    Many::new::<Reading>(paths.into_iter().map(|path| (path.into(), ())))
}

/// Writes many files: creates each, or replaces its content.
///
/// It takes pairs of a path and its content. `.await` waits for all of them;
/// `.stream()` says which are written, with its path.
///
/// # Errors
///
/// The system's, with the path; awaited, that of the first path that has one.
///
/// # Cancel safety
///
/// Runs on: what is in flight is written, the rest never happens.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let (a, b) = (folder.path().join("a"), folder.path().join("b"));
/// aio_files::write_many([(&a, "Alice"), (&b, "Bob")].map(|(path, name)| (path.clone(), name))).await?;
/// assert_eq!(std::fs::read_to_string(b)?, "Bob");
/// # Ok(())
/// # }
/// ```
pub fn write_many<I, P, C>(files: I) -> Many<()>
where
    I: IntoIterator<Item = (P, C)>,
    I::IntoIter: Send + 'static,
    P: Into<PathBuf>,
    C: Into<Vec<u8>>,
{
    let files = files.into_iter();
    Many::new::<Writing>(files.map(|(path, content)| (path.into(), content.into())))
}

/// Gives length, times, permissions and kind of many files; links are followed.
///
/// `.await` gives them in the order of the paths; `.stream()` each with its path.
///
/// # Errors
///
/// The system's, with the path; awaited, that of the first path that has one.
///
/// # Cancel safety
///
/// Cancel safe: what was read is dropped.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let (a, b) = (folder.path().join("a"), folder.path().join("b"));
/// # std::fs::write(&a, "Alice")?;
/// # std::fs::write(&b, "Bob")?;
/// let total: u64 = aio_files::metadata_many([a, b]).await?.iter().map(|of| of.len()).sum();
/// assert_eq!(total, 8);
/// # Ok(())
/// # }
/// ```
pub fn metadata_many<I>(paths: I) -> Many<fs::Metadata>
where
    I: IntoIterator<Item: Into<PathBuf>>,
    I::IntoIter: Send + 'static,
{
    Many::new::<Looking>(paths.into_iter().map(|path| (path.into(), ())))
}

/// The builder of [`read_many`], [`write_many`] and [`metadata_many`].
///
/// An error ends it when it is awaited: what is in flight then runs to its end,
/// and the rest never happens. A stream goes on.
///
/// # Cancel safety
///
/// Runs on: what is in flight is done, the rest never happens.
#[must_use = "nothing happens until it is awaited or streamed"]
pub struct Many<T> {
    feed: Box<dyn FnOnce(Order) -> Box<dyn Feed<T> + Send> + Send>,
    limit: usize,
    order: Order,
}

impl<T: Send + 'static> Many<T> {
    fn new<O: Operation<Output = T>>(
        input: impl Iterator<Item = (PathBuf, O::Input)> + Send + 'static,
    ) -> Self {
        Self {
            feed: Box::new(|order| {
                Box::new(Fed::<O, _> {
                    input: Some(input),
                    in_flight: InFlight::new(order),
                })
            }),
            limit: LIMIT,
            order: Order::AsGiven,
        }
    }

    /// Has at most `limit` files in flight, or answered and not taken, instead
    /// of 256; 0 is taken for 1.
    ///
    /// Answers that wait occupy at most about 8 MiB, unless one file is larger or
    /// the first in order is slow.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// Gives the answers as they are done, and not in the order of the paths.
    pub fn unordered(mut self) -> Self {
        self.order = Order::AsDone;
        self
    }

    /// Gives the answers one by one.
    pub fn stream(self) -> Answers<T> {
        Answers {
            feed: Some((self.feed)(self.order)),
            limit: self.limit,
        }
    }
}

impl<T: Send + 'static> IntoFuture for Many<T> {
    type Output = io::Result<Vec<T>>;
    type IntoFuture = ManyFuture<T>;

    fn into_future(self) -> ManyFuture<T> {
        let order = Order::AsGiven;
        ManyFuture {
            answers: Self { order, ..self }.stream(),
            done: VecDeque::new(),
        }
    }
}

impl<T> fmt::Debug for Many<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Many")
            .field("limit", &self.limit)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

/// The future of an awaited [`Many`].
#[must_use = "futures do nothing unless awaited"]
pub struct ManyFuture<T> {
    answers: Answers<T>,
    done: VecDeque<T>,
}

impl<T> Unpin for ManyFuture<T> {}

impl<T> Future for ManyFuture<T> {
    type Output = io::Result<Vec<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        while let Some(answer) = ready!(Pin::new(&mut this.answers).poll_next(cx)) {
            match answer {
                Ok((_, output)) => this.done.push_back(output),
                Err(error) => {
                    this.answers.feed = None;
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(Ok(std::mem::take(&mut this.done).into()))
    }
}

impl<T> fmt::Debug for ManyFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManyFuture")
            .field("done", &self.done.len())
            .finish_non_exhaustive()
    }
}

/// The paths of a [`Many`] with what became of them, as they come.
///
/// An error has its path inside, and the stream goes on after it. Dropped, it
/// lets what is in flight run to its end; the rest never happens.
#[must_use = "streams do nothing unless polled"]
pub struct Answers<T> {
    /// Gone after the last answer.
    feed: Option<Box<dyn Feed<T> + Send>>,
    limit: usize,
}

impl<T> Answers<T> {
    /// The next answer; `None` after the last.
    ///
    /// # Errors
    ///
    /// The system's, with the path.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the answer is given to the next call.
    pub async fn next(&mut self) -> Option<io::Result<(PathBuf, T)>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<T> Stream for Answers<T> {
    type Item = io::Result<(PathBuf, T)>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let budget = ready!(tokio::task::coop::poll_proceed(cx));
        let Some(feed) = &mut this.feed else {
            return Poll::Ready(None);
        };
        let answer = ready!(feed.poll_answer(this.limit, cx));
        budget.made_progress();
        if answer.is_none() {
            this.feed = None;
        }
        Poll::Ready(answer)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.feed.as_ref().map_or((0, Some(0)), |feed| feed.left())
    }
}

impl<T> FusedStream for Answers<T> {
    fn is_terminated(&self) -> bool {
        self.feed.is_none()
    }
}

impl<T> fmt::Debug for Answers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers")
            .field("left", &self.size_hint())
            .finish_non_exhaustive()
    }
}

/// What an [`Answers`] holds, whatever the operation is.
trait Feed<T> {
    /// Gives work until `limit` is in flight, and takes an answer.
    fn poll_answer(
        &mut self,
        limit: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<(PathBuf, T)>>>;

    /// How many answers are to come.
    fn left(&self) -> (usize, Option<usize>);
}

struct Fed<O: Operation, I> {
    /// Gone after its end.
    input: Option<I>,
    in_flight: InFlight<O>,
}

impl<O: Operation, I: Iterator<Item = (PathBuf, O::Input)>> Feed<O::Output> for Fed<O, I> {
    fn poll_answer(
        &mut self,
        limit: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<(PathBuf, O::Output)>>> {
        let there = self.in_flight.len();
        // By halves, so that it is done many at a time.
        if there <= limit / 2
            && let Some(input) = &mut self.input
        {
            let room = limit - there;
            let more: Vec<_> = input.take(room).collect();
            if more.len() < room {
                self.input = None;
            }
            self.in_flight.give(more);
        }
        if self.input.is_none() && self.in_flight.len() == 0 {
            return Poll::Ready(None);
        }
        let (path, result) = ready!(self.in_flight.poll_answer(cx));
        Poll::Ready(Some(match result {
            Ok(output) => Ok((path, output)),
            Err(cause) => Err(PathError::new(O::VERB, &path.into(), cause).into_io()),
        }))
    }

    fn left(&self) -> (usize, Option<usize>) {
        let there = self.in_flight.len();
        let (least, most) = self.input.as_ref().map_or((0, Some(0)), I::size_hint);
        let most = most.and_then(|most| most.checked_add(there));
        (least.saturating_add(there), most)
    }
}

struct Reading;
struct Writing;
struct Looking;

impl Operation for Reading {
    type Input = ();
    type Output = Vec<u8>;
    const EFFECT: Effect = Effect::Reads;
    const VERB: &'static str = "read";

    fn perform(path: &Path, (): ()) -> Done<Self> {
        whole::read_soon(path)
            .map_or_else(|| Done::MayWait((), |path, ()| fs::read(path)), Done::Now)
    }

    fn size(content: &Vec<u8>) -> usize {
        content.len()
    }
}

impl Operation for Writing {
    type Input = Vec<u8>;
    type Output = ();
    const EFFECT: Effect = Effect::Changes;
    const VERB: &'static str = "write";

    fn perform(path: &Path, content: Vec<u8>) -> Done<Self> {
        match may_wait(path) {
            true => Done::MayWait(content, |path, content| fs::write(path, content)),
            false => Done::Now(fs::write(path, content)),
        }
    }

    fn size((): &()) -> usize {
        0
    }
}

impl Operation for Looking {
    type Input = ();
    type Output = fs::Metadata;
    const EFFECT: Effect = Effect::Reads;
    const VERB: &'static str = "stat";

    fn perform(path: &Path, (): ()) -> Done<Self> {
        Done::Now(fs::metadata(path))
    }

    fn size(metadata: &fs::Metadata) -> usize {
        size_of_val(metadata)
    }
}
