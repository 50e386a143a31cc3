//! One committed change, as observers are told of it.

/// A committed change; an item of [`Changes`](crate::changes::Changes).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// A row was inserted, updated or deleted.
    #[non_exhaustive]
    Row {
        /// The table's name; outside the main database, `database.table`.
        table: String,
        /// What was done.
        op: Op,
        /// The row's rowid: after an update that changed it, the new one.
        rowid: i64,
    },
    /// Rows of a table changed, or may have, and SQLite does not say which.
    #[non_exhaustive]
    Table {
        /// The table's name; outside the main database, `database.table`.
        table: String,
    },
}

impl Change {
    /// Returns the name of the table that changed.
    pub fn table(&self) -> &str {
        match self {
            Change::Row { table, .. } | Change::Table { table } => table,
        }
    }
}

/// What was done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// It was inserted.
    Insert,
    /// It was updated.
    Update,
    /// It was deleted.
    Delete,
}
