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
//!
//! While somebody else has the lock, it is asked without it, again and again:
//! whoever writes one transaction behind the other never gives it away for long.

use std::io::{self, ErrorKind::Unsupported};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::error::{Error, Result};
use crate::handlers::busy_pause;
use crate::handoff::Inbox;
use crate::link::Link;
use crate::observers::Observers;
use crate::options::Access;
use crate::touched::{Touched, Watching};
use crate::work::Message;
use crate::worker::Worker;

/// After so long it is looked again, where that has failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Watches the write-ahead log of a database until it is dropped.
pub(crate) struct Foreign {
    bell: Arc<Bell>,
    _watcher: RecommendedWatcher,
}

impl Foreign {
    /// Begins to watch the log of the database that the link is open on.
    pub(crate) fn start(link: &Link) -> Result<Foreign> {
        let log = log_of(link.path());
        let bell = Arc::new(Bell {
            inbox: link.inbox().clone(),
            log: log.clone(),
            rung: AtomicBool::new(false),
        });
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
        Ok(Foreign {
            bell,
            _watcher: watcher,
        })
    }

    /// Has it looked whether anybody else has committed.
    pub(crate) fn look(&self) {
        self.bell.ring();
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
pub(crate) struct Bell {
    inbox: Arc<Inbox<Message>>,
    log: PathBuf,
    /// It has been asked and has not begun to look.
    rung: AtomicBool,
}

impl Bell {
    fn ring(self: &Arc<Bell>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // Also while a close waits, which may be given up. A worker that has
            // gone has said so to those who observe.
            let _ = self.inbox.deliver(Message::Rung(self.clone()));
        }
    }
}

/// A look that is to be taken.
pub(crate) struct Due {
    bell: Arc<Bell>,
    at: Instant,
    /// How often the lock was somebody else's.
    attempt: i32,
    /// The last look failed.
    blind: bool,
}

impl Worker {
    /// Somebody else may have committed. Nobody waits for the look, so that it
    /// ends no transaction that is open, and is not refused behind one.
    pub(crate) fn rung(&mut self, bell: Arc<Bell>) {
        match &mut self.due {
            Some(due) if Arc::ptr_eq(&due.bell, &bell) => {}
            // One of both is of a watch that is over.
            Some(due) => {
                let before = std::mem::replace(&mut due.bell, bell);
                before.rung.store(false, Ordering::Release);
            }
            none => {
                *none = Some(Due {
                    bell,
                    at: Instant::now(),
                    attempt: 0,
                    blind: false,
                });
            }
        }
    }

    /// When to look, where nothing is in the way.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        let due = self.due.as_ref().filter(|_| self.turn.is_free());
        due.map(|due| due.at)
    }

    /// Tells the observers if anybody else has committed, when it is time to
    /// look.
    pub(crate) fn look_abroad(&mut self) {
        if self.next_look().is_none_or(|at| at > Instant::now()) {
            return;
        }
        let Some((mut due, observers)) = self.due.take().zip(self.observers.clone()) else {
            return;
        };
        due.bell.rung.swap(false, Ordering::AcqRel);
        if observers.want() == Watching::Nothing {
            return;
        }
        let (settled, pause) = match self.engine.look_abroad() {
            Ok(abroad) => {
                if abroad.committed || due.blind {
                    self.tell_of_others(&observers);
                }
                due.blind = false;
                due.attempt = due.attempt.saturating_add(1);
                (abroad.settled, busy_pause(due.attempt - 1))
            }
            Err(error) => {
                let path = due.bell.log.clone();
                let source = io::Error::other(error);
                observers.fail(&Error::Watch { path, source });
                due.blind = true;
                due.attempt = 0;
                (false, AGAIN)
            }
        };
        if !settled {
            // What is noticed until then needs no look of its own.
            due.bell.rung.store(true, Ordering::Release);
            due.at = Instant::now() + pause;
            self.due = Some(due);
        }
    }

    fn tell_of_others(&self, observers: &Observers) {
        let all = match observers.want() {
            Watching::Rows => self.engine.tables(),
            _ => Vec::new(),
        };
        observers.publish(&Touched::everything(), &all);
        observers.see();
    }
}
