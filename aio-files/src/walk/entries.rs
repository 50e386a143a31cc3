//! The entries of a walk as a stream.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use std::vec;

use futures_core::{FusedStream, Stream};

use super::Options;
use super::descent::{Descent, Skip};
use super::entry::{Entry, Skips};
use super::item::{Item, Step};
use crate::ahead::{Ahead, Source};
use crate::error::PathError;
use crate::fairness::Fairness;
use crate::turnstile::Claim;

/// How many batches wait for the consumer at most.
const DEPTH: usize = 4;
/// How many entries the first batch has at most, so that it comes soon, and how
/// many the largest. Each has twice as many as the one before.
const FIRST: usize = 16;
const LARGEST: usize = 1024;
/// The most bytes of paths in a batch, but for the last path.
const BYTES: usize = 256 * 1024;
/// How long a batch may take to which there is something already, and one that
/// is empty: the latter is given so that a consumer that has gone is noticed.
const PATIENCE: Duration = Duration::from_millis(2);
const EMPTY: Duration = Duration::from_millis(20);
/// After how many steps the clock is looked at.
const STEPS: u32 = 16;

/// The stream of [`Walk::stream`](super::Walk::stream): entries, and an error for
/// each thing that couldn't be looked at.
///
/// At most five batches are ahead of the consumer, each of 1024 entries or
/// 256 KiB of paths at most.
///
/// # Cancel safety
///
/// Cancel safe: what [`next`](Self::next) hasn't given stays. Dropped, the walk
/// ends after a batch, and its folders are closed on another thread.
#[must_use = "streams do nothing unless polled"]
pub struct Entries {
    root: Arc<Path>,
    ahead: Ahead<Walking>,
    batch: vec::IntoIter<Item>,
    skip: Skip,
    /// Where the entry that was given last is.
    last: Option<Last>,
    /// What has at least this depth belongs to a folder that is left out.
    left_out: Option<usize>,
    fairness: Fairness,
    ended: bool,
}

/// Which folder is left out after an entry: the entry itself, or the one it is in.
#[derive(Clone, Copy, Debug)]
struct Last {
    folder: u64,
    /// The depth of what is in that folder.
    contents: usize,
}

impl Entries {
    pub(super) fn new(root: Arc<Path>, options: Options) -> Self {
        let skip = Skip::default();
        let claims = vec![Claim::below(&root)];
        let walking = Walking {
            descent: Descent::new(Arc::clone(&root), options, skip.clone()),
            most: FIRST,
        };
        Self {
            root,
            ahead: Ahead::new(walking, DEPTH, claims),
            batch: Vec::new().into_iter(),
            skip,
            last: None,
            left_out: None,
            fairness: Fairness::default(),
            ended: false,
        }
    }

    /// The next entry, or what couldn't be looked at; `None` at the end.
    ///
    /// After an error the walk goes on. That is so of every error but those of the
    /// root and of a closure that panics, which are the last.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an entry that wasn't given comes next time.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// let mut entries = aio_files::walk(folder.path()).stream();
    /// while let Some(entry) = entries.next().await {
    ///     match entry {
    ///         Ok(entry) => println!("{}", entry.path().display()),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<io::Result<Entry>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Leaves out what is in the folder that was given last; after another entry,
    /// what is left of the folder that it is in.
    ///
    /// With [`contents_first`](super::Walk::contents_first) a folder that is given
    /// has been walked, so that it is the one around it that is left.
    ///
    /// Nothing that was left out is given. Some of it may have been read: the walk
    /// is ahead. [`filter_entry`](super::Walk::filter_entry) decides before that.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::create_dir_all(folder.path().join("target/debug"))?;
    /// let mut entries = aio_files::walk(folder.path()).stream();
    /// while let Some(entry) = entries.next().await.transpose()? {
    ///     if entry.file_name() == "target" {
    ///         entries.skip_current_dir();
    ///     }
    ///     assert_ne!(entry.file_name(), "debug");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn skip_current_dir(&mut self) {
        if let Some(last) = self.last {
            self.skip.ask(last.folder);
            self.left_out = Some(last.contents);
        }
    }

    /// False if the item is of a folder that is left out.
    fn takes(&mut self, item: &Item) -> bool {
        match self.left_out {
            Some(depth) if item.depth >= depth => false,
            _ => {
                self.left_out = None;
                true
            }
        }
    }
}

impl Stream for Entries {
    type Item = io::Result<Entry>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Entry>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        // A walk can be ahead for long: without this, other tasks would wait.
        ready!(this.fairness.poll_pay(cx));
        loop {
            while let Some(item) = this.batch.next() {
                if !this.takes(&item) {
                    continue;
                }
                if let Ok(entry) = &item.result {
                    this.last = Some(Last::of(entry));
                }
                this.fairness.large_item();
                return Poll::Ready(Some(item.result));
            }
            let Poll::Ready(batch) = this.ahead.poll_next(cx) else {
                this.fairness.paused();
                return Poll::Pending;
            };
            match batch {
                Some(Ok(batch)) => this.batch = batch.into_iter(),
                Some(Err(cause)) => {
                    this.ended = true;
                    let error = PathError::new("walk", &this.root, cause);
                    return Poll::Ready(Some(Err(error.into_io())));
                }
                None => {
                    this.ended = true;
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match (self.ended, self.left_out) {
            (true, _) => (0, Some(0)),
            (false, None) => (self.batch.len(), None),
            // Those that wait may be left out.
            (false, Some(_)) => (0, None),
        }
    }
}

impl FusedStream for Entries {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("root", &self.root)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Last {
    fn of(entry: &Entry) -> Self {
        Self {
            folder: entry.folder,
            contents: entry.depth + usize::from(entry.skips == Skips::Contents),
        }
    }
}

/// The walk on a job's thread.
struct Walking {
    descent: Descent,
    most: usize,
}

impl Source for Walking {
    type Batch = Vec<Item>;

    fn next_batch(&mut self) -> Option<Vec<Item>> {
        let begun = Instant::now();
        let mut batch = Vec::with_capacity(self.most);
        let mut bytes = 0;
        let mut steps = 0;
        while batch.len() < self.most && bytes < BYTES {
            match self.descent.step() {
                Step::Found(item) => {
                    bytes += item
                        .result
                        .as_ref()
                        .map_or(0, |entry| entry.path.as_os_str().len());
                    batch.push(item);
                }
                Step::Went => {}
                Step::End if batch.is_empty() => return None,
                Step::End => break,
            }
            steps += 1;
            if steps % STEPS == 0 {
                let patience = match batch.is_empty() {
                    true => EMPTY,
                    false => PATIENCE,
                };
                if begun.elapsed() > patience {
                    break;
                }
            }
        }
        self.most = (self.most * 2).min(LARGEST);
        Some(batch)
    }
}
