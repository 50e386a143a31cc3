//! The database file: what is in it, and whether it is ours.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use aio_sqlite::options::{Access, JournalMode};
use aio_sqlite::{Connection, Session};

use crate::error::{Error, Result};

/// Marks a database file as a message store: "MSGS" in ASCII. The tool `file`
/// shows it, and SQLite itself makes nothing of it.
const APPLICATION_ID: i64 = 0x4d53_4753;

/// The version of the tables below. A change of them raises it.
const VERSION: i64 = 1;

/// `messages_fts` is an index only: it reads the texts back from `messages`
/// (external content), and the triggers keep the two in step, whoever writes.
const TABLES: &str = "
    CREATE TABLE messages(
        id        INTEGER PRIMARY KEY,
        sender    TEXT NOT NULL,
        recipient TEXT NOT NULL,
        body      TEXT NOT NULL,
        sent_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT;

    CREATE VIRTUAL TABLE messages_fts USING fts5(
        body, content = 'messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER messages_inserted AFTER INSERT ON messages BEGIN
        INSERT INTO messages_fts(rowid, body) VALUES (new.id, new.body);
    END;
    CREATE TRIGGER messages_deleted AFTER DELETE ON messages BEGIN
        INSERT INTO messages_fts(messages_fts, rowid, body) VALUES ('delete', old.id, old.body);
    END;
    CREATE TRIGGER messages_updated AFTER UPDATE ON messages BEGIN
        INSERT INTO messages_fts(messages_fts, rowid, body) VALUES ('delete', old.id, old.body);
        INSERT INTO messages_fts(rowid, body) VALUES (new.id, new.body);
    END;
";

/// What a database file turns out to be.
enum Found {
    Nothing,
    Store { version: i64 },
    SomethingElse,
}

/// Opens a file as a message store, with its tables made if it is empty.
///
/// A file that is something else is left as it is: it is looked at first, and
/// only then opened in a way that changes it.
///
/// # Errors
///
/// [`Error::Open`] says what is wrong with the file.
///
/// # Cancel safety
///
/// *Rolls back*: the tables are made whole or not at all.
pub(crate) async fn open(path: &Path, access: Access) -> Result<Connection> {
    let refused = |problem| Error::Open {
        path: path.to_owned(),
        problem,
    };
    let failed = |error| refused(explain(path, access, error));

    if path == ":memory:" {
        return Err(refused(
            "SQLite's name for what is forgotten at once: name a file".into(),
        ));
    }
    // Opening a pipe waits for its other end, for ever if need be, and a device
    // may take whatever is written to it for a command. A directory is harmless,
    // and gets its own message below.
    if fs::metadata(path).is_ok_and(|is| !is.is_file() && !is.is_dir()) {
        return Err(refused("not a regular file".into()));
    }
    let found = aio_sqlite::connect(path)
        .access(access)
        .with(async |db| identify(db).await)
        .await
        .map_err(failed)?;
    match found {
        Found::Nothing | Found::Store { version: VERSION } => {}
        Found::Store { version } => {
            return Err(refused(format!(
                "a message store of format {version}, and this program knows format {VERSION}"
            )));
        }
        Found::SomethingElse => {
            return Err(refused("a database, but no message store".into()));
        }
    }
    let db = open_with_log(path, access).await.map_err(failed)?;
    if let Found::Nothing = found {
        make_tables(&db).await.map_err(failed)?;
    }
    Ok(db)
}

/// Opens the file with a write-ahead log, so that readers don't keep writers
/// waiting, nor writers readers, in this process or another.
async fn open_with_log(path: &Path, access: Access) -> aio_sqlite::Result<Connection> {
    aio_sqlite::connect(path)
        .access(access)
        .journal_mode(JournalMode::Wal)
        .await
}

async fn identify(db: &Session) -> aio_sqlite::Result<Found> {
    let sql = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
               FROM pragma_application_id, pragma_user_version";
    Ok(match db.query_as::<(i64, i64, i64)>(sql, ()).one().await? {
        (APPLICATION_ID, version, _) => Found::Store { version },
        (0, 0, 0) => Found::Nothing,
        _ => Found::SomethingElse,
    })
}

async fn make_tables(db: &Connection) -> aio_sqlite::Result<()> {
    db.begin()
        .with(async |tx| -> aio_sqlite::Result<_> {
            // Another process may have been faster: only inside the
            // transaction is what we see still so when we write.
            if let Found::Nothing = identify(tx).await? {
                tx.execute_script(TABLES).await?;
                tx.execute_script(format!(
                    "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}"
                ))
                .await?;
            }
            Ok(())
        })
        .await
}

/// Says why a file can't be opened. SQLite says of most causes only that it is
/// "unable to open database file", so the file system is asked.
fn explain(path: &Path, access: Access, error: aio_sqlite::Error) -> String {
    if error.is_locked() {
        return "another process keeps it locked".into();
    }
    if path.is_dir() {
        return "a directory, not a database file".into();
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    match File::open(path) {
        Err(_) if folder.is_some_and(|folder| !folder.exists()) => "no such directory".into(),
        Err(cause) if cause.kind() == ErrorKind::NotFound && access != Access::Create => {
            "no such file; sending a message makes it".into()
        }
        Err(cause) if cause.kind() != ErrorKind::NotFound => cause.to_string(),
        _ => match error {
            aio_sqlite::Error::Open { source, .. } => source.to_string(),
            error => error.to_string(),
        },
    }
}
