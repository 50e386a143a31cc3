//! `execute`, `execute_many`, `execute_stream`, `execute_script`.

use std::future::IntoFuture;
use std::sync::Arc;

use aio_sqlite::{Error, Params, Value, params};
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
async fn execute_many_takes_parameters_of_every_kind() {
    let db = aio_sqlite::connect(":memory:").await.unwrap();
    db.execute("CREATE TABLE t(a, b)", ()).await.unwrap();
    let sql = "INSERT INTO t VALUES (:a, :b)";
    let long = "long ".repeat(1_000);
    let shared: Arc<str> = long.as_str().into();
    let sets = vec![
        params!["", [0_u8, 255]],
        params!["Zoë", None::<i64>],
        Params::named([("b", 2), ("a", 1)]),
        params![&long, long.as_bytes()],
        params![long.clone(), long.clone().into_bytes()],
        params![f64::INFINITY, true],
    ];
    db.execute_many(sql, sets.clone()).await.unwrap();
    db.execute_many(sql, [(&long, &shared), (&long, &shared)])
        .await
        .unwrap();
    db.execute_many(sql, [vec![Some(&long), None]])
        .await
        .unwrap();
    let rows = db
        .query_as::<(Value, Value)>("SELECT * FROM t ORDER BY rowid", ())
        .await
        .unwrap();

    // The same, one by one.
    db.execute("DELETE FROM t", ()).await.unwrap();
    for set in sets {
        db.execute(sql, set).await.unwrap();
    }
    for _ in 0..2 {
        db.execute(sql, (&long, &shared)).await.unwrap();
    }
    db.execute(sql, vec![Some(&long), None]).await.unwrap();
    let one_by_one = db
        .query_as::<(Value, Value)>("SELECT * FROM t ORDER BY rowid", ())
        .await
        .unwrap();
    assert_eq!(rows, one_by_one);
    assert_eq!(rows[0], (Value::Text("".into()), Value::Blob(vec![0, 255])));
    assert_eq!(rows[2], (Value::Integer(1), Value::Integer(2)));
}

#[tokio::test]
async fn execute_many_checks_each_set_as_execute_does() {
    let db = two_rows().await;
    let sql = "INSERT INTO t VALUES (?1)";
    for (wrong, said) in [
        (params![], "0 parameters for 1"),
        (params![4, 5], "2 parameters for 1"),
        (params![f64::NAN], "parameter 1: NaN is not an SQLite value"),
        (
            params![u64::MAX],
            "parameter 1: 18446744073709551615 does not fit",
        ),
        (Params::named([("n", 4)]), "no parameter is named n"),
    ] {
        let sets = [params![3], wrong.clone(), params![6]];
        let error = db.execute_many(sql, sets).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        let alone = db.execute(sql, wrong).await.unwrap_err();
        assert_eq!(error.to_string(), alone.to_string());
    }
    // A tuple is left half-way at what does not fit.
    let sets = [("text", 3, u64::MAX), ("text", 4, 5)];
    let error = db.execute_many(sql, sets).await.unwrap_err();
    assert!(error.to_string().contains("parameter 3: 1844"), "{error}");
    assert_eq!(numbers(&db).await, [1, 2]);
}

#[tokio::test]
async fn execute_many_counts_what_its_statements_change_themselves() {
    let db = two_rows().await;
    db.execute_script(
        "CREATE TABLE log(n);
         CREATE TRIGGER t_log AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.n); END",
    )
    .await
    .unwrap();
    let sql = "INSERT INTO t SELECT ?1 WHERE ?1 % 2";
    let done = db.execute_many(sql, (3..9).map(|n| [n])).await.unwrap();
    assert_eq!((done.changes, done.last_insert_rowid), (3, 5));
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
