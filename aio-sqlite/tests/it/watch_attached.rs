//! Live queries and changes of attached databases.

use aio_sqlite::Database;
use tempfile::TempDir;

use crate::watched::{Told, Watched};

/// A database with another attached, where each has a table `t`.
async fn attached() -> (Database, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other.db");
    let schema = "
        PRAGMA journal_mode = WAL;
        CREATE TABLE t(n);
        CREATE TABLE only(n);
        CREATE TABLE one(n UNIQUE ON CONFLICT REPLACE);
        INSERT INTO one VALUES (1);
    ";
    let raw = rusqlite::Connection::open(&other).unwrap();
    raw.execute_batch(schema).unwrap();
    let db = aio_sqlite::open(dir.path().join("main.db"))
        .readers(1)
        .on_connect(format!("ATTACH '{}' AS other", other.display()))
        .await
        .unwrap();
    db.execute("CREATE TABLE t(n)", ()).await.unwrap();
    (db, dir)
}

#[tokio::test]
async fn tables_of_one_name_are_told_apart() {
    let (db, _dir) = attached().await;
    let mut only = Watched::new(&db, "SELECT count(*) FROM only");
    let mut here = Watched::new(&db, "SELECT count(n) FROM main.t");
    let mut there = Watched::new(&db, "SELECT count(n) FROM other.t");
    db.execute("INSERT INTO other.t VALUES (1)", ())
        .await
        .unwrap();
    assert_eq!(there.once(), [1]);
    here.silent();
    db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
    assert_eq!(here.once(), [1]);
    there.silent();
    only.silent();
    db.execute("INSERT INTO only VALUES (1)", ()).await.unwrap();
    assert_eq!(only.once(), [1]);
    db.write(|tx| tx.execute("DELETE FROM only", ()))
        .await
        .unwrap();
    assert_eq!(only.once(), [0]);
}

#[tokio::test]
async fn a_call_that_changes_an_attached_schema_is_news() {
    let (db, _dir) = attached().await;
    let mut names = Watched::new(&db, "SELECT name = 'new' FROM other.sqlite_schema");
    db.call(|raw| raw.execute_batch("CREATE TABLE other.new(n)"))
        .await
        .unwrap();
    assert_eq!(names.next().last(), Some(&1));
}

#[tokio::test]
async fn rows_that_made_room_there_are_told_by_their_table() {
    let (db, _dir) = attached().await;
    let mut told = Told::new(&db);
    db.execute("INSERT INTO one VALUES (1)", ()).await.unwrap();
    assert_eq!(told.so_far(), "+other.one:2 other.one?");
}
