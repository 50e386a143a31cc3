//! Bad input is a clear error that names the thing, and the connection goes on.

use std::time::Duration;

use aio_sqlite::options::{Access, JournalMode, Synchronous};
use aio_sqlite::{Error, connect};

use crate::world::{function, numbers, two_rows};

#[tokio::test]
async fn paths_that_are_no_database_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("no/such/dir/a.db");
    let text = connect(&missing).await.unwrap_err().to_string();
    assert!(
        text.starts_with(&format!("open {}", missing.display())),
        "{text}"
    );

    let garbage = dir.path().join("garbage.db");
    std::fs::write(
        &garbage,
        "this is a text file, and long enough to be read as a header".repeat(20),
    )
    .unwrap();
    let error = connect(&garbage).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("garbage.db") && text.contains("not a database"),
        "{text}"
    );
    assert_eq!(error.code(), Some(rusqlite::ErrorCode::NotADatabase));

    let text = connect(dir.path()).await.unwrap_err().to_string();
    assert!(text.contains(&dir.path().display().to_string()), "{text}");

    let absent = dir.path().join("absent.db");
    for access in [Access::ReadWrite, Access::ReadOnly] {
        let error = connect(&absent).access(access).await.unwrap_err();
        assert!(matches!(error, Error::Open { .. }), "{error}");
        assert!(!absent.exists());
    }

    let nul = std::path::Path::new("a\0b.db");
    assert!(matches!(connect(nul).await, Err(Error::Open { .. })));
}

#[tokio::test]
async fn settings_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.db");
    let db = connect(&path)
        .journal_mode(JournalMode::Wal)
        .synchronous(Synchronous::Normal)
        .pragma("cache_size", -4_000)
        .pragma("temp_store", "memory")
        .await
        .unwrap();
    let number = async |name: &str| {
        let sql = format!("PRAGMA {name}");
        db.query_as::<i64>(sql, ()).one().await.unwrap()
    };
    assert_eq!(number("synchronous").await, 1);
    assert_eq!(number("foreign_keys").await, 1);
    assert_eq!(number("cache_size").await, -4_000);
    assert_eq!(number("temp_store").await, 2);
    let mode: String = db.query_as("PRAGMA journal_mode", ()).one().await.unwrap();
    assert_eq!(mode, "wal");
    db.close().await.unwrap();

    // `connect` leaves a file's journal mode alone; its default is FULL.
    let db = connect(&path).await.unwrap();
    let mode: String = db.query_as("PRAGMA journal_mode", ()).one().await.unwrap();
    let full: i64 = db.query_as("PRAGMA synchronous", ()).one().await.unwrap();
    assert_eq!((&*mode, full), ("wal", 2));

    // SQLite can't do WAL in memory, and says nothing.
    let error = connect(":memory:")
        .journal_mode(JournalMode::Wal)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "pragma journal_mode: asked for wal, SQLite says memory"
    );
    let error = connect(":memory:")
        .pragma("no_such_pragma", 1)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Pragma { .. }), "{error}");
}

/// SQLite itself turns a switch of the journal away at once.
#[tokio::test]
async fn the_switch_of_the_journal_is_waited_for_like_any_lock() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE t(n); BEGIN IMMEDIATE")
        .unwrap();
    let patience = Duration::from_millis(60);
    let begun = std::time::Instant::now();
    let error = connect(&path)
        .journal_mode(JournalMode::Wal)
        .busy_timeout(patience)
        .await
        .unwrap_err();
    assert!(error.is_locked(), "{error}");
    assert!(
        begun.elapsed() >= patience,
        "{error}: {:?}",
        begun.elapsed()
    );
    other.execute_batch("COMMIT").unwrap();
    connect(&path).journal_mode(JournalMode::Wal).await.unwrap();
}

#[tokio::test]
async fn a_read_only_connection_reads_and_says_so_when_it_should_write() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.db");
    crate::world::fill(&connect(&path).await.unwrap()).await;
    let db = connect(&path).access(Access::ReadOnly).await.unwrap();
    let tx = db.begin().await.unwrap();
    assert_eq!(numbers(&tx).await, [1, 2]);
    tx.commit().await.unwrap();
    let error = db.execute("DELETE FROM t", ()).await.unwrap_err();
    assert_eq!(error.code(), Some(rusqlite::ErrorCode::ReadOnly), "{error}");
}

#[tokio::test]
async fn a_locked_database_is_waited_for_and_then_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("l.db");
    let db = connect(&path)
        .busy_timeout(Duration::from_millis(50))
        .await
        .unwrap();
    crate::world::fill(&db).await;
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = db.execute("DELETE FROM t", ()).await.unwrap_err();
    assert!(error.is_locked(), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("database is locked: DELETE FROM t"),
        "{error}"
    );
    let error = db.begin().await.unwrap_err();
    assert!(error.is_locked(), "{error}");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(db.execute("DELETE FROM t", ()).await.unwrap().changes, 2);
}

#[tokio::test]
async fn wrong_sql_is_shown() {
    let db = two_rows().await;
    for (sql, said) in [
        ("SELEC 1", "syntax error (at byte 0): SELEC 1"),
        (
            "SELECT absent FROM t",
            "no such column: absent (at byte 7): SELECT absent FROM t",
        ),
        (
            "SELECT 1; SELECT 2",
            "more than one statement: use execute_script: SELECT 1; SELECT 2",
        ),
        ("", "no statement in the SQL"),
        ("  -- only a comment", "no statement in the SQL"),
        ("SELECT 1\0; DROP TABLE t", "a NUL in the SQL, at byte 8"),
    ] {
        for error in [
            db.query(sql, ()).await.unwrap_err(),
            db.execute(sql, ()).await.unwrap_err(),
            db.query(sql, ())
                .stream()
                .next()
                .await
                .unwrap()
                .unwrap_err(),
            db.execute_many(sql, [()]).await.unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains(said), "{text:?} should say {said:?}");
        }
    }
    let error = db
        .execute_script("SELECT 1;\0 DROP TABLE t")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("a NUL in the SQL"), "{error}");
    let long = format!("SELECT {} FROM nowhere", "1 + ".repeat(2_000) + "1");
    let text = db.query(long, ()).await.unwrap_err().to_string();
    assert!(text.len() < 400, "an excerpt: {text}");
    assert_eq!(numbers(&db).await, [1, 2]);
}

#[tokio::test]
async fn a_panic_in_a_closure_is_caught_and_rolled_back() {
    let db = two_rows().await;
    let error = db
        .call(|raw| -> rusqlite::Result<()> {
            raw.execute_batch("BEGIN; DELETE FROM t")?;
            panic!("the closure's fault");
        })
        .await
        .unwrap_err();
    assert!(matches!(&error, Error::Panicked { message } if message == "the closure's fault"));
    assert_eq!(numbers(&db).await, [1, 2]);
    assert!(db.call(|raw| Ok(raw.is_autocommit())).await.unwrap());
}

#[tokio::test]
async fn a_value_whose_drop_panics_harms_nobody() {
    let db = two_rows().await;
    let bomb = Bomb;
    let error = db
        .call(move |raw| {
            let _moved = &bomb;
            raw.execute_batch("SELECT 1")
        })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Panicked { .. }), "{error}");
    assert_eq!(numbers(&db).await, [1, 2]);
}

#[tokio::test]
async fn a_panic_in_an_sql_function_fails_its_statement() {
    let db = two_rows().await;
    function(&db, "fails", |n| assert!(n < 2, "too large")).await;
    let error = db
        .execute("INSERT INTO t SELECT fails(n) + 10 FROM t", ())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Sqlite { .. }), "{error}");
    assert_eq!(numbers(&db).await, [1, 2]);
}

#[tokio::test]
async fn an_error_is_send_and_sync_and_keeps_its_source() {
    fn check<T: Send + Sync + 'static>(_: &T) {}
    let db = two_rows().await;
    let error = db.execute("SELEC 1", ()).await.unwrap_err();
    check(&error);
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn call_gives_the_whole_of_rusqlite_and_ends_half_read_streams() {
    let db = two_rows().await;
    let mut rows = db.query_as::<i64>(crate::world::SERIES, [10_000]).stream();
    rows.next().await.unwrap().unwrap();
    let changes = db
        .call(|raw| {
            let tx = raw.transaction()?;
            let changes = tx.execute("DELETE FROM t", ())?;
            tx.rollback()?;
            Ok(changes)
        })
        .await
        .unwrap();
    assert_eq!(changes, 2);
    let ended = loop {
        match rows.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(
        matches!(ended, Error::StreamEnded { by: "call" }),
        "{ended}"
    );
    assert!(rows.next().await.is_none());
}

#[tokio::test]
async fn a_call_can_take_its_handlers_and_cancellation_still_works() {
    let db = two_rows().await;
    db.call(|raw| {
        raw.progress_handler(1_000, Some(|| false))?;
        raw.busy_timeout(Duration::from_secs(3_600))
    })
    .await
    .unwrap();
    // Endless work that is limited ends: our handler is back.
    let error = chaos::watchdog::future("an endless query with a limit", async {
        db.query(crate::world::ENDLESS, ())
            .timeout(Duration::from_millis(10))
            .await
            .unwrap_err()
    })
    .await;
    assert!(
        matches!(error, Error::TimedOut { sql: Some(_), .. }),
        "{error}"
    );
}

/// A value whose drop panics, unless it is given away.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[tokio::test]
async fn a_queued_closure_whose_drop_panics_when_it_is_cancelled_harms_nobody() {
    let db = two_rows().await;
    let gate = chaos::Gate::new("queue");
    let step = gate.step();
    let other = db.clone();
    let holding = tokio::spawn(async move {
        other
            .call(move |_| {
                step.pass();
                Ok(())
            })
            .await
    });
    gate.reached().await;
    let bomb = Bomb;
    let mut queued = chaos::woken::probe(
        "a queued call",
        std::future::IntoFuture::into_future(db.call(move |_| {
            let _moved = &bomb;
            Ok(())
        })),
    );
    queued.pending();
    drop(queued);
    gate.open();
    holding.await.unwrap().unwrap();
    let rows = chaos::watchdog::future("the operation behind the bomb", numbers(&db)).await;
    assert_eq!(rows, [1, 2]);
}

#[tokio::test]
async fn a_path_that_looks_like_a_uri_is_a_path() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.db");
    // There is no folder of the name `file:`.
    let path = format!("file:{}", file.display());
    let error = aio_sqlite::open(&path).await.unwrap_err();
    assert!(matches!(error, Error::Open { .. }), "{error}");
    aio_sqlite::connect(&path).await.unwrap_err();
    assert!(!file.exists());
}
