//! The files of a row, one for each side, and the tasks that work with ours.

use std::future::Future;

use aio_sqlite::options::JournalMode;
use aio_sqlite::{Connection, Database, Session};
use rusqlite::Connection as Raw;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A file opened by rusqlite, and two opened by us, all with the same content
/// and the same durability, which is read back.
pub(crate) struct World {
    pub(crate) raw: Raw,
    pub(crate) connection: Connection,
    pub(crate) database: Database,
    _dir: TempDir,
}

impl World {
    pub(crate) fn open(schema: &str, runtime: &Runtime) -> World {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut raw = Raw::open(dir.path().join("raw.db")).unwrap();
        raw.pragma_update(None, "journal_mode", "wal").unwrap();
        raw.pragma_update(None, "synchronous", 2).unwrap();
        raw.execute_batch(schema).unwrap();
        assert_durable(&mut raw).unwrap();
        let (connection, database) = runtime.block_on(async {
            let connection = aio_sqlite::connect(dir.path().join("connection.db"))
                .journal_mode(JournalMode::Wal)
                .await
                .unwrap();
            let database = aio_sqlite::open(dir.path().join("database.db"))
                .readers(2)
                .await
                .unwrap();
            for session in [&connection as &Session, &database] {
                session.execute_script(schema).await.unwrap();
                let journal = session.query_as::<String>("PRAGMA journal_mode", ());
                let synchronous = session.query_as::<i64>("PRAGMA synchronous", ());
                assert_eq!(journal.one().await.unwrap(), "wal");
                assert_eq!(synchronous.one().await.unwrap(), 2);
            }
            (connection, database)
        });
        World {
            raw,
            connection,
            database,
            _dir: dir,
        }
    }
}

fn assert_durable(raw: &mut Raw) -> rusqlite::Result<()> {
    let journal: String = raw.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = raw.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    assert_eq!((journal.as_str(), synchronous), ("wal", 2));
    Ok(())
}

/// Runs so many tasks at once, the operations shared out among them, and adds
/// up what they return.
///
/// They are tasks of the runtime, as in an application: `block_on` of a
/// multi-thread runtime runs on a thread that is none of its workers.
pub(crate) fn tasks<H, F>(
    runtime: &Runtime,
    handle: &H,
    count: usize,
    operations: usize,
    body: impl Fn(H, std::iter::StepBy<std::ops::Range<usize>>) -> F,
) -> i64
where
    H: Clone,
    F: Future<Output = i64> + Send + 'static,
{
    let tasks: Vec<_> = (0..count)
        .map(|task| runtime.spawn(body(handle.clone(), (task..operations).step_by(count))))
        .collect();
    runtime.block_on(async {
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    })
}

/// Runs one task.
pub(crate) fn task<H, F>(runtime: &Runtime, handle: &H, body: impl FnOnce(H) -> F) -> i64
where
    H: Clone,
    F: Future<Output = i64> + Send + 'static,
{
    runtime
        .block_on(runtime.spawn(body(handle.clone())))
        .unwrap()
}
