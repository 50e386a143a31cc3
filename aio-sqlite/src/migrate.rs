//! Migrations: the steps that bring a database file to the schema that the
//! program expects.
//!
//! The file's version is its [`user_version`], a number in its header that
//! SQLite keeps for applications: 0 in a new file, and `n` after the first `n`
//! steps. Each step runs in a transaction of its own together with the change of
//! that number, so a program that is killed at any moment leaves the file before
//! or after a step, never in one.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> aio_sqlite::Result<()> {
//! const MIGRATIONS: &[&str] = &[
//!     "CREATE TABLE messages(id INTEGER PRIMARY KEY, body TEXT)",
//!     "ALTER TABLE messages ADD COLUMN sender TEXT",
//! ];
//!
//! let db = aio_sqlite::connect(":memory:").migrations(MIGRATIONS).await?;
//! db.execute("INSERT INTO messages(sender, body) VALUES ('Bob', 'hi')", ()).await?;
//! # db.close().await
//! # }
//! ```
//!
//! A list only grows: a step that was released is never changed, reordered or
//! taken out. A file that has seen more steps than the list has is refused with
//! [`Error::SchemaVersion`]; going back is not offered.
//!
//! # Several programs at once
//!
//! A step begins with the lock for writing, and then looks again at the version:
//! of several processes that open a file at the same time one runs the step, and
//! the others wait for it, up to their busy timeout, and go on behind it. A file
//! that is up to date is only read.
//!
//! # Foreign keys
//!
//! They are enforced as on any other connection, and `PRAGMA foreign_keys` does
//! nothing inside a transaction, which every step is in. A step that breaks
//! references on its way begins with `PRAGMA defer_foreign_keys = ON`; then they
//! are checked when it is committed. So a table that others refer to is made
//! anew by keeping its rows aside:
//!
//! ```sql
//! PRAGMA defer_foreign_keys = ON;
//! CREATE TABLE kept AS SELECT * FROM parent;
//! DROP TABLE parent;
//! CREATE TABLE parent(id INTEGER PRIMARY KEY, name NOT NULL);
//! INSERT INTO parent SELECT * FROM kept;
//! DROP TABLE kept;
//! ```
//!
//! To make the new table first and rename it is not enough: SQLite mends the
//! count of broken references when rows are inserted, not when a table is
//! renamed. And `DROP TABLE` deletes the rows, so that what refers to them with
//! `ON DELETE CASCADE` goes along. For such steps open the file with
//! [`ForeignKeys::Ignored`](crate::options::ForeignKeys::Ignored).
//!
//! [`user_version`]: https://www.sqlite.org/pragma.html#pragma_user_version

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

/// For implementations of [`Migration`].
pub use async_trait::async_trait;
use rusqlite::ffi::SQLITE_CONSTRAINT_COMMITHOOK;

use crate::error::{Error, Result, excerpt};
use crate::level::Level;
use crate::link::Place;
use crate::op::{Limit, OnLimit, Op, Reply};
use crate::transaction::Transaction;
use crate::turn::Holder;
use crate::worker::Worker;

/// A migration that is more than SQL: it may read, compute and write.
///
/// ```
/// use aio_sqlite::Transaction;
/// use aio_sqlite::migrate::{Migration, Migrations, async_trait};
///
/// struct Initials;
///
/// #[async_trait]
/// impl Migration for Initials {
///     async fn run(&self, tx: &mut Transaction) -> aio_sqlite::Result<()> {
///         let names: Vec<(i64, String)> = tx.query_as("SELECT id, name FROM users", ()).await?;
///         let rows = names.into_iter().map(|(id, name)| (id, name.chars().next().map(String::from)));
///         tx.execute_many("UPDATE users SET initial = ?2 WHERE id = ?1", rows).await?;
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> aio_sqlite::Result<()> {
/// let migrations = Migrations::new()
///     .sql("CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users(name) VALUES ('Bob')")
///     .sql("ALTER TABLE users ADD COLUMN initial TEXT")
///     .step(Initials);
/// let db = aio_sqlite::connect(":memory:").migrations(migrations).await?;
/// assert_eq!(db.query_as::<String>("SELECT initial FROM users", ()).one().await?, "B");
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Migration: Send + Sync + 'static {
    /// Brings the database one version further, inside a transaction that is
    /// committed together with the new version when this returns Ok.
    ///
    /// A `COMMIT` of its own fails and undoes the step.
    ///
    /// # Errors
    ///
    /// Any error undoes the step and ends the opening of the database.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropped at any moment, the step is undone.
    async fn run(&self, tx: &mut Transaction) -> Result<()>;

    /// Returns what the step is called in an error; the name of its type where
    /// it doesn't say.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }
}

/// The steps from an empty file to the schema of today, in order.
///
/// Lists of SQL texts can be given in its place: `[&str; N]`, `Vec<String>` and
/// `&'static [&'static str]`.
#[derive(Clone, Default)]
pub struct Migrations {
    steps: Vec<Step>,
}

#[derive(Clone)]
enum Step {
    Sql(Arc<str>),
    Code(Arc<dyn Migration>),
}

impl Migrations {
    /// No step yet.
    pub fn new() -> Migrations {
        Migrations::default()
    }

    /// Adds a step in SQL, of any number of statements.
    ///
    /// It can't begin or end transactions.
    #[must_use = "it returns the longer list"]
    pub fn sql<'s>(mut self, sql: impl Into<Cow<'s, str>>) -> Migrations {
        let sql: Cow<'s, str> = sql.into();
        self.steps.push(Step::Sql(sql.into()));
        self
    }

    /// Adds a step in Rust.
    #[must_use = "it returns the longer list"]
    pub fn step(mut self, step: impl Migration) -> Migrations {
        self.steps.push(Step::Code(Arc::new(step)));
        self
    }
}

impl fmt::Debug for Migrations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.steps.iter().map(Step::name);
        f.debug_list().entries(names).finish()
    }
}

impl<'s, S: Into<Cow<'s, str>>, const N: usize> From<[S; N]> for Migrations {
    fn from(texts: [S; N]) -> Migrations {
        texts.into_iter().fold(Migrations::new(), Migrations::sql)
    }
}

impl<'s, S: Into<Cow<'s, str>>> From<Vec<S>> for Migrations {
    fn from(texts: Vec<S>) -> Migrations {
        texts.into_iter().fold(Migrations::new(), Migrations::sql)
    }
}

impl From<&[&str]> for Migrations {
    fn from(texts: &[&str]) -> Migrations {
        texts
            .iter()
            .copied()
            .fold(Migrations::new(), Migrations::sql)
    }
}

impl Step {
    fn name(&self) -> String {
        match self {
            Step::Sql(sql) => excerpt(sql),
            Step::Code(step) => step.name().to_owned(),
        }
    }
}

/// Whether a step has been run, or by somebody else meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ran {
    Here,
    Elsewhere,
}

/// Brings the database of a connection to its newest version. A step that fails
/// leaves the connection fit for nothing but to be closed.
pub(crate) async fn migrate(
    place: &Place,
    migrations: &Migrations,
    limit: Option<Limit>,
) -> Result<()> {
    let steps = &migrations.steps;
    loop {
        let look = |worker: &mut Worker| worker.engine.user_version();
        let link = &place.link;
        let version = link.run(place.scope, limit, OnLimit::Stop, look).await?;
        let done = usize::try_from(version).ok();
        let Some(done) = done.filter(|done| *done <= steps.len()) else {
            return Err(Error::SchemaVersion {
                found: version,
                newest: steps.len(),
            });
        };
        let Some(step) = steps.get(done) else {
            return Ok(());
        };
        // Whether it has run here or elsewhere, the file is further than it was.
        let _: Ran = step
            .run(place, version, limit)
            .await
            .map_err(|source| Error::Migration {
                number: done + 1,
                step: step.name(),
                source: Box::new(explained(source)),
            })?;
    }
}

impl Step {
    /// Runs the step that follows a version, unless the file has left it.
    async fn run(&self, place: &Place, version: i64, limit: Option<Limit>) -> Result<Ran> {
        let level = Level::inside(place, Holder::Guard);
        match self {
            Step::Sql(sql) => {
                let scope = level.place().scope;
                let sql = sql.clone();
                let work = move |worker: &mut Worker| {
                    if begin(worker, version)? == Ran::Elsewhere {
                        return Ok(Ran::Elsewhere);
                    }
                    worker.engine.execute_script(&sql, scope)?;
                    end(worker, version)?;
                    Ok(Ran::Here)
                };
                level.whole(BEGIN, limit, work).await
            }
            Step::Code(step) => {
                let work = move |worker: &mut Worker| begin(worker, version);
                if level.open(BEGIN, limit, work).await? == Ran::Elsewhere {
                    level.roll_back().await?;
                    return Ok(Ran::Elsewhere);
                }
                let mut transaction = Transaction::new(level);
                let outcome = within(limit, step.name(), step.run(&mut transaction)).await;
                if let Err(error) = outcome {
                    // The step's error is the answer; nothing may be left of it.
                    let _ = transaction.rollback().await;
                    return Err(error);
                }
                let level = transaction.into_level();
                let work = move |worker: &mut Worker| {
                    worker.end_flows(|_| true, "the end of its migration");
                    end(worker, version)
                };
                level.commit(limit, work).await?;
                Ok(Ran::Here)
            }
        }
    }
}

/// Only who holds the lock for writing knows which version it is.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// Looks at the version again, and lets the step not commit by itself.
fn begin(worker: &mut Worker, version: i64) -> Result<Ran> {
    if worker.engine.user_version()? != version {
        return Ok(Ran::Elsewhere);
    }
    worker.engine.seal()?;
    Ok(Ran::Here)
}

/// Puts the new version beside what the step did.
fn end(worker: &mut Worker, version: i64) -> Result<()> {
    worker.engine.set_user_version(version + 1)?;
    worker.engine.break_seal()
}

/// Waits for code of the caller's no longer than the limit.
async fn within<T>(
    limit: Option<Limit>,
    name: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    // An operation that is never sent: its reply is the passing of the limit.
    let mut expiry = limit.map(|limit| Reply::<()>::new(Op::new(Some(limit), OnLimit::Stop)));
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
            return Poll::Ready(outcome);
        }
        match (expiry.as_mut().map(|reply| Pin::new(reply).poll(cx)), limit) {
            (Some(Poll::Ready(_)), Some(limit)) => Poll::Ready(Err(Error::TimedOut {
                limit: limit.length,
                sql: Some(name.to_owned()),
            })),
            _ => Poll::Pending,
        }
    })
    .await
}

/// Says in words what SQLite means by a constraint where the seal is broken.
fn explained(error: Error) -> Error {
    match error {
        Error::Sqlite { sql, source }
            if source
                .sqlite_error()
                .is_some_and(|error| error.extended_code == SQLITE_CONSTRAINT_COMMITHOOK) =>
        {
            let reason = format!("a migration can't commit by itself: {sql}");
            Error::Aborted {
                reason: reason.into(),
            }
        }
        other => other,
    }
}
