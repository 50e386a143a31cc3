//! Commits of other processes, and of other connections to the same file.
//!
//! SQLite tells nobody of them. But each writes to the write-ahead log, which
//! the operating system notices, and then `PRAGMA data_version` says whether
//! that was a commit, and somebody else's.
//!
//! The write comes before the commit is visible, so asking at once could be too
//! early, and nothing would say when to ask again. Hence it is asked with the
//! lock for writing held: whoever wrote has committed by then, or will write
//! again. The lock is taken for some microseconds, after a write and when the
//! watch begins, since a commit may have been written before that and not be
//! visible yet.

use std::io::{self, ErrorKind::Unsupported};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::error::{Error, Result};
use crate::handoff::Inbox;
use crate::link::Link;
use crate::op::{OnLimit, Reply, shielded};
use crate::options::Access;
use crate::selects::Reads;
use crate::touched::{Touched, Watching};
use crate::turn::Scope;
use crate::work::{Message, Work};
use crate::worker::Worker;

/// How long the lock's holder is left alone where the busy timeout is shorter.
const PAUSE: Duration = Duration::from_millis(10);

/// Watches the write-ahead log of a database until it is dropped.
pub(crate) struct Foreign {
    _watcher: RecommendedWatcher,
}

impl Foreign {
    /// Begins to watch the log of the database that the link is open on.
    pub(crate) fn start(link: &Link) -> Result<Foreign> {
        let bell = Arc::new(Bell {
            inbox: link.inbox().clone(),
            rung: AtomicBool::new(false),
            waits: Mutex::default(),
        });
        let log = log_of(link.path());
        // Who can't take the lock for writing can't ask.
        if link.access() == Access::ReadOnly {
            let source = io::Error::new(Unsupported, "the database is read-only");
            return Err(Error::Watch { path: log, source });
        }
        let failed = |path: &Path, error: notify::Error| Error::Watch {
            path: path.to_owned(),
            source: match error.kind {
                ErrorKind::Io(source) => source,
                other => io::Error::other(notify::Error::new(other)),
            },
        };
        let rope = bell.clone();
        let noticed = move |event: notify::Result<Event>| {
            // An error may stand for events that were lost.
            if event.map_or(true, |event| is_write(event.kind)) {
                rope.ring();
            }
        };
        let mut watcher = RecommendedWatcher::new(noticed, Config::default())
            .map_err(|error| failed(&log, error))?;
        watcher
            .watch(&log, RecursiveMode::NonRecursive)
            .map_err(|error| failed(&log, error))?;
        bell.ring();
        Ok(Foreign { _watcher: watcher })
    }
}

/// The log stands beside the file itself, wherever a link to that stands.
fn log_of(path: &Path) -> PathBuf {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut log = real.into_os_string();
    log.push("-wal");
    log.into()
}

fn is_write(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(_))
}

/// Asks the writer's worker to look, once for however many events.
struct Bell {
    inbox: Arc<Inbox<Message>>,
    /// It has been asked and has not begun to look.
    rung: AtomicBool,
    /// An operation runs while somebody waits for it.
    waits: Mutex<Option<Reply<()>>>,
}

impl Bell {
    fn ring(self: &Arc<Bell>) {
        if self.rung.swap(true, Ordering::AcqRel) {
            return;
        }
        let bell = self.clone();
        let look = move |worker: &mut Worker| {
            bell.rung.store(false, Ordering::Release);
            // Whoever waited for the last look does no more by now.
            let looked = shielded(|| worker.look_abroad());
            if matches!(&looked, Err(error) if error.is_locked()) {
                thread::sleep(PAUSE);
                bell.ring();
            }
            looked
        };
        let (work, reply) = Work::ask(Scope::Root, Reads::Alone, None, OnLimit::Stop, look);
        // Held before the look can begin: it may ring too, and nobody may take
        // the place of a later one.
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        if self.inbox.submit(Message::Work(work)).is_ok() {
            let before = waits.replace(reply);
            drop(waits);
            drop(before);
        }
    }
}

impl Worker {
    /// Tells the observers if anybody else has committed.
    fn look_abroad(&mut self) -> Result<()> {
        let Some(observers) = self.observers.clone() else {
            return Ok(());
        };
        if observers.want() == Watching::Nothing || !self.engine.sees_another_commit()? {
            return Ok(());
        }
        let all = match observers.want() {
            Watching::Rows => self.engine.tables(),
            _ => Vec::new(),
        };
        observers.publish(&Touched::everything(), &all);
        Ok(())
    }
}
