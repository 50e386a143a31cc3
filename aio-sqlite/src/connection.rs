//! The connection's handle: what only a whole connection can do.

use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::link::{Link, Place};
use crate::session::Session;
use crate::turn::Scope;

/// One SQLite connection on a thread of its own; made by
/// [`connect`](crate::connect).
///
/// Operations run one at a time, in the order of their first polls. The handle
/// is cheap to clone and may be used from any task, thread and runtime. It
/// dereferences to [`Session`], where `execute`, `query` and the rest are.
///
/// Dropping the last handle ends the thread; [`close`](Connection::close) does
/// the same and says how it went.
#[derive(Clone)]
pub struct Connection {
    pub(crate) session: Arc<Session>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("path", &self.path())
            .finish()
    }
}

impl Deref for Connection {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Connection {
    pub(crate) fn new(link: Arc<Link>) -> Connection {
        Connection {
            session: Arc::new(Session::at(Place {
                link,
                scope: Scope::Root,
            })),
        }
    }

    fn link(&self) -> &Link {
        &self.session.seat.place().link
    }

    /// Returns the path that was opened, as it was given.
    pub fn path(&self) -> &Path {
        self.link().path()
    }

    /// Closes the connection for all its handles.
    ///
    /// Calls that came before are run, an open transaction is waited for as by
    /// any other call, half-read streams are ended. From the first poll on,
    /// other new calls give [`Error::Closed`](crate::Error::Closed). Closing
    /// again is Ok.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`](crate::Error::Busy) where a transaction is open for too
    /// long, [`Error::Sqlite`](crate::Error::Sqlite) where SQLite refuses: the
    /// connection is then still open, and closing can be tried again.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: dropped while it waits, the connection stays open.
    pub async fn close(&self) -> Result<()> {
        self.link().close().await
    }
}
