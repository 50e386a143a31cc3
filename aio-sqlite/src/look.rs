//! What a statement needs of the connection that it runs on.

use crate::error::{Error, excerpt};

/// What a statement needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Any connection: it changes nothing.
    Read,
    /// The connection that writes; it may share a transaction with others.
    Write,
    /// The connection that writes, outside any transaction.
    Alone,
    /// It begins or ends a transaction.
    Control,
    /// It changes what one connection has for itself: attached and temporary
    /// databases.
    OwnConnection,
}

impl Look {
    /// Why a statement can't run on one of several connections, if that is so.
    pub(crate) fn refused(self, sql: &str) -> Option<Error> {
        let instead = match self {
            Look::Read | Look::Write | Look::Alone => return None,
            Look::Control => "`begin()`",
            Look::OwnConnection => "`.on_connect()` when it is opened",
        };
        Some(Error::UseConnection {
            sql: excerpt(sql),
            instead,
        })
    }
}
