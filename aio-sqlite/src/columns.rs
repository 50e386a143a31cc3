//! The names of a result's columns.

use std::cell::RefCell;
use std::sync::Arc;

use crate::by_text::ByText;

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
#[derive(Debug)]
pub(crate) struct Headings(RefCell<ByText<Arc<Columns>>>);

impl Default for Headings {
    fn default() -> Headings {
        Headings(RefCell::new(ByText::new(MOST)))
    }
}

impl Headings {
    pub(crate) fn get(&self, sql: &str) -> Option<Arc<Columns>> {
        self.0.borrow_mut().get(sql)
    }

    pub(crate) fn keep(&self, sql: &Arc<str>, columns: &Arc<Columns>) {
        self.0.borrow_mut().keep(sql.clone(), columns.clone());
    }
}
