//! What tests of live queries start from: a database with tables of each kind,
//! and a live query that is polled by hand.

use std::task::Poll;

use aio_sqlite::Database;
use aio_sqlite::changes::{Change, Changes, Op};
use chaos::woken;
use futures_util::FutureExt;
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
    /// A result that has come and was not asked for.
    ahead: Option<Vec<i64>>,
}

impl Watched {
    /// One that has given nothing yet.
    pub(crate) fn unread(probe: woken::StreamProbe<aio_sqlite::watch::Live<i64>>) -> Watched {
        Watched { probe, ahead: None }
    }

    pub(crate) fn new(db: &Database, sql: &str) -> Watched {
        let stream = db.watch_as::<i64>(sql, ()).stream();
        let mut watched = Watched::unread(woken::probe_stream(sql, stream));
        watched.next();
        watched
    }

    /// The next result, which must be on its way.
    pub(crate) fn next(&mut self) -> Vec<i64> {
        let result = match self.ahead.take() {
            Some(result) => result,
            None => loop {
                match self.poll() {
                    Some(result) => break result,
                    None => self.probe.woken(),
                }
            },
        };
        // So that it waits, and is woken by what comes.
        self.ahead = self.poll();
        result
    }

    fn poll(&mut self) -> Option<Vec<i64>> {
        match self.probe.poll() {
            Poll::Ready(item) => Some(item.unwrap().unwrap()),
            Poll::Pending => None,
        }
    }

    /// Asserts that nothing is on its way. Whoever writes wakes it before the
    /// write is answered, so that it has slept says that nothing was told.
    pub(crate) fn silent(&mut self) {
        assert_eq!(self.ahead, None, "one result too many");
        self.probe.asleep();
        self.probe.pending();
    }

    /// Asserts that it gives a result because of the last commit, and only one.
    pub(crate) fn once(&mut self) -> Vec<i64> {
        let next = self.next();
        self.silent();
        next
    }
    /// Lets it run, if it was stirred, and asserts that this gives nothing. The
    /// database's only reader has done with it when it is done with the next.
    pub(crate) async fn settle(&mut self, db: &Database) {
        for _ in 0..3 {
            self.probe.pending();
            db.read(|_| Ok(())).await.unwrap();
        }
        self.probe.pending();
        self.probe.asleep();
    }
}

/// Committed changes, in short: `+t:1 ~t:2 -t:3 t?`.
pub(crate) struct Told(Changes);

impl Told {
    pub(crate) fn new(db: &Database) -> Told {
        Told(db.changes().stream())
    }

    /// What has been told since this was last asked.
    pub(crate) fn so_far(&mut self) -> String {
        let mut all = Vec::new();
        while let Some(change) = self.0.next().now_or_never() {
            all.push(match change.unwrap().unwrap() {
                Change::Row {
                    table, op, rowid, ..
                } => {
                    let sign = match op {
                        Op::Insert => '+',
                        Op::Update => '~',
                        Op::Delete => '-',
                    };
                    format!("{sign}{table}:{rowid}")
                }
                Change::Table { table, .. } => format!("{table}?"),
                other => panic!("{other:?}"),
            });
        }
        all.join(" ")
    }
}
