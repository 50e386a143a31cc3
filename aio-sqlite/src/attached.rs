//! The databases of one connection.

use rusqlite::Connection;

/// The names of a connection's databases: the main one, the temporary one, and
/// those that are attached.
pub(crate) fn databases(connection: &Connection) -> impl Iterator<Item = String> {
    (0..).map_while(|index| connection.db_name(index).ok())
}
