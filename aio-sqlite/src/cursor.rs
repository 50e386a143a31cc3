//! A statement that is half read, beside the connection that it borrows.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{CachedStatement, Connection, ErrorCode, Rows, Statement};
use self_cell::{MutBorrow, self_cell};

use crate::chunk::{Buffers, Chunk};
use crate::columns::{Columns, Headings};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::recorder::{self, Noted};
use crate::unfit::{refuse_empty, refuse_text};
use crate::wakes;

self_cell!(
    /// A statement out of the connection's cache; dropping it puts it back.
    struct Prepared {
        owner: Rc<Connection>,
        #[covariant]
        dependent: CachedStatement,
    }
);

self_cell!(
    /// A statement with its parameters bound, stepping through its rows.
    pub(crate) struct Stepping {
        owner: MutBorrow<Prepared>,
        #[not_covariant]
        dependent: Rows,
    }
);

/// The rows of a running statement.
pub(crate) trait Steps {
    fn with_rows<T>(&mut self, work: impl FnOnce(&mut Rows<'_>) -> T) -> T;
}

impl Steps for Stepping {
    fn with_rows<T>(&mut self, work: impl FnOnce(&mut Rows<'_>) -> T) -> T {
        self.with_dependent_mut(|_, rows| work(rows))
    }
}

impl Steps for Rows<'_> {
    fn with_rows<T>(&mut self, work: impl FnOnce(&mut Rows<'_>) -> T) -> T {
        work(self)
    }
}

/// A running statement: one that is left half read, or the rows of one that is
/// run to its end at once.
pub(crate) struct Cursor<S = Stepping> {
    sql: Arc<str>,
    steps: S,
    columns: Arc<Columns>,
    wrote: Wrote,
}

/// Knows whether a statement that says it was interrupted had written all the
/// same: SQLite asks once more whether to go on when the work is done.
struct Wrote {
    connection: Rc<Connection>,
    readonly: bool,
    total_changes: u64,
    /// Dropped behind the statement itself, which has ended by then.
    noted: Option<Noted>,
}

impl Wrote {
    fn new(connection: &Rc<Connection>, readonly: bool, sql: &Arc<str>) -> Wrote {
        Wrote {
            connection: connection.clone(),
            readonly,
            total_changes: connection.total_changes(),
            noted: match readonly {
                true => None,
                false => Noted::new(connection, sql),
            },
        }
    }

    /// The statement has run to its end.
    fn is_whole(&mut self) {
        if let Some(noted) = &mut self.noted {
            noted.succeeded();
        }
    }

    /// A write that was rolled back has set the count of its own changes to 0.
    /// What its triggers wrote stays in the total, so the total alone says only
    /// that the count is this statement's.
    fn is_done(&self, error: &rusqlite::Error) -> bool {
        error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
            && !self.readonly
            && self.connection.changes() > 0
            && self.connection.total_changes() != self.total_changes
    }
}

/// What comes after a chunk.
pub(crate) enum After {
    /// There may be more rows.
    More,
    /// The statement has run to its end.
    End,
    /// The statement failed behind the chunk's rows.
    Failed(Error),
}

/// How much goes into one chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    /// How long it may take, about.
    pub(crate) time: Option<Duration>,
}

/// Looks at the clock so seldom that fast rows don't notice, and so often that
/// slow ones don't overrun by much.
struct Slice {
    began: Instant,
    length: Duration,
    look_at: usize,
}

impl Slice {
    fn is_over(&mut self, rows: usize) -> bool {
        if rows < self.look_at {
            return false;
        }
        let spent = self.began.elapsed();
        let Some(left) = self.length.checked_sub(spent) else {
            return true;
        };
        let a_row = spent.as_nanos() / rows.max(1) as u128 + 1;
        let more = left.as_nanos() / a_row / 2;
        self.look_at = rows + usize::try_from(more.clamp(1, 256)).unwrap_or(1);
        false
    }
}

impl Cursor {
    /// Prepares a statement and binds its parameters; nothing has run yet.
    pub(crate) fn open(
        connection: &Rc<Connection>,
        headings: &Headings,
        sql: Arc<str>,
        params: &Params,
    ) -> Result<Cursor> {
        let known = known(headings, &sql)?;
        recorder::prepares();
        let mut prepared = Prepared::try_new(connection.clone(), |connection| {
            let prepared = connection.prepare_cached(&sql);
            prepared.map_err(|source| Error::sqlite(&sql, source))
        })?;
        let (columns, readonly) = prepared.with_dependent_mut(|_, statement| {
            make_ready(statement, known, headings, &sql, params)
        })?;
        let steps = Stepping::new(MutBorrow::new(prepared), |prepared| {
            prepared
                .borrow_mut()
                .with_dependent_mut(|_, statement| statement.raw_query())
        });
        Ok(Cursor {
            columns,
            wrote: Wrote::new(connection, readonly, &sql),
            sql,
            steps,
        })
    }
}

/// Prepares a statement, has `work` step through it, and drops it: for one that
/// is not left half read, which needs no place of its own.
pub(crate) fn at_once<T>(
    connection: &Rc<Connection>,
    headings: &Headings,
    sql: Arc<str>,
    params: &Params,
    work: impl FnOnce(&mut Cursor<Rows<'_>>) -> Result<T>,
) -> Result<T> {
    let known = known(headings, &sql)?;
    recorder::prepares();
    let prepared = connection.prepare_cached(&sql);
    let mut statement = prepared.map_err(|source| Error::sqlite(&sql, source))?;
    let (columns, readonly) = make_ready(&mut statement, known, headings, &sql, params)?;
    let mut cursor = Cursor {
        columns,
        wrote: Wrote::new(connection, readonly, &sql),
        sql,
        steps: statement.raw_query(),
    };
    work(&mut cursor)
}

/// What the columns of a text are called, if it has run before; refuses one that
/// can't be a statement.
fn known(headings: &Headings, sql: &Arc<str>) -> Result<Option<Arc<Columns>>> {
    let known = headings.get(sql);
    if known.is_none() {
        refuse_text(sql)?;
    }
    Ok(known)
}

/// Checks a statement and binds its parameters; returns what its columns are
/// called, and whether it leaves the database as it is.
fn make_ready(
    statement: &mut Statement<'_>,
    known: Option<Arc<Columns>>,
    headings: &Headings,
    sql: &Arc<str>,
    params: &Params,
) -> Result<(Arc<Columns>, bool)> {
    refuse_empty(sql, statement)?;
    let readonly = statement.readonly();
    let columns = known.unwrap_or_else(|| {
        let names = Arc::new(Columns::new(statement.column_names()));
        headings.keep(sql, &names);
        names
    });
    params.bind(sql, statement)?;
    if !readonly {
        wakes::flush(); // a commit waits for the disk
    }
    Ok((columns, readonly))
}

impl<S: Steps> Cursor<S> {
    /// What the rows' columns are called, once there is a row.
    pub(crate) fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// Tells whether the statement leaves the database as it is.
    pub(crate) fn is_readonly(&self) -> bool {
        self.wrote.readonly
    }

    /// Steps to the statement's end and drops its rows.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let sql = &self.sql;
        let wrote = &self.wrote;
        self.steps.with_rows(|rows| {
            loop {
                match rows.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => return Ok(()),
                    Err(error) if wrote.is_done(&error) => return Ok(()),
                    Err(error) => return Err(Error::sqlite(sql, error)),
                }
            }
        })?;
        self.wrote.is_whole();
        Ok(())
    }

    /// Steps until a chunk is full.
    pub(crate) fn fill(&mut self, buffers: Buffers, fill: Fill) -> (Chunk, After) {
        let mut chunk = Chunk::new(self.columns.clone(), buffers);
        let after = match self.fill_into(&mut chunk, fill) {
            Ok(true) => After::More,
            Ok(false) => {
                self.wrote.is_whole();
                After::End
            }
            Err(error) => {
                chunk.drop_half_row();
                After::Failed(error)
            }
        };
        (chunk, after)
    }

    fn fill_into(&mut self, chunk: &mut Chunk, fill: Fill) -> Result<bool> {
        let sql = &self.sql;
        let columns = &mut self.columns;
        let wrote = &self.wrote;
        self.steps.with_rows(|rows| {
            let mut slice = fill.time.map(|length| Slice {
                began: Instant::now(),
                length,
                look_at: 1,
            });
            let mut first = true;
            loop {
                let row = match rows.next() {
                    Ok(Some(row)) => row,
                    Ok(None) => return Ok(false),
                    Err(error) if wrote.is_done(&error) => return Ok(false),
                    Err(error) => return Err(Error::sqlite(sql, error)),
                };
                if std::mem::take(&mut first) {
                    // A statement that was prepared before the schema changed is
                    // prepared anew by its first step, and may have other columns.
                    let fresh = row.as_ref();
                    if !columns.names().eq(fresh.column_names()) {
                        *columns = Arc::new(Columns::new(fresh.column_names()));
                        chunk.start_over(columns.clone());
                    }
                }
                for index in 0..columns.len() {
                    match row.get_ref(index) {
                        Ok(value) => chunk.push(value)?,
                        Err(source) => return Err(Error::sqlite(sql, source)),
                    }
                }
                chunk.end_row();
                let rows = chunk.rows();
                if rows >= fill.rows
                    || chunk.size() >= fill.bytes
                    || slice.as_mut().is_some_and(|slice| slice.is_over(rows))
                {
                    return Ok(true);
                }
            }
        })
    }
}

/// What SQLite says of a statement that was stopped.
pub(crate) fn interrupted(sql: &str) -> Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT);
    Error::sqlite(sql, rusqlite::Error::SqliteFailure(code, None))
}
