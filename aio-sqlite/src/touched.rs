//! What a transaction has changed, as far as anybody wants to know.

use crate::change_log::ChangeLog;
use crate::tables::{Table, Tables};

/// How closely changes are looked at: as closely as anybody wants to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Watching {
    /// Nobody listens: the footprints alone are kept, for who comes later.
    #[default]
    Nothing,
    /// Live queries do.
    Tables,
    /// Somebody wants each row.
    Rows,
}

/// What a transaction, or a part of one, has changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched {
    /// Tables that have changed.
    pub(crate) surely: Tables,
    /// Tables that may have: what depends on them is looked at again.
    pub(crate) perhaps: Tables,
    /// The changes in order.
    pub(crate) log: ChangeLog,
    /// Tables changed that nothing names.
    pub(crate) unnamed: bool,
}

impl Touched {
    /// What is known of a change that names nothing.
    #[cfg(feature = "foreign-changes")]
    pub(crate) fn everything() -> Touched {
        let mut touched = Touched::default();
        touched.add_everything();
        touched
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.surely.is_empty() && self.perhaps.is_empty()
    }

    pub(crate) fn add_everything(&mut self) {
        self.perhaps.add_everything();
        self.unnamed = true;
    }

    pub(crate) fn add(&mut self, later: Touched) {
        self.surely.add_all(&later.surely);
        self.perhaps.add_all(&later.perhaps);
        self.log.append(later.log);
        self.unnamed |= later.unnamed;
    }

    /// Some of it may have been undone since.
    pub(crate) fn doubt(&mut self) {
        let surely = std::mem::take(&mut self.surely);
        self.perhaps.add_all(&surely);
        self.log.forget_rows();
    }

    /// Logs tables of which no rows are known.
    pub(crate) fn log_tables<'t>(&mut self, tables: impl IntoIterator<Item = &'t Table>) {
        for table in tables {
            if !table.is_internal() {
                self.log.push_table_once(table);
            }
        }
    }
}
