//! What SQLite calls back while it works on a connection.

use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::hooks::{Action, AuthContext};
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use crate::authorizer;
use crate::budget;
use crate::op::current_must_stop;
use crate::options::Ownership;
use crate::reads;
use crate::recorder::{self, Role};
use crate::touched::Watching;

/// How many instructions of SQLite's machine run between two looks at the
/// token: some 10 µs.
const STEPS_BETWEEN_LOOKS: i32 = 1000;

/// The handlers of a connection: how they are installed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handlers {
    pub(crate) busy_timeout: Duration,
    pub(crate) ownership: Ownership,
    pub(crate) role: Role,
}

impl Handlers {
    /// Makes SQLite ask the running operation's token, both while it computes
    /// and while it waits for another connection's lock.
    ///
    /// `sqlite3_interrupt` would do neither well: it doesn't end a busy wait,
    /// and it hits whatever runs on the connection when it arrives.
    ///
    /// On a connection that is one of several, statements are looked at too.
    pub(crate) fn install(self, connection: &mut Connection) -> rusqlite::Result<()> {
        let must_stop = || current_must_stop() || budget::is_spent();
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(must_stop))?;
        let mut waiting_since = Instant::now();
        connection.busy_handler(Some(move |attempt| {
            if attempt == 0 {
                waiting_since = Instant::now();
            }
            if must_stop() || waiting_since.elapsed() >= self.busy_timeout {
                return false;
            }
            thread::sleep(busy_pause(attempt));
            true
        }))?;
        if self.ownership == Ownership::Shared {
            connection.authorizer(Some(|context: AuthContext<'_>| {
                recorder::saw(&context);
                authorizer::authorize(context)
            }))?;
            connection.commit_hook(Some(|| {
                let refused = authorizer::refuse_commit();
                if !refused {
                    recorder::committing();
                }
                refused
            }))?;
            if self.role == Role::Writes {
                connection.rollback_hook(Some(recorder::rolled_back))?;
            }
        }
        Ok(())
    }

    /// Installs what costs time for each row and statement, or takes it away.
    pub(crate) fn watch(connection: &mut Connection, wanted: Watching) -> rusqlite::Result<()> {
        let statements = TraceEventCodes::SQLITE_TRACE_STMT;
        if wanted == Watching::Nothing {
            connection.update_hook(None::<fn(Action, &str, &str, i64)>)?;
            return connection.trace_v2(statements, None::<fn(TraceEvent<'_>)>);
        }
        connection.update_hook(Some(recorder::row))?;
        let traced = |event: TraceEvent<'_>| {
            reads::traced(&event);
            recorder::traced(&event);
        };
        connection.trace_v2(statements, Some(traced))
    }
}

/// How long to leave the lock's holder alone: short at first, since most locks
/// are, and never longer than a caller who has gone should be kept.
pub(crate) fn busy_pause(attempt: i32) -> Duration {
    const MILLISECONDS: [u64; 5] = [1, 1, 2, 5, 10];
    let index = usize::try_from(attempt).unwrap_or(usize::MAX);
    Duration::from_millis(MILLISECONDS[index.min(MILLISECONDS.len() - 1)])
}
