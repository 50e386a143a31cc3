//! Sets of tables, as SQLite names them.

use std::sync::Arc;

/// A table and the database that it is in.
///
/// SQLite compares names without regard to ASCII case. Of some reads it does
/// not say which database they are of (`SELECT count(*)`): those stand for the
/// table in any.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    database: Option<Arc<str>>,
    name: Arc<str>,
}

impl Table {
    pub(crate) fn new(database: Option<&str>, name: &str) -> Table {
        Table {
            database: database.map(Arc::from),
            name: name.into(),
        }
    }

    /// Tells whether it has just that name and database.
    pub(crate) fn is(&self, database: Option<&str>, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
            && match (self.database.as_deref(), database) {
                (Some(own), Some(other)) => own.eq_ignore_ascii_case(other),
                (None, None) => true,
                _ => false,
            }
    }

    pub(crate) fn is_same(&self, other: &Table) -> bool {
        self.is(other.database.as_deref(), &other.name)
    }

    /// Tells whether both may mean one table.
    fn may_be(&self, other: &Table) -> bool {
        let anywhere = self.database.is_none() || other.database.is_none();
        self.name.eq_ignore_ascii_case(&other.name) && (anywhere || self.is_same(other))
    }

    /// The name for people: with its database, unless that is the main one.
    pub(crate) fn to_name(&self) -> String {
        match self.database.as_deref() {
            None => self.name.as_ref().to_owned(),
            Some(main) if main.eq_ignore_ascii_case("main") => self.name.as_ref().to_owned(),
            Some(other) => format!("{other}.{}", self.name),
        }
    }

    /// Tells whether it is SQLite's own: of the schema, of statistics, of
    /// autoincrement. Those change without being named.
    pub(crate) fn is_internal(&self) -> bool {
        is_internal(&self.name)
    }
}

fn is_internal(name: &str) -> bool {
    has_prefix(name, "sqlite_")
}

/// Tells whether a table shows what is no table of its own: SQLite's own state,
/// or the pages of every table.
pub(crate) fn shows_everything(name: &str) -> bool {
    is_internal(name) || has_prefix(name, "pragma_") || name.eq_ignore_ascii_case("dbstat")
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// A set of tables, in the order in which they came; or all there are.
///
/// Sets are small, so they are searched from end to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    everything: bool,
    named: Vec<Table>,
}

impl Tables {
    pub(crate) fn everything() -> Tables {
        Tables {
            everything: true,
            named: Vec::new(),
        }
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.everything
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.everything && self.named.is_empty()
    }

    /// The tables that are named; of all there are, some may not be.
    pub(crate) fn named(&self) -> &[Table] {
        &self.named
    }

    pub(crate) fn names(&self, table: &Table) -> bool {
        self.named.iter().any(|each| each.is_same(table))
    }

    pub(crate) fn add_everything(&mut self) {
        self.everything = true;
    }

    pub(crate) fn add(&mut self, table: &Table) {
        if !self.names(table) {
            self.named.push(table.clone());
        }
    }

    pub(crate) fn add_named(&mut self, database: Option<&str>, name: &str) {
        self.added(database, name);
    }

    /// Adds a table and returns it.
    pub(crate) fn added(&mut self, database: Option<&str>, name: &str) -> &Table {
        let at = match self.named.iter().position(|each| each.is(database, name)) {
            Some(at) => at,
            None => {
                self.named.push(Table::new(database, name));
                self.named.len() - 1
            }
        };
        &self.named[at]
    }

    pub(crate) fn remove(&mut self, table: &Table) {
        self.named.retain(|each| !each.is_same(table));
    }

    pub(crate) fn add_all(&mut self, others: &Tables) {
        self.everything |= others.everything;
        for table in &others.named {
            self.add(table);
        }
    }

    /// Tells whether all that the others name is named here.
    pub(crate) fn cover(&self, others: &Tables) -> bool {
        (self.everything || !others.everything)
            && others.named.iter().all(|table| self.names(table))
    }

    /// Tells whether a table is named by both.
    pub(crate) fn share_a_name(&self, others: &Tables) -> bool {
        self.named
            .iter()
            .any(|own| others.named.iter().any(|other| own.may_be(other)))
    }

    /// Tells whether a table may be in both.
    pub(crate) fn meet(&self, others: &Tables) -> bool {
        (self.everything && !others.is_empty())
            || (others.everything && !self.is_empty())
            || self.share_a_name(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> Tables {
        let mut tables = Tables::default();
        for name in names {
            let (database, name) = match name.split_once('.') {
                Some((database, name)) => (Some(database), name),
                None => (None, *name),
            };
            tables.add_named(database, name);
        }
        tables
    }

    #[test]
    fn names_are_the_same_in_any_case_and_only_in_one_database() {
        assert!(set(&["main.Users"]).meet(&set(&["MAIN.uSERS"])));
        assert!(!set(&["main.users"]).meet(&set(&["temp.users"])));
        assert!(!set(&["main.users"]).meet(&set(&["main.user"])));
        assert_eq!(set(&["main.a", "main.A", "main.b"]).named().len(), 2);
    }

    #[test]
    fn a_name_without_its_database_stands_for_any() {
        assert!(set(&["users"]).meet(&set(&["temp.users"])));
        assert!(set(&["main.users"]).meet(&set(&["users"])));
        assert_eq!(set(&["users", "main.users"]).named().len(), 2);
    }

    #[test]
    fn everything_meets_whatever_is_there() {
        assert!(Tables::everything().meet(&set(&["main.a"])));
        assert!(set(&["main.a"]).meet(&Tables::everything()));
        assert!(Tables::everything().meet(&Tables::everything()));
        assert!(!Tables::everything().meet(&Tables::default()));
        assert!(!Tables::everything().share_a_name(&set(&["main.a"])));
    }

    #[test]
    fn a_set_covers_what_it_names() {
        assert!(set(&["main.a", "main.b"]).cover(&set(&["main.B"])));
        assert!(!set(&["main.a"]).cover(&set(&["main.a", "temp.a"])));
        assert!(!set(&["main.a"]).cover(&Tables::everything()));
        assert!(Tables::everything().cover(&Tables::everything()));
    }

    #[test]
    fn tables_of_sqlite_itself_are_known() {
        assert!(Table::new(None, "SQLITE_SEQUENCE").is_internal());
        assert!(!Table::new(None, "sqlite").is_internal());
        assert!(shows_everything("pragma_table_info"));
        assert!(!shows_everything("pragmatic"));
        assert!(!shows_everything("é")); // no boundary where a prefix would end
    }

    #[test]
    fn a_name_is_told_with_its_database_unless_that_is_main() {
        assert_eq!(Table::new(Some("main"), "t").to_name(), "t");
        assert_eq!(Table::new(Some("temp"), "t").to_name(), "temp.t");
    }
}
