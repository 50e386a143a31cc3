//! What a database may do with its file.

use std::path::PathBuf;

use aio_sqlite::options::Access;
use aio_sqlite::{Database, Error};
use rusqlite::ErrorCode;
use tempfile::TempDir;

/// A file with a write-ahead log and two rows, which nobody has open.
async fn written() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let db = aio_sqlite::open(&path).await.unwrap();
    let script = "CREATE TABLE t(n); INSERT INTO t VALUES (1), (2)";
    db.execute_script(script).await.unwrap();
    db.close().await.unwrap();
    (dir, path)
}

async fn count(db: &Database) -> i64 {
    let sql = "SELECT count(*) FROM t";
    db.query_as(sql, ()).one().await.unwrap()
}

#[tokio::test]
async fn a_missing_file_is_made_only_where_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("absent.db");
    for access in [Access::ReadWrite, Access::ReadOnly] {
        let error = aio_sqlite::open(&path).access(access).await.unwrap_err();
        assert!(matches!(error, Error::Open { .. }), "{access:?}: {error}");
        assert_eq!(error.code(), Some(ErrorCode::CannotOpen), "{access:?}");
        let made = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(made, 0, "{access:?}");
    }
    aio_sqlite::open(&path)
        .access(Access::Create)
        .await
        .unwrap();
    assert!(path.exists());
    std::fs::remove_file(&path).unwrap();
    aio_sqlite::open(&path).await.unwrap();
    assert!(path.exists(), "the default");
}

#[tokio::test]
async fn a_file_that_is_there_is_read_and_written() {
    let (_dir, path) = written().await;
    let open = aio_sqlite::open(&path).access(Access::ReadWrite);
    let db = open.await.unwrap();
    db.execute("INSERT INTO t VALUES (3)", ()).await.unwrap();
    assert_eq!(count(&db).await, 3);
}

#[tokio::test]
async fn what_is_read_only_is_read_by_every_way_and_written_by_none() {
    let (_dir, path) = written().await;
    let reading = || aio_sqlite::open(&path).access(Access::ReadOnly);
    let db = reading().readers(2).await.unwrap();
    assert_eq!(count(&db).await, 2);
    let tx = db.begin().await.unwrap();
    let sum = tx.query_as::<i64>("SELECT sum(n) FROM t", ()).one().await;
    assert_eq!(sum.unwrap(), 3);
    tx.commit().await.unwrap();

    let refused = |error: Error| {
        assert_eq!(error.code(), Some(ErrorCode::ReadOnly), "{error}");
    };
    let insert = "INSERT INTO t VALUES (3)";
    refused(db.execute(insert, ()).await.unwrap_err());
    // Again, where it is known by now what the statement does.
    refused(db.execute(insert, ()).await.unwrap_err());
    refused(db.execute_script(insert).await.unwrap_err());
    let many = db.execute_many("INSERT INTO t VALUES (?1)", [[3], [4]]);
    refused(many.await.unwrap_err());
    let returning = format!("{insert} RETURNING n");
    refused(db.query(&returning, ()).one().await.unwrap_err());
    refused(
        db.write(move |tx| tx.execute(insert, ()))
            .await
            .unwrap_err(),
    );
    refused(db.call(move |db| db.execute(insert, ())).await.unwrap_err());
    refused(db.execute("CREATE TABLE u(n)", ()).await.unwrap_err());
    assert_eq!(count(&db).await, 2);

    // What another commits is seen by the next query.
    let other = aio_sqlite::open(&path).await.unwrap();
    other.execute(insert, ()).await.unwrap();
    assert_eq!(count(&db).await, 3);
    other.close().await.unwrap();
    db.close().await.unwrap();
}

#[tokio::test]
async fn migrations_of_what_is_read_only_must_have_been_done() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let one = "CREATE TABLE t(n)";
    let open = aio_sqlite::open(&path).migrations([one]);
    open.await.unwrap().close().await.unwrap();
    let reading = || aio_sqlite::open(&path).access(Access::ReadOnly);
    assert_eq!(count(&reading().migrations([one]).await.unwrap()).await, 0);
    let two = reading().migrations([one, "CREATE TABLE u(n)"]);
    let error = two.await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ReadOnly), "{error}");
}

#[tokio::test]
async fn a_file_without_a_write_ahead_log_can_not_be_given_one_by_who_only_reads() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let plain = aio_sqlite::connect(&path).await.unwrap();
    plain.execute("CREATE TABLE t(n)", ()).await.unwrap();
    plain.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let open = aio_sqlite::open(&path).access(Access::ReadOnly);
    let error = open.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "pragma journal_mode: asked for wal, SQLite says delete"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // A single connection takes the file as it is.
    let reading = aio_sqlite::connect(&path).access(Access::ReadOnly);
    let db = reading.await.unwrap();
    let sql = "SELECT count(*) FROM t";
    assert_eq!(db.query_as::<i64>(sql, ()).one().await.unwrap(), 0);
}

#[cfg(feature = "foreign-changes")]
#[tokio::test]
async fn a_live_query_that_could_never_have_news_is_an_error() {
    let (_dir, path) = written().await;
    let open = aio_sqlite::open(&path).access(Access::ReadOnly);
    let db = open.await.unwrap();
    let mut live = db.watch("SELECT n FROM t", ()).stream();
    let error = live.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Watch { .. }), "{error}");
    assert!(
        error.to_string().ends_with("the database is read-only"),
        "{error}"
    );
    assert!(live.next().await.is_none());
    let error = db.changes().stream().next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Watch { .. }), "{error}");
}
