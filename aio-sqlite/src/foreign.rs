//! Commits of other processes, and of other connections to the same file.
//!
//! SQLite tells nobody of them. But each writes to the write-ahead log, which
//! the operating system notices, and then `PRAGMA data_version` says whether
//! that was a commit, and somebody else's. What notices is here; the worker asks
//! (`abroad`), after a write and when the watch begins, since a commit may have
//! been written before that and not be visible yet.

use std::io::{self, ErrorKind::Unsupported};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::bell::Bell;
use crate::error::{Error, Result};
use crate::handoff::Inbox;
use crate::link::Link;
use crate::options::Access;
use crate::work::Message;

/// Watches the write-ahead log of a database until it is dropped.
pub(crate) struct Foreign {
    rope: Rope,
    _watcher: RecommendedWatcher,
}

impl Foreign {
    /// Begins to watch the log of the database that the link is open on.
    pub(crate) fn start(link: &Link) -> Result<Foreign> {
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
        let rope = Rope {
            bell: Arc::new(Bell::new(log.clone())),
            inbox: link.inbox().clone(),
        };
        let noticing = rope.clone();
        let noticed = move |event: notify::Result<Event>| {
            // An error may stand for events that were lost.
            if event.map_or(true, |event| is_write(event.kind)) {
                noticing.pull();
            }
        };
        let mut watcher = RecommendedWatcher::new(noticed, Config::default())
            .map_err(|error| failed(&log, error))?;
        watcher
            .watch(&log, RecursiveMode::NonRecursive)
            .map_err(|error| failed(&log, error))?;
        rope.pull();
        Ok(Foreign {
            rope,
            _watcher: watcher,
        })
    }

    /// Has it looked whether anybody else has committed.
    pub(crate) fn look(&self) {
        self.rope.pull();
    }
}

/// Has the writer's worker look, once for however many events.
#[derive(Clone)]
struct Rope {
    bell: Arc<Bell>,
    inbox: Arc<Inbox<Message>>,
}

impl Rope {
    fn pull(&self) {
        if self.bell.ring() {
            // Also while a close waits, which may be given up. A worker that has
            // gone has said so to those who observe.
            let _ = self.inbox.deliver(Message::Rung(self.bell.clone()));
        }
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
