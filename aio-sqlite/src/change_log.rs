//! Changes in the order in which they happened, in bounded memory.

use std::collections::VecDeque;

use crate::change::{Change, Op};
use crate::tables::{Table, Tables};

/// So many entries are kept one by one; of more, the tables are.
pub(crate) const LIMIT: usize = 64 << 10;

/// A change in a log.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Row { table: Table, op: Op, rowid: i64 },
    Table(Table),
}

impl Entry {
    fn table(&self) -> &Table {
        match self {
            Entry::Row { table, .. } | Entry::Table(table) => table,
        }
    }

    pub(crate) fn to_change(&self) -> Change {
        let table = self.table().to_name();
        match self {
            Entry::Row { op, rowid, .. } => Change::Row {
                table,
                op: *op,
                rowid: *rowid,
            },
            Entry::Table(_) => Change::Table { table },
        }
    }
}

/// A queue of changes. Past its limit it tells only which tables changed, once
/// each, until somebody has read that.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChangeLog {
    entries: VecDeque<Entry>,
    /// The tables of which an entry tells all that follows too.
    told: Tables,
    /// The tables that were pushed once.
    once: Tables,
}

impl ChangeLog {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        if self.told.names(entry.table()) {
            return;
        }
        self.entries.push_back(entry);
        if self.entries.len() > LIMIT {
            self.collapse();
        }
    }

    /// Adds a table, unless a table's entry for it is there already: of one
    /// transaction that is enough.
    pub(crate) fn push_table_once(&mut self, table: &Table) {
        if !self.once.names(table) {
            self.once.add(table);
            self.push(Entry::Table(table.clone()));
        }
    }

    /// Adds what another transaction, or a part of this one, did.
    pub(crate) fn append(&mut self, other: ChangeLog) {
        for entry in other.entries {
            self.push(entry);
        }
        // Their entries came along: they tell what follows here too.
        self.told.add_all(&other.told);
        self.once.add_all(&other.once);
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(crate) fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        if let Entry::Table(table) = &entry {
            self.told.remove(table);
        }
        Some(entry)
    }

    /// Tells only which tables changed, where it tells rows.
    pub(crate) fn forget_rows(&mut self) {
        let is_row = |entry: &Entry| matches!(entry, Entry::Row { .. });
        if self.entries.iter().any(is_row) {
            self.collapse();
        }
    }

    /// Replaces all entries by one for each table.
    fn collapse(&mut self) {
        for entry in self.entries.drain(..) {
            self.told.add(entry.table());
        }
        self.entries
            .extend(self.told.named().iter().cloned().map(Entry::Table));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(table: &str, rowid: i64) -> Entry {
        Entry::Row {
            table: Table::new(Some("main"), table),
            op: Op::Insert,
            rowid,
        }
    }

    #[test]
    fn past_its_limit_it_tells_each_table_once_until_that_is_read() {
        let mut log = ChangeLog::default();
        for rowid in 0..2 * LIMIT as i64 {
            log.push(row(if rowid % 2 == 0 { "even" } else { "odd" }, rowid));
        }
        assert_eq!(log.len(), 2);
        log.push(row("other", 1));
        assert_eq!(log.len(), 3);
        let popped = log.pop().unwrap().to_change();
        assert_eq!(
            popped,
            Change::Table {
                table: "even".into()
            }
        );
        // Of the one that has been read, what comes after is told again.
        log.push(row("even", -1));
        log.push(row("odd", -1));
        let left: Vec<Change> = std::iter::from_fn(|| log.pop())
            .map(|entry| entry.to_change())
            .collect();
        assert_eq!(
            left,
            [
                Change::Table {
                    table: "odd".into()
                },
                row("other", 1).to_change(),
                row("even", -1).to_change()
            ]
        );
        log.push(row("odd", 5));
        assert_eq!(log.pop().unwrap().to_change(), row("odd", 5).to_change());
        assert!(log.is_empty());
    }

    #[test]
    fn a_full_log_appended_tells_its_tables_and_what_follows() {
        let mut inner = ChangeLog::default();
        for rowid in 0..=LIMIT as i64 {
            inner.push(row("t", rowid));
        }
        let mut outer = ChangeLog::default();
        outer.push(row("t", -1));
        outer.append(inner);
        outer.push(row("t", -2));
        assert_eq!(outer.len(), 2, "a row, then the table");
    }

    #[test]
    fn a_table_is_told_once_and_rows_around_it_are_too() {
        let mut log = ChangeLog::default();
        let table = Table::new(Some("main"), "t");
        log.push_table_once(&table);
        log.push(row("t", 1));
        log.push_table_once(&table);
        assert_eq!(log.len(), 2);
    }
}
