//! A statement that is half read, beside the connection that it borrows.

use std::rc::Rc;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, Rows, Statement};
use self_cell::{MutBorrow, self_cell};

use crate::chunk::{Buffers, Chunk, Columns};
use crate::error::{Error, Result};
use crate::params::Params;

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
    struct Stepping {
        owner: MutBorrow<Prepared>,
        #[not_covariant]
        dependent: Rows,
    }
);

/// A running statement.
pub(crate) struct Cursor {
    sql: Arc<str>,
    stepping: Stepping,
    columns: Arc<Columns>,
    readonly: bool,
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
}

impl Cursor {
    /// Prepares a statement and binds its parameters; nothing has run yet.
    pub(crate) fn open(
        connection: &Rc<Connection>,
        sql: Arc<str>,
        params: &Params,
    ) -> Result<Cursor> {
        let fail = |source| Error::sqlite(&sql, source);
        refuse_nul(&sql)?;
        let mut prepared = Prepared::try_new(connection.clone(), |connection| {
            connection.prepare_cached(&sql).map_err(fail)
        })?;
        let mut readonly = false;
        let mut columns = Columns::new([]);
        prepared.with_dependent_mut(|_, statement| {
            readonly = statement.readonly();
            columns = Columns::new(statement.column_names());
            refuse_empty(&sql, statement)?;
            params.bind(&sql, statement)
        })?;
        let stepping = Stepping::new(MutBorrow::new(prepared), |prepared| {
            prepared
                .borrow_mut()
                .with_dependent_mut(|_, statement| statement.raw_query())
        });
        Ok(Cursor {
            sql,
            stepping,
            columns: Arc::new(columns),
            readonly,
        })
    }

    /// Tells whether the statement leaves the database as it is.
    pub(crate) fn is_readonly(&self) -> bool {
        self.readonly
    }

    /// Steps to the statement's end and drops its rows.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let sql = &self.sql;
        self.stepping.with_dependent_mut(|_, rows| {
            while rows.next().map_err(|e| Error::sqlite(sql, e))?.is_some() {}
            Ok(())
        })
    }

    /// Steps until a chunk is full.
    pub(crate) fn fill(&mut self, buffers: Buffers, fill: Fill) -> (Chunk, After) {
        let mut chunk = Chunk::new(self.columns.clone(), buffers);
        let after = match self.fill_into(&mut chunk, fill) {
            Ok(true) => After::More,
            Ok(false) => After::End,
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
        self.stepping.with_dependent_mut(|_, rows| {
            let mut first = true;
            loop {
                let Some(row) = rows.next().map_err(|e| Error::sqlite(sql, e))? else {
                    return Ok(false);
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
                    let value = row
                        .get_ref(index)
                        .map_err(|source| Error::sqlite(sql, source))?;
                    chunk.push(value)?;
                }
                chunk.end_row();
                if chunk.rows() >= fill.rows || chunk.size() >= fill.bytes {
                    return Ok(true);
                }
            }
        })
    }
}

fn misuse(sql: &str, problem: String) -> Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISUSE);
    Error::sqlite(sql, rusqlite::Error::SqliteFailure(code, Some(problem)))
}

/// Refuses SQL that SQLite would read only up to a NUL, silently.
pub(crate) fn refuse_nul(sql: &str) -> Result<()> {
    match sql.bytes().position(|byte| byte == 0) {
        None => Ok(()),
        Some(at) => Err(misuse(sql, format!("a NUL in the SQL, at byte {at}"))),
    }
}

/// Refuses a text of nothing but space and comments.
pub(crate) fn refuse_empty(sql: &str, statement: &Statement<'_>) -> Result<()> {
    // The text of a statement is the one thing that an empty one lacks, and
    // asking for it allocates: most statements are told apart without it.
    let may_be_empty = statement.readonly() && statement.column_count() == 0;
    if may_be_empty && statement.expanded_sql().is_none() {
        return Err(misuse(sql, "no statement in the SQL".into()));
    }
    Ok(())
}
