//! The database file: what is in it, and whether it is ours.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use aio_sqlite::options::Access;
use aio_sqlite::{Database, Session};

use crate::error::{Error, Result};

/// Marks a database file as a message store: "MSGS" in ASCII. The tool `file`
/// shows it, and SQLite itself makes nothing of it.
const APPLICATION_ID: i64 = 0x4d53_4753;

/// The steps from an empty file to the tables below; a file's `user_version`
/// counts those it has seen. They are only ever added to.
const MIGRATIONS: &[&str] = &[FIRST, WITH_SUBJECT_AND_UID];

/// `messages_fts` is an index only: it reads the texts back from `messages`
/// (external content), and the triggers keep the two in step, whoever writes.
const FIRST: &str = "
    PRAGMA application_id = 0x4d534753;

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

/// A message may have a subject, and has a name that no other has, by which an
/// import knows it again: see [`uid`](crate::message::Message::uid).
///
/// What a statement adds to the index is gathered in memory, up to `hashsize`
/// bytes, and written as one piece. Small pieces have to be merged, which is most
/// of the work of an import that has many.
const WITH_SUBJECT_AND_UID: &str = "
    DROP TRIGGER messages_inserted;
    DROP TRIGGER messages_deleted;
    DROP TRIGGER messages_updated;
    DROP TABLE messages_fts;
    ALTER TABLE messages RENAME TO messages_before;

    CREATE TABLE messages(
        id        INTEGER PRIMARY KEY,
        uid       TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))),
        sender    TEXT NOT NULL,
        recipient TEXT NOT NULL,
        subject   TEXT,
        body      TEXT NOT NULL,
        sent_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT;
    INSERT INTO messages(id, sender, recipient, body, sent_at)
        SELECT id, sender, recipient, body, sent_at FROM messages_before ORDER BY id;
    DROP TABLE messages_before;

    CREATE VIRTUAL TABLE messages_fts USING fts5(
        subject, body,
        content = 'messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
    );
    INSERT INTO messages_fts(messages_fts, rank) VALUES ('hashsize', 4194304);
    INSERT INTO messages_fts(messages_fts) VALUES ('rebuild');
    CREATE TRIGGER messages_inserted AFTER INSERT ON messages BEGIN
        INSERT INTO messages_fts(rowid, subject, body) VALUES (new.id, new.subject, new.body);
    END;
    CREATE TRIGGER messages_deleted AFTER DELETE ON messages BEGIN
        INSERT INTO messages_fts(messages_fts, rowid, subject, body)
            VALUES ('delete', old.id, old.subject, old.body);
    END;
    CREATE TRIGGER messages_updated AFTER UPDATE ON messages BEGIN
        INSERT INTO messages_fts(messages_fts, rowid, subject, body)
            VALUES ('delete', old.id, old.subject, old.body);
        INSERT INTO messages_fts(rowid, subject, body) VALUES (new.id, new.subject, new.body);
    END;
";

/// What the connection that writes has for itself during an import: how often
/// the file has had a text so far, and the messages of a batch. On the disk, so
/// that no file is too long; but in memory as long as they are of the usual size,
/// and so is what undoes a batch: digests lie anywhere in their table, and each
/// would be a page read and two written.
const IMPORT: &str = "
    PRAGMA temp.cache_size = -16384;
    PRAGMA temp.journal_mode = MEMORY;
    CREATE TEMP TABLE occurrences(
        digest BLOB PRIMARY KEY,
        times  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TEMP TABLE incoming(
        n         INTEGER PRIMARY KEY,
        uid       TEXT NOT NULL,
        sender    TEXT NOT NULL,
        recipient TEXT NOT NULL,
        subject   TEXT,
        body      TEXT NOT NULL,
        sent_at   TEXT
    ) STRICT;
";

/// How long a listing may stand still. It does in a pager, which reads on when
/// its reader does.
const READER_MAY_PAUSE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a database file turns out to be.
enum Found {
    Nothing,
    Store { version: i64 },
    SomethingElse,
}

/// Opens a file as a message store, with its tables made if it is empty, and
/// brought up to date if they are of an earlier version.
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
pub(crate) async fn open(path: &Path, access: Access) -> Result<Database> {
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
    let known = MIGRATIONS.len() as i64;
    match found {
        Found::Nothing => {}
        Found::Store { version } if version <= known => {}
        Found::Store { version } => {
            return Err(refused(format!(
                "a message store of format {version}, and this program knows format {known}"
            )));
        }
        Found::SomethingElse => {
            return Err(refused("a database, but no message store".into()));
        }
    }
    aio_sqlite::open(path)
        .access(access)
        .readers(1)
        .max_hold(READER_MAY_PAUSE)
        .on_connect(IMPORT)
        .migrations(MIGRATIONS)
        .await
        .map_err(failed)
}

/// Returns the size of a store's write-ahead log: 0 where there is none.
pub(crate) fn log_bytes(path: &Path) -> u64 {
    // It stands beside the file itself, wherever a link to that stands.
    let Ok(real) = path.canonicalize() else {
        return 0;
    };
    let mut log = real.into_os_string();
    log.push("-wal");
    fs::metadata(log).map_or(0, |log| log.len())
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
            "no such file; sending or importing a message makes it".into()
        }
        Err(cause) if cause.kind() != ErrorKind::NotFound => cause.to_string(),
        _ => match error {
            aio_sqlite::Error::Open { source, .. } => source.to_string(),
            error => error.to_string(),
        },
    }
}
