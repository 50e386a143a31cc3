//! What tests of live queries start from: a database with tables of each kind,
//! and a live query that is polled by hand.

use aio_sqlite::Database;
use chaos::woken;
use tempfile::TempDir;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE t(id INTEGER PRIMARY KEY, k UNIQUE, v);
    CREATE TABLE other(n);
    CREATE TABLE wide(k PRIMARY KEY, v) WITHOUT ROWID;
    CREATE TABLE child(id INTEGER PRIMARY KEY, t REFERENCES t ON DELETE CASCADE, v);
    CREATE TABLE log(line);
    CREATE VIEW seen AS SELECT k, v FROM t;
    CREATE TRIGGER logs AFTER UPDATE OF v ON t WHEN new.v > 100 BEGIN
        INSERT INTO log VALUES (new.v);
    END;
    CREATE VIRTUAL TABLE docs USING fts5(body);
    INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3);
    INSERT INTO child VALUES (1, 1, 0), (2, 2, 0);
    INSERT INTO wide VALUES ('a', 1), ('b', 2);
    INSERT INTO docs VALUES ('to be'), ('or not');
";

pub(crate) struct World {
    pub(crate) db: Database,
    _dir: TempDir,
}

pub(crate) async fn world_of(readers: usize) -> World {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("watched.db");
    let db = aio_sqlite::open(path).readers(readers).await.unwrap();
    db.execute_script(SCHEMA).await.unwrap();
    World { db, _dir: dir }
}

pub(crate) async fn world() -> World {
    world_of(1).await
}

/// A live query that is polled by hand, and has given its first result.
pub(crate) struct Watched {
    pub(crate) probe: woken::StreamProbe<aio_sqlite::watch::Live<i64>>,
}

impl Watched {
    pub(crate) fn new(db: &Database, sql: &str) -> Watched {
        let stream = db.watch_as::<i64>(sql, ()).stream();
        let mut watched = Watched {
            probe: woken::probe_stream(sql, stream),
        };
        watched.next();
        watched
    }

    /// The next result, which must be on its way.
    pub(crate) fn next(&mut self) -> Vec<i64> {
        loop {
            if let std::task::Poll::Ready(item) = self.probe.poll() {
                return item.unwrap().unwrap();
            }
            self.probe.woken();
        }
    }

    /// Asserts that nothing is on its way: it waits, and nothing has woken it.
    pub(crate) fn silent(&mut self) {
        self.probe.pending();
        self.probe.asleep();
    }

    /// Asserts that it gives a result because of the last commit, and only one.
    pub(crate) fn once(&mut self) -> Vec<i64> {
        let next = self.next();
        self.silent();
        next
    }
}
