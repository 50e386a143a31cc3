//! Where the statements of a database belong, remembered by their text.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::look::Look;

/// A program has some hundred texts; one that puts values into its texts has
/// any number.
const MOST: usize = 4096;

/// The longest text that is remembered, in bytes.
const LONGEST: usize = 16 << 10;

/// A connection that a statement belongs to; of several, the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Route {
    /// Any of the readers.
    Reader,
    /// The writer, where it may share a commit with others.
    Writer,
    /// The writer, by itself.
    Alone,
}

impl Route {
    /// Says where a statement belongs, and refuses one that belongs nowhere.
    pub(crate) fn of(look: Look, sql: &str) -> Result<Route> {
        match look.refused(sql) {
            Some(error) => Err(error),
            None => Ok(match look {
                Look::Read => Route::Reader,
                Look::Write => Route::Writer,
                _ => Route::Alone,
            }),
        }
    }
}

/// What is known of the statements' texts. A text keeps its route: what it is
/// about may change with the schema, but not whether it writes. One of which
/// only the writer could make anything stays with the writer, which can run it
/// whatever the schema becomes.
#[derive(Debug, Default)]
pub(crate) struct Routes(Mutex<HashMap<Arc<str>, Route>>);

impl Routes {
    pub(crate) fn get(&self, sql: &str) -> Option<Route> {
        let routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        routes.get(sql).copied()
    }

    pub(crate) fn learn(&self, sql: &Arc<str>, route: Route) {
        if sql.len() > LONGEST {
            return; // it is looked at each time, which is little beside reading it
        }
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if routes.len() >= MOST {
            routes.clear(); // what is used will be learnt again
        }
        routes.insert(sql.clone(), route);
    }
}
