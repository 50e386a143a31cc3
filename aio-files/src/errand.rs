//! One operation on paths: its turn, its thread and its answer.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::descriptor::may_wait;
use crate::error::PathError;
use crate::offload::{self, Lane};
use crate::turnstile::{self, Claim, Effect, Ticket};

/// What is to be done to which paths. It takes its place in the order when its
/// future is polled first.
///
/// Dropped before its turn, it never happens; begun, it runs to its end.
pub(crate) struct Errand {
    verb: &'static str,
    path: Arc<Path>,
    to: Option<Arc<Path>>,
    claims: Vec<Claim>,
    effect: Effect,
}

impl Errand {
    /// Waits for earlier changes of the path, and nobody waits for it.
    pub(crate) fn reads(verb: &'static str, path: &Path) -> Self {
        Self::new(verb, path, Effect::Reads)
    }

    /// Waits for earlier changes of the path, and later operations wait for it.
    pub(crate) fn changes(verb: &'static str, path: &Path) -> Self {
        Self::new(verb, path, Effect::Changes)
    }

    /// Reads the first path and changes the second: a copy, a link. Later reads
    /// of the first don't wait for it.
    pub(crate) fn reads_and_changes(verb: &'static str, from: &Path, to: &Path) -> Self {
        let mut errand = Self::new(verb, from, Effect::Changes).to(to);
        errand.claims[0] = Claim::on(from).only_read();
        errand
    }

    fn new(verb: &'static str, path: &Path, effect: Effect) -> Self {
        Self {
            verb,
            path: path.into(),
            to: None,
            claims: vec![Claim::on(path)],
            effect,
        }
    }

    /// Claims a second path, which errors name as well.
    pub(crate) fn to(mut self, to: &Path) -> Self {
        self.to = Some(to.into());
        self.claims.push(Claim::on(to));
        self
    }

    /// Claims all that is below its paths as well.
    pub(crate) fn with_all_below(mut self) -> Self {
        self.claims = [Some(&self.path), self.to.as_ref()]
            .into_iter()
            .flatten()
            .map(|path| Claim::below(path))
            .collect();
        self
    }

    /// Claims the folders that its paths are in as well, up to the root: what
    /// removes them when they are empty.
    pub(crate) fn with_all_above(mut self) -> Self {
        let above = [Some(&self.path), self.to.as_ref()]
            .into_iter()
            .flatten()
            .flat_map(|path| path.ancestors().skip(1))
            .filter(|folder| folder.file_name().is_some())
            .map(Claim::on);
        self.claims.extend(above);
        self
    }

    /// Claims nothing: it looks at no path of the caller's.
    pub(crate) fn out_of_order(mut self) -> Self {
        self.claims.clear();
        self
    }

    /// Does the work on a shared thread.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        self.go(Patience::None, None, drop, work).await
    }

    /// The same for work whose answer matters also when nobody takes it: then
    /// `clear` does on a job's thread what is to be done, and `drained` waits for
    /// that.
    pub(crate) async fn run_accounted<T: Send + 'static>(
        self,
        clear: fn(T),
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let escort = turnstile::begun(None);
        self.go(Patience::None, Some(escort), clear, work).await
    }

    /// The same for work that stands still at a FIFO or a device until another
    /// process comes: it gets a thread of its own there, and nobody waits behind it.
    pub(crate) async fn run_even_at_a_fifo<T: Send + 'static>(
        self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        self.go(Patience::AtFifos, None, drop, work).await
    }

    async fn go<T: Send + 'static>(
        self,
        patience: Patience,
        escort: Option<Ticket>,
        clear: fn(T),
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let path = Arc::clone(&self.path);
        let to = self.to.clone();
        let (reply, answer) = oneshot::channel();
        turnstile::enter(self.claims, self.effect, move |ticket| {
            offload::submit(Lane::Shared, move || {
                if reply.is_closed() {
                    drop(work);
                    drop(escort);
                    return;
                }
                let waits = || may_wait(&path) || to.is_some_and(|to| may_wait(&to));
                if patience == Patience::AtFifos && waits() {
                    drop(ticket);
                    offload::submit(Lane::Alone, move || drop(reply.send(work(&path))));
                    return;
                }
                let done = work(&path);
                // Whoever is answered finds nothing of it left.
                drop(ticket);
                if let Err(Ok(unclaimed)) = reply.send(done) {
                    clear(unclaimed);
                }
                drop(escort);
            });
        });
        let mut answer = Answer { answer, clear };
        let answer = (&mut answer.answer).await;
        let answer = answer.unwrap_or_else(|_| Err(offload::lost()));
        answer.map_err(|cause| named(self.verb, &self.path, self.to.as_ref(), cause))
    }
}

/// What a job gives, until somebody takes it. If nobody does, it is cleared away
/// on a job's thread: it may have files to close. `drained` waits for that.
struct Answer<T: Send + 'static> {
    answer: oneshot::Receiver<io::Result<T>>,
    clear: fn(T),
}

impl<T: Send + 'static> Drop for Answer<T> {
    fn drop(&mut self) {
        self.answer.close();
        if let Ok(Ok(unclaimed)) = self.answer.try_recv() {
            let (clear, ticket) = (self.clear, turnstile::begun(None));
            offload::submit(Lane::Shared, move || {
                clear(unclaimed);
                drop(ticket);
            });
        }
    }
}

/// Whether the work is one that waits for another process at a FIFO.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    None,
    AtFifos,
}

fn named(
    verb: &'static str,
    path: &Arc<Path>,
    to: Option<&Arc<Path>>,
    cause: io::Error,
) -> io::Error {
    // What has its path already, such as that of an entry below, keeps it.
    if PathError::of(&cause).is_some() {
        return cause;
    }
    let error = PathError::new(verb, path, cause);
    match to {
        Some(to) => error.and_to(to).into_io(),
        None => error.into_io(),
    }
}
