//! A database: where statements go, and what its connections do for each other.

use aio_sqlite::{Database, Error};
use chaos::watchdog;
use tempfile::TempDir;

async fn database(readers: usize) -> (TempDir, Database) {
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::open(dir.path().join("test.db"))
        .readers(readers)
        .await
        .unwrap();
    (dir, db)
}

#[tokio::test]
async fn every_kind_of_statement_goes_where_it_belongs() {
    let (_dir, db) = database(2).await;
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x)", ())
        .await
        .unwrap();
    let done = db
        .execute("INSERT INTO t(x) VALUES (1), (2)", ())
        .await
        .unwrap();
    assert_eq!((done.changes, done.last_insert_rowid), (2, 2));
    let rows = db
        .query_as::<(i64, i64)>("INSERT INTO t(x) VALUES (3) RETURNING id, x", ())
        .await
        .unwrap();
    assert_eq!(rows, [(3, 3)]);
    let sum: i64 = db.query_as("SELECT sum(x) FROM t", ()).one().await.unwrap();
    assert_eq!(sum, 6);
    for alone in [
        "PRAGMA user_version = 7",
        "VACUUM",
        "ANALYZE",
        "REINDEX",
        "ALTER TABLE t RENAME TO u",
        "ALTER TABLE u RENAME COLUMN x TO y",
        "CREATE INDEX i ON u(y)",
        "CREATE VIEW v AS SELECT y FROM u",
        "CREATE TRIGGER tr AFTER INSERT ON u BEGIN SELECT 1; END",
        "DROP INDEX i",
    ] {
        db.execute(alone, ())
            .await
            .unwrap_or_else(|error| panic!("{alone}: {error}"));
    }
    let version: i64 = db.query_as("PRAGMA user_version", ()).one().await.unwrap();
    assert_eq!(version, 7);
    for refused in [
        "BEGIN",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "END",
        "ROLLBACK",
        "SAVEPOINT a",
        "RELEASE a",
        "ROLLBACK TO a",
        "ATTACH ':memory:' AS other",
        "DETACH other",
        "CREATE TEMP TABLE tt(x)",
        "CREATE TEMP VIEW tv AS SELECT 1",
    ] {
        let error = db.execute(refused, ()).await.unwrap_err();
        assert!(
            matches!(&error, Error::UseConnection { .. }),
            "{refused}: {error}"
        );
    }
    db.close().await.unwrap();
}

#[tokio::test]
async fn writes_that_come_together_share_their_commits() {
    let (_dir, db) = database(1).await;
    db.execute("CREATE TABLE t(x UNIQUE)", ()).await.unwrap();
    let writes = (0..64).map(|n| {
        let db = db.clone();
        tokio::spawn(async move { db.execute("INSERT INTO t VALUES (?1)", [n % 63]).await })
    });
    let mut failed = 0;
    for write in writes.collect::<Vec<_>>() {
        match watchdog::future("write", write).await.unwrap() {
            Ok(done) => assert_eq!(done.changes, 1),
            Err(error) => {
                assert!(error.is_constraint(), "{error}");
                failed += 1;
            }
        }
    }
    assert_eq!(failed, 1);
    let count: i64 = db
        .query_as("SELECT count(*) FROM t", ())
        .one()
        .await
        .unwrap();
    assert_eq!(count, 63);
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_half_read_leaves_the_database_to_its_body() {
    let (_dir, db) = database(1).await;
    db.execute("CREATE TABLE t(x)", ()).await.unwrap();
    db.execute_many("INSERT INTO t VALUES (?1)", (0..5000).map(|n| (n,)))
        .await
        .unwrap();
    let mut rows = db.query_as::<i64>("SELECT x FROM t", ()).stream();
    let mut seen = 0;
    while let Some(row) = watchdog::future("row", rows.next()).await {
        let x = row.unwrap();
        if x % 100 == 0 {
            let y: i64 = watchdog::future(
                "query in the body",
                db.query_as("SELECT x FROM t WHERE x = ?1", [x]).one(),
            )
            .await
            .unwrap();
            assert_eq!(x, y);
            db.execute("UPDATE t SET x = x WHERE x = ?1", [x])
                .await
                .unwrap();
        }
        seen += 1;
    }
    assert_eq!(seen, 5000);
    db.close().await.unwrap();
}
