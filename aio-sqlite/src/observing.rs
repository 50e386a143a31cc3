//! What observers of a database ask of a connection.

use std::ffi::CString;
use std::rc::Rc;
use std::sync::Arc;

use rusqlite::{Connection, ffi};

use crate::attached::databases;
use crate::chunk::{Buffers, Chunks};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::handlers::Handlers;
#[cfg(feature = "foreign-changes")]
use crate::op::running;
use crate::params::Params;
use crate::reads;
use crate::recorder;
#[cfg(feature = "foreign-changes")]
use crate::shared_read::Impatient;
use crate::tables::{Table, Tables};
use crate::touched::Watching;
use crate::unfit::{only_reads, refuse_text};

impl Engine {
    /// Looks as closely at what changes as somebody wants to know. While a
    /// half-read statement shares the connection, it stays as it is.
    pub(crate) fn watch(&mut self, wanted: Watching) {
        if wanted == self.watching {
            return;
        }
        if let Some(connection) = self.open.as_mut().and_then(Rc::get_mut)
            && Handlers::watch(connection, wanted).is_ok()
        {
            self.watching = wanted;
            recorder::watch(wanted);
        }
    }

    /// Tells whether another connection has committed since this was last asked,
    /// and whether all have that had written by now. Nobody is waited for.
    #[cfg(feature = "foreign-changes")]
    pub(crate) fn look_abroad(&mut self) -> Result<Abroad> {
        let begun = running(Arc::new(Impatient), || self.begin("BEGIN IMMEDIATE"));
        let settled = match begun {
            Ok(()) => true,
            Err(error) if error.is_locked() => false,
            Err(error) => return Err(error),
        };
        let version = running(Arc::new(Impatient), || data_version(self.connection()));
        self.roll_back_all()?;
        let version = match version {
            Err(error) if error.is_locked() => return Ok(Abroad::default()),
            version => version?,
        };
        let before = std::mem::replace(&mut self.data_version, version);
        let committed = version != before;
        Ok(Abroad { committed, settled })
    }

    /// The tables that there are, but for SQLite's own.
    pub(crate) fn tables(&self) -> Vec<Table> {
        let listed = || {
            let sql = "SELECT schema, name FROM pragma_table_list WHERE type <> 'view'";
            let mut list = self.connection().prepare(sql)?;
            let rows = list.query_map((), |row| {
                let schema: String = row.get(0)?;
                let name: String = row.get(1)?;
                Ok(Table::new(Some(&schema), &name))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut tables = listed().unwrap_or_default();
        tables.retain(|table| !table.is_internal());
        tables
    }

    /// Runs a query and returns its rows, and the tables that it reads.
    pub(crate) fn observe(
        &mut self,
        sql: &Arc<str>,
        params: &Params,
    ) -> Result<(Chunks, Arc<Tables>)> {
        refuse_text(sql)?;
        if self.watching == Watching::Nothing {
            self.watch(Watching::Tables);
        }
        let connection = self.connection();
        let named = reads::named(connection, sql).map_err(|source| Error::sqlite(sql, source));
        let (mut reads, readonly) = named?;
        if !readonly {
            return Err(only_reads(sql));
        }
        let run = || self.collect(sql.clone(), params, usize::MAX, Buffers::default());
        let (outcome, unnamed) = reads::unnamed(connection, run);
        reads.add_all(&unnamed);
        if self.watching == Watching::Nothing {
            reads.add_everything(); // nobody has heard what else was run
        }
        Ok((outcome?, Arc::new(reads)))
    }
}

/// What is known of the commits of others.
#[cfg(feature = "foreign-changes")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Abroad {
    /// There has been one.
    pub(crate) committed: bool,
    /// Whoever had written has committed, or will write again.
    pub(crate) settled: bool,
}

/// A number that changes with each commit of another connection.
#[cfg(feature = "foreign-changes")]
pub(crate) fn data_version(connection: &Connection) -> Result<i64> {
    connection
        .pragma_query_value(None, "data_version", |row| row.get(0))
        .map_err(|error| Error::sqlite("PRAGMA data_version", error))
}

/// Numbers of which one changes with whatever a connection does to its
/// databases: the pagers' own counts of the states of each, and the rows.
#[expect(
    unsafe_code,
    reason = "rusqlite has no safe wrapper for sqlite3_file_control"
)]
pub(crate) fn version(connection: &Connection) -> (Vec<u32>, u64) {
    let pages = |database: String| {
        let mut pages: std::ffi::c_uint = 0;
        let name = CString::new(database).unwrap_or_default();
        // SAFETY: the handle belongs to the open connection, which this thread
        // owns; the operation writes an unsigned integer to the pointer.
        unsafe {
            ffi::sqlite3_file_control(
                connection.handle(),
                name.as_ptr(),
                ffi::SQLITE_FCNTL_DATA_VERSION,
                (&raw mut pages).cast(),
            );
        }
        pages
    };
    let versions = databases(connection).map(pages).collect();
    (versions, connection.total_changes())
}
