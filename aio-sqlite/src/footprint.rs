//! What a statement reads and writes, from what SQLite asks the authorizer
//! while it prepares the statement.
//!
//! That covers what no parser of ours could: views, common table expressions,
//! triggers, and what foreign keys do.

use rusqlite::hooks::{AuthAction, AuthContext};

use crate::tables::{Tables, shows_everything};

/// The tables that a statement reads and writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Footprint {
    pub(crate) reads: Tables,
    pub(crate) writes: Tables,
    /// Tables that a trigger deletes from: all rows at once, it may be, which
    /// SQLite does not report.
    pub(crate) clears: Tables,
    /// It may change more than the tables say: the schema, a setting in the
    /// file.
    pub(crate) opaque: bool,
    /// It may delete rows without reporting them, to make room for others.
    pub(crate) replaces: bool,
    /// How often SQLite asked: no statement is prepared without asking.
    pub(crate) asked: usize,
}

impl Footprint {
    /// The footprint of what can't be told.
    pub(crate) fn unknown() -> Footprint {
        Footprint {
            reads: Tables::everything(),
            writes: Tables::everything(),
            clears: Tables::default(),
            opaque: true,
            replaces: true,
            asked: 0,
        }
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.asked == 0
    }

    /// Takes in one question of SQLite's.
    pub(crate) fn saw(&mut self, context: &AuthContext<'_>) {
        self.asked += 1;
        let database = context.database_name;
        match context.action {
            AuthAction::Read { table_name, .. } => {
                if shows_everything(table_name) {
                    self.reads.add_everything();
                }
                self.reads.add_named(database, table_name);
            }
            AuthAction::Insert { table_name }
            | AuthAction::Update { table_name, .. }
            | AuthAction::Delete { table_name } => {
                self.writes.add_named(database, table_name);
                let deletes = matches!(context.action, AuthAction::Delete { .. });
                if deletes && context.accessor.is_some() {
                    self.clears.add_named(database, table_name);
                }
            }
            // The full-text index asks this of its own.
            AuthAction::Pragma {
                pragma_name: "data_version",
                ..
            } => {}
            AuthAction::Pragma { .. } => {
                self.opaque = true;
                self.reads.add_everything();
            }
            AuthAction::Select
            | AuthAction::Function { .. }
            | AuthAction::Recursive
            | AuthAction::Reindex { .. }
            | AuthAction::Transaction { .. }
            | AuthAction::Savepoint { .. } => {}
            AuthAction::CreateTable { table_name }
            | AuthAction::CreateVtable { table_name, .. }
            | AuthAction::DropVtable { table_name, .. } => {
                self.opaque = true;
                self.writes.add_named(database, table_name);
            }
            AuthAction::AlterTable {
                database_name,
                table_name,
            } => {
                self.opaque = true;
                self.writes.add_named(Some(database_name), table_name);
            }
            // Whatever else creates or drops, attaches or detaches, analyses.
            _ => self.opaque = true,
        }
    }

    /// Adds what another does.
    pub(crate) fn add(&mut self, other: &Footprint) {
        self.reads.add_all(&other.reads);
        self.writes.add_all(&other.writes);
        self.clears.add_all(&other.clears);
        self.opaque |= other.opaque;
        self.replaces |= other.replaces;
        self.asked += other.asked;
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use rusqlite::hooks::Authorization;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::tables::Table;

    /// What SQLite asks about one statement, prepared and not run.
    fn footprint(schema: &str, sql: &str) -> Footprint {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(schema).unwrap();
        let seen = Arc::new(Mutex::new(Footprint::default()));
        let sees = seen.clone();
        connection
            .authorizer(Some(move |context: AuthContext<'_>| {
                sees.lock().unwrap().saw(&context);
                Authorization::Allow
            }))
            .unwrap();
        connection.prepare(sql).unwrap();
        let seen = seen.lock().unwrap().clone();
        assert!(!seen.is_blank());
        seen
    }

    fn names(tables: &Tables) -> Vec<String> {
        let mut names: Vec<String> = tables.named().iter().map(Table::to_name).collect();
        names.sort();
        names
    }

    const SCHEMA: &str = "
        PRAGMA foreign_keys = ON;
        CREATE TABLE parent(id INTEGER PRIMARY KEY, name UNIQUE);
        CREATE TABLE child(id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE);
        CREATE TABLE log(line);
        CREATE TABLE wide(k PRIMARY KEY, v) WITHOUT ROWID;
        CREATE VIEW family AS SELECT p.name, c.id FROM parent p JOIN child c ON c.parent = p.id;
        CREATE TRIGGER logs AFTER UPDATE ON wide BEGIN INSERT INTO log VALUES (new.v); END;
    ";

    #[test]
    fn reads_are_seen_through_views_and_expressions() {
        let seen = footprint(SCHEMA, "SELECT count(*) FROM family");
        assert_eq!(
            names(&seen.reads)
                .iter()
                .filter(|name| *name != "family")
                .collect::<Vec<_>>(),
            ["child", "parent"]
        );
        let seen = footprint(
            SCHEMA,
            "WITH q AS (SELECT v FROM wide) SELECT (SELECT count(*) FROM log), v FROM q",
        );
        assert!(
            seen.reads
                .meet(&footprint(SCHEMA, "DELETE FROM log").writes)
        );
        assert!(
            seen.reads
                .meet(&footprint(SCHEMA, "DELETE FROM wide").writes)
        );
        assert!(
            !seen
                .reads
                .meet(&footprint(SCHEMA, "DELETE FROM child").writes)
        );
        assert!(seen.writes.is_empty() && !seen.opaque);
    }

    #[test]
    fn writes_are_seen_through_triggers_and_foreign_keys() {
        let seen = footprint(SCHEMA, "UPDATE wide SET v = 1");
        assert_eq!(names(&seen.writes), ["log", "wide"]);
        let seen = footprint(SCHEMA, "DELETE FROM parent");
        assert_eq!(names(&seen.writes), ["child", "parent"]);
        let seen = footprint(SCHEMA, "REPLACE INTO parent VALUES (1, 'a')");
        assert_eq!(names(&seen.writes), ["child", "parent"]);
    }

    #[test]
    fn a_change_of_the_schema_is_opaque_and_so_is_a_pragma() {
        for sql in [
            "CREATE TABLE new(x)",
            "DROP TABLE log",
            "ALTER TABLE log ADD COLUMN at",
            "CREATE INDEX lines ON log(line)",
            "PRAGMA user_version = 3",
            "ANALYZE",
        ] {
            assert!(footprint(SCHEMA, sql).opaque, "{sql}");
        }
        assert!(!footprint(SCHEMA, "INSERT INTO log VALUES (1)").opaque);
    }

    #[test]
    fn what_shows_sqlites_own_state_reads_everything() {
        for sql in [
            "SELECT name FROM sqlite_schema",
            "SELECT name FROM pragma_table_info('log')",
            "PRAGMA user_version",
        ] {
            assert!(footprint(SCHEMA, sql).reads.is_everything(), "{sql}");
        }
    }
}
