//! `execute`, `execute_many`, `execute_stream`, `execute_script`.

use std::future::IntoFuture;

use aio_sqlite::{Error, params};
use futures_util::{FutureExt, stream};

use crate::world::{numbers, two_rows};

#[tokio::test]
async fn execute_says_what_it_did() {
    let db = two_rows().await;
    let done = db.execute("INSERT INTO t VALUES (?1)", [7]).await.unwrap();
    assert_eq!((done.changes, done.last_insert_rowid), (1, 3));
    let done = db.execute("UPDATE t SET n = n + 10", ()).await.unwrap();
    assert_eq!(done.changes, 3);
    let done = db.execute("SELECT 1", ()).await.unwrap();
    assert_eq!(
        done.changes, 0,
        "a statement that writes nothing repeats no count"
    );
    let done = db.execute("DELETE FROM t", ()).await.unwrap();
    assert_eq!(done.changes, 3);
}

#[tokio::test]
async fn execute_runs_a_statement_with_rows_to_its_end() {
    let db = two_rows().await;
    let sql = "INSERT INTO t VALUES (3), (4), (5) RETURNING n";
    assert_eq!(db.execute(sql, ()).await.unwrap().changes, 3);
    assert_eq!(numbers(&db).await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn execute_many_is_one_transaction() {
    let db = two_rows().await;
    let sql = "INSERT INTO t VALUES (?1)";
    let done = db.execute_many(sql, (3..5_000).map(|n| [n])).await.unwrap();
    assert_eq!(done.changes, 4_997);

    // The last of 3,000 violates the constraint: none of them is there.
    let rows = (10_000..12_999).chain([1]).map(|n| [n]);
    let error = db.execute_many(sql, rows).await.unwrap_err();
    assert!(error.is_constraint(), "{error}");
    assert_eq!(numbers(&db).await.len(), 4_999);
}

#[tokio::test]
async fn execute_many_that_failed_keeps_nobody_waiting() {
    let db = two_rows().await;
    let many = db.execute_many("INSERT INTO t VALUES (?1)", [[3], [1]]);
    let mut failing = many.into_future();
    let early = failing.as_mut().now_or_never();
    // It fails in front of this one, and nobody takes its answer.
    let rows = chaos::watchdog::future("another operation", numbers(&db)).await;
    assert_eq!(rows, [1, 2]);
    let error = match early {
        Some(outcome) => outcome.unwrap_err(),
        None => failing.await.unwrap_err(),
    };
    assert!(error.is_constraint(), "{error}");
}

#[tokio::test]
async fn execute_many_inside_a_transaction_is_a_savepoint() {
    let db = two_rows().await;
    let tx = db.begin().await.unwrap();
    let sql = "INSERT INTO t VALUES (?1)";
    tx.execute(sql, [3]).await.unwrap();
    let error = tx.execute_many(sql, [[4], [1]]).await.unwrap_err();
    assert!(error.is_constraint(), "{error}");
    tx.execute_many(sql, [[5], [6]]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(numbers(&db).await, [1, 2, 3, 5, 6]);
}

#[tokio::test]
async fn execute_many_of_nothing_does_nothing() {
    let db = two_rows().await;
    let rows: [[i64; 1]; 0] = [];
    let done = db.execute_many("INSERT INTO t VALUES (?1)", rows).await;
    assert_eq!(done.unwrap().changes, 0);
}

#[tokio::test]
async fn execute_stream_takes_what_comes() {
    let db = two_rows().await;
    let rows = stream::unfold(3, async |n| {
        if n % 100 == 0 {
            tokio::task::yield_now().await; // pending now and then
        }
        (n < 3_000).then_some(((n,), n + 1))
    });
    let done = db.execute_stream("INSERT INTO t VALUES (?1)", rows).await;
    assert_eq!(done.unwrap().changes, 2_997);
    assert_eq!(numbers(&db).await.len(), 2_999);
}

#[tokio::test]
async fn a_stream_that_never_comes_is_left_at_the_limit() {
    let db = two_rows().await;
    let rows = stream::pending::<[i64; 1]>();
    let error = db
        .execute_stream("INSERT INTO t VALUES (?1)", rows)
        .timeout(std::time::Duration::from_millis(20))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert_eq!(numbers(&db).await, [1, 2]);
}

#[tokio::test]
async fn a_script_runs_all_its_statements_and_names_the_one_that_fails() {
    let db = two_rows().await;
    db.execute_script(
        "INSERT INTO t VALUES (3); ; -- nothing\n SELECT 1; DELETE FROM t WHERE n = 1;",
    )
    .await
    .unwrap();
    assert_eq!(numbers(&db).await, [2, 3]);

    let error = db
        .execute_script("INSERT INTO t VALUES (4); INSERT INTO nowhere VALUES (5); SELECT 1")
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("no such table: nowhere"), "{text}");
    assert!(
        text.ends_with("INSERT INTO nowhere VALUES (5); SELECT 1"),
        "{text}"
    );
    assert_eq!(
        numbers(&db).await,
        [2, 3, 4],
        "what came before has happened"
    );

    let error = db
        .execute_script("DELETE FROM t WHERE n = ?1")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Parameter { .. }), "{error}");
    assert_eq!(numbers(&db).await, [2, 3, 4]);
}

#[tokio::test]
async fn thirteen_parameters() {
    let db = two_rows().await;
    let sql = "SELECT ?1 + ?2 + ?3 + ?4 + ?5 + ?6 + ?7 + ?8 + ?9 + ?10 + ?11 + ?12 + ?13";
    let params = params![1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
    assert_eq!(db.query_as::<i64>(sql, params).one().await.unwrap(), 91);
}
