//! The names of a result's columns.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// The names of a result's columns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns(Box<[Box<str>]>);

impl Columns {
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Columns {
        Columns(names.into_iter().map(Box::from).collect())
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    pub(crate) fn name(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(|name| &**name)
    }

    /// The first column of that name; as in SQL, case doesn't count.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.names()
            .position(|each| each.eq_ignore_ascii_case(name))
    }
}

/// How many texts a connection remembers: as many statements as it keeps.
const MOST: usize = 128;

/// What the results of a connection's statements are called, by their text: a
/// statement that runs again shares its names instead of copying them.
///
/// It may be out of date, since a schema can change under a text. Whoever takes
/// the names compares them with those of the first row.
///
/// That a text is here says that it has been a statement.
#[derive(Debug, Default)]
pub(crate) struct Headings(RefCell<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// What was asked for last: often it is what is asked for next, and then
    /// needs no hash.
    last: Option<(Arc<str>, Arc<Columns>)>,
    all: HashMap<Arc<str>, Arc<Columns>>,
}

impl Headings {
    pub(crate) fn get(&self, sql: &Arc<str>) -> Option<Arc<Columns>> {
        let Kept { last, all } = &mut *self.0.borrow_mut();
        if let Some((text, columns)) = last
            && text == sql
        {
            return Some(columns.clone());
        }
        let columns = all.get(sql)?.clone();
        *last = Some((sql.clone(), columns.clone()));
        Some(columns)
    }

    pub(crate) fn keep(&self, sql: &Arc<str>, columns: &Arc<Columns>) {
        let Kept { last, all } = &mut *self.0.borrow_mut();
        if all.len() >= MOST && !all.contains_key(sql) {
            all.clear(); // what is used will be kept again
        }
        all.insert(sql.clone(), columns.clone());
        *last = Some((sql.clone(), columns.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shared_and_their_number_is_bounded() {
        let headings = Headings::default();
        let columns = Arc::new(Columns::new(["a", "b"]));
        let text = |n: usize| -> Arc<str> { Arc::from(format!("SELECT {n}")) };
        for n in 0..10 * MOST {
            headings.keep(&text(n), &columns);
            assert!(Arc::ptr_eq(&headings.get(&text(n)).unwrap(), &columns));
        }
        // Names that have changed are there at once, whatever was asked for last.
        let other = Arc::new(Columns::new(["c"]));
        let (one, two) = (text(10 * MOST - 1), text(10 * MOST - 2));
        headings.keep(&one, &other);
        assert!(Arc::ptr_eq(&headings.get(&two).unwrap(), &columns));
        assert!(Arc::ptr_eq(&headings.get(&one).unwrap(), &other));
        assert!(headings.0.borrow().all.len() <= MOST);
        assert!(headings.get(&text(0)).is_none());
    }
}
