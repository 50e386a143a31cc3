//! Transactions and savepoints: committed, rolled back, dropped, forgotten,
//! left by a panic; and who waits for whom.

use std::time::Duration;

use aio_sqlite::{Error, connect};
use futures_util::FutureExt;

use crate::world::{ENDLESS, SERIES, function, numbers, two_rows};

const INSERT: &str = "INSERT INTO t VALUES (?1)";

#[tokio::test]
async fn commit_keeps_and_rollback_undoes() {
    let db = two_rows().await;
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, [3]).await.unwrap();
    assert_eq!(numbers(&tx).await, [1, 2, 3]);
    tx.commit().await.unwrap();
    let tx = db.begin().deferred().await.unwrap();
    tx.execute(INSERT, [4]).await.unwrap();
    tx.rollback().await.unwrap();
    let tx = db.begin().exclusive().await.unwrap();
    tx.execute(INSERT, [5]).await.unwrap();
    drop(tx);
    assert_eq!(numbers(&db).await, [1, 2, 3]);
}

#[tokio::test]
async fn with_commits_on_ok_and_rolls_back_on_err() {
    let db = two_rows().await;
    let n = db
        .begin()
        .with(async |tx| -> aio_sqlite::Result<_> {
            tx.execute(INSERT, [3]).await?;
            tx.query_as::<i64>("SELECT max(n) FROM t", ()).one().await
        })
        .await
        .unwrap();
    assert_eq!(n, 3);

    #[derive(Debug, PartialEq)]
    enum Mine {
        Refused,
        Db(String),
    }
    impl From<Error> for Mine {
        fn from(error: Error) -> Mine {
            Mine::Db(error.to_string())
        }
    }
    let refused = db
        .begin()
        .with(async |tx| -> Result<(), Mine> {
            tx.execute(INSERT, [4]).await?;
            Err(Mine::Refused)
        })
        .await;
    assert_eq!(refused, Err(Mine::Refused));
    assert_eq!(numbers(&db).await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_works_in_a_spawned_task() {
    let db = two_rows().await;
    let task = tokio::spawn(async move {
        db.begin()
            .with(async |tx| -> aio_sqlite::Result<_> {
                tx.execute(INSERT, [3]).await?;
                tx.savepoint()
                    .with(async |sp| -> aio_sqlite::Result<_> {
                        sp.execute(INSERT, [4]).await.map(drop)
                    })
                    .await?;
                Ok(numbers(tx).await)
            })
            .await
    });
    assert_eq!(task.await.unwrap().unwrap(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_panic_in_the_body_rolls_back() {
    let db = two_rows().await;
    let body = db.begin().with(async |tx| -> aio_sqlite::Result<()> {
        tx.execute(INSERT, [3]).await?;
        panic!("the body's fault");
    });
    let panic = std::panic::AssertUnwindSafe(body).catch_unwind().await;
    assert!(panic.is_err());
    assert_eq!(numbers(&db).await, [1, 2]);
    db.begin().await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn savepoints_nest_and_undo_only_themselves() {
    let db = two_rows().await;
    let mut tx = db.begin().await.unwrap();
    tx.execute(INSERT, [3]).await.unwrap();
    let mut outer = tx.savepoint().await.unwrap();
    outer.execute(INSERT, [4]).await.unwrap();
    let inner = outer.savepoint().await.unwrap();
    inner.execute(INSERT, [5]).await.unwrap();
    inner.rollback().await.unwrap();
    let inner = outer.savepoint().await.unwrap();
    inner.execute(INSERT, [6]).await.unwrap();
    inner.commit().await.unwrap();
    outer.commit().await.unwrap();
    let sp = tx.savepoint().await.unwrap();
    sp.execute(INSERT, [7]).await.unwrap();
    drop(sp);
    assert_eq!(numbers(&tx).await, [1, 2, 3, 4, 6]);
    tx.commit().await.unwrap();
    assert_eq!(numbers(&db).await, [1, 2, 3, 4, 6]);
}

/// sqlx 0.9 rolls back the outer transaction here, and then answers Ok to its
/// commit.
#[tokio::test]
async fn a_nested_begin_that_fails_or_is_cancelled_leaves_the_outer_one() {
    let db = two_rows().await;
    let mut tx = db.begin().await.unwrap();
    tx.execute(INSERT, [3]).await.unwrap();
    let error = tx.execute("BEGIN", ()).await.unwrap_err();
    assert!(
        error.to_string().contains("within a transaction"),
        "{error}"
    );
    let mut nested = chaos::woken::probe(
        "a nested begin",
        std::future::IntoFuture::into_future(tx.savepoint()),
    );
    if nested.poll().is_ready() {
        println!("the savepoint was there at the first poll");
    }
    drop(nested);
    tx.execute(INSERT, [4]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(numbers(&db).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_forgotten_savepoint_is_undone_by_the_next_command_outside_it() {
    let db = two_rows().await;
    let mut tx = db.begin().await.unwrap();
    let sp = tx.savepoint().await.unwrap();
    sp.execute(INSERT, [3]).await.unwrap();
    std::mem::forget(sp);
    assert_eq!(numbers(&tx).await, [1, 2]);
    let sp = tx.savepoint().await.unwrap();
    sp.execute(INSERT, [4]).await.unwrap();
    std::mem::forget(sp);
    tx.commit().await.unwrap();
    assert_eq!(numbers(&db).await, [1, 2]);
}

#[tokio::test]
async fn a_forgotten_transaction_is_rolled_back_before_anything_else_runs() {
    let db = connect(":memory:")
        .max_hold(Duration::from_millis(40))
        .await
        .unwrap();
    crate::world::fill(&db).await;
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, [3]).await.unwrap();
    std::mem::forget(tx);
    // Until it counts as lost, others are told; none runs inside it.
    let rows = chaos::watchdog::future("a forgotten transaction", async {
        loop {
            match db.query_as::<i64>("SELECT n FROM t", ()).await {
                Ok(rows) => return rows,
                Err(Error::Busy { held_for }) => assert!(held_for >= Duration::from_millis(40)),
                Err(other) => panic!("{other}"),
            }
        }
    })
    .await;
    assert_eq!(rows, [1, 2]);
}

#[tokio::test]
async fn a_transaction_that_counts_as_lost_says_so_to_its_guard() {
    let db = connect(":memory:")
        .max_hold(Duration::from_millis(20))
        .await
        .unwrap();
    crate::world::fill(&db).await;
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, [3]).await.unwrap();
    while db.execute("SELECT 1", ()).await.is_err() {}
    let error = tx.execute(INSERT, [4]).await.unwrap_err();
    assert!(matches!(error, Error::Aborted { .. }), "{error}");
    assert!(error.to_string().contains("without a statement"), "{error}");
    assert!(matches!(tx.commit().await, Err(Error::Aborted { .. })));
    assert_eq!(numbers(&db).await, [1, 2]);
}

#[tokio::test]
async fn others_wait_their_turn() {
    let db = two_rows().await;
    let tx = db.begin().await.unwrap();
    let mut waiting = chaos::woken::probe(
        "a read behind a transaction",
        std::future::IntoFuture::into_future(db.query_as::<i64>("SELECT max(n) FROM t", ())),
    );
    waiting.pending();
    let mut begin = chaos::woken::probe(
        "a begin behind a transaction",
        std::future::IntoFuture::into_future(db.begin()),
    );
    begin.pending();
    tx.execute(INSERT, [3]).await.unwrap();
    waiting.asleep();
    begin.asleep();
    tx.commit().await.unwrap();
    waiting.until_woken().await;
    assert_eq!(waiting.ready().unwrap(), [3]);
    begin.until_woken().await;
    begin.ready().unwrap().rollback().await.unwrap();
}

#[tokio::test]
async fn the_plain_handle_inside_a_body_is_reentrant() {
    let db = two_rows().await;
    db.begin()
        .with(async |tx| -> aio_sqlite::Result<()> {
            let reentrant = [
                db.execute(INSERT, [9]).await.map(drop),
                db.execute_many(INSERT, [[9]]).await.map(drop),
                db.query("SELECT 1", ()).await.map(drop),
                db.query("SELECT 1", ())
                    .stream()
                    .next()
                    .await
                    .unwrap()
                    .map(drop),
                db.begin().await.map(drop),
                db.call(|_| Ok(())).await,
                db.close().await,
            ];
            for outcome in reentrant {
                assert!(matches!(outcome, Err(Error::Reentrant)), "{outcome:?}");
            }
            tx.execute(INSERT, [3]).await.map(drop)
        })
        .await
        .unwrap();
    assert_eq!(numbers(&db).await, [1, 2, 3]);
}

#[tokio::test]
async fn only_the_body_itself_is_reentrant_and_not_its_neighbours() {
    let db = two_rows().await;
    let neighbour = two_rows().await;
    let (body, beside) = tokio::join!(
        db.begin().with(async |tx| -> aio_sqlite::Result<()> {
            tx.execute(INSERT, [3]).await?;
            // Another connection is nobody's waiting.
            neighbour.execute(INSERT, [3]).await?;
            tokio::task::yield_now().await;
            tx.execute(INSERT, [4]).await.map(drop)
        }),
        // Another branch of the same task waits its turn.
        async { numbers(&db).await },
    );
    body.unwrap();
    assert_eq!(beside, [1, 2, 3, 4]);
}

#[tokio::test]
async fn an_outer_stream_that_would_wait_for_the_body_is_reentrant() {
    let db = two_rows().await;
    let mut rows = db.query_as::<i64>(SERIES, [100_000]).stream();
    rows.next().await.unwrap().unwrap();
    let outcome = db
        .begin()
        .with(async |_| -> aio_sqlite::Result<()> {
            while let Some(row) = rows.next().await {
                row?;
            }
            Ok(())
        })
        .await;
    assert!(matches!(outcome, Err(Error::Reentrant)), "{outcome:?}");
}

#[tokio::test]
async fn waiting_is_bounded_by_max_hold_and_by_timeout() {
    // Long enough to have asked seven times before, on a busy machine too.
    let hold = Duration::from_millis(600);
    let db = connect(":memory:").max_hold(hold).await.unwrap();
    crate::world::fill(&db).await;
    let mut rows = db.query_as::<i64>(SERIES, [100_000]).stream();
    rows.next().await.unwrap().unwrap();
    let tx = db.begin().await.unwrap();

    let limit = Duration::from_millis(5);
    for error in [
        db.execute(INSERT, [9]).timeout(limit).await.unwrap_err(),
        db.execute_many(INSERT, [[9]])
            .timeout(limit)
            .await
            .unwrap_err(),
        db.execute_script("DELETE FROM t")
            .timeout(limit)
            .await
            .unwrap_err(),
        db.query(INSERT, [9])
            .timeout(limit)
            .one()
            .await
            .unwrap_err(),
        db.query(INSERT, [9])
            .timeout(limit)
            .stream()
            .next()
            .await
            .unwrap()
            .unwrap_err(),
        db.begin().timeout(limit).await.unwrap_err(),
        db.call(|raw| raw.execute_batch("DELETE FROM t"))
            .timeout(limit)
            .await
            .unwrap_err(),
    ] {
        assert!(
            matches!(error, Error::TimedOut { limit: l, sql: None } if l == limit),
            "{error}"
        );
    }

    // A transaction that goes on working is not lost: those who wait are told.
    let told = std::cell::Cell::new(0);
    let (outcome, streamed, closed) = tokio::join!(
        async {
            let outcome = db.execute(INSERT, [9]).await;
            told.set(told.get() + 1);
            outcome
        },
        async {
            let error = loop {
                match rows.next().await.unwrap() {
                    Ok(_) => {}
                    Err(error) => break error,
                }
            };
            told.set(told.get() + 1);
            error
        },
        async {
            let mut working = 0;
            while told.get() < 2 {
                tx.execute("UPDATE t SET n = n", ()).await.unwrap();
                working += 1;
            }
            working
        },
    );
    assert!(closed > 0);
    assert!(
        matches!(&outcome, Err(Error::Busy { held_for }) if *held_for >= hold),
        "{outcome:?}"
    );
    assert!(matches!(streamed, Error::Busy { .. }), "{streamed}");
    tx.execute(INSERT, [3]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(numbers(&db).await, [1, 2, 3]);
}

#[tokio::test]
async fn an_automatic_rollback_aborts_the_guard() {
    let db = two_rows().await;
    let mut tx = db.begin().await.unwrap();
    tx.execute(INSERT, [3]).await.unwrap();
    let error = tx
        .execute("INSERT OR ROLLBACK INTO t VALUES (1)", ())
        .await
        .unwrap_err();
    assert!(error.is_constraint(), "{error}");
    let aborted = |error: Error| {
        assert!(matches!(error, Error::Aborted { .. }), "{error:?}");
        assert!(
            error.to_string().contains("UNIQUE constraint failed"),
            "{error}"
        );
    };
    aborted(tx.execute(INSERT, [4]).await.unwrap_err());
    aborted(tx.query("SELECT 1", ()).await.unwrap_err());
    aborted(tx.savepoint().await.unwrap_err());
    assert_eq!(numbers(&db).await, [1, 2], "nothing ran by itself");
    aborted(tx.commit().await.unwrap_err());
    assert_eq!(numbers(&db).await, [1, 2]);
}

#[tokio::test]
async fn a_raw_commit_inside_a_guard_ends_it_and_says_so() {
    let db = two_rows().await;
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, [3]).await.unwrap();
    tx.execute("COMMIT", ()).await.unwrap();
    let error = tx.execute(INSERT, [4]).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a COMMIT or ROLLBACK statement ended it"),
        "{error}"
    );
    drop(tx);
    assert_eq!(numbers(&db).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_commit_that_fails_rolls_back() {
    let db = two_rows().await;
    db.execute_script("CREATE TABLE child(n REFERENCES t(n) DEFERRABLE INITIALLY DEFERRED)")
        .await
        .unwrap();
    let tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO child VALUES (99)", ())
        .await
        .unwrap();
    let error = tx.commit().await.unwrap_err();
    assert!(error.is_constraint(), "{error}");
    let count: i64 = db
        .query_as("SELECT count(*) FROM child", ())
        .one()
        .await
        .unwrap();
    assert_eq!(count, 0);
    db.begin().await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn a_write_that_is_stopped_inside_a_transaction_takes_it_along() {
    let db = two_rows().await;
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, [3]).await.unwrap();
    let error = tx
        .execute(format!("INSERT INTO t {ENDLESS}"), ())
        .timeout(Duration::from_millis(10))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    let error = tx.execute(INSERT, [4]).await.unwrap_err();
    assert!(matches!(error, Error::Aborted { .. }), "{error}");
    drop(tx);
    assert_eq!(numbers(&db).await, [1, 2]);
}

#[tokio::test]
async fn a_read_that_is_stopped_inside_a_transaction_leaves_it() {
    let db = two_rows().await;
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, [3]).await.unwrap();
    let limit = Duration::from_millis(10);
    let error = tx.query(ENDLESS, ()).timeout(limit).await.unwrap_err();
    assert!(
        matches!(error, Error::TimedOut { sql: Some(_), .. }),
        "{error}"
    );
    tx.commit().await.unwrap();
    assert_eq!(numbers(&db).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_panic_in_a_function_of_the_transaction_leaves_the_rest() {
    let db = two_rows().await;
    function(&db, "fails", |_| panic!("in SQL")).await;
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, [3]).await.unwrap();
    tx.execute("SELECT fails(1)", ()).await.unwrap_err();
    tx.commit().await.unwrap();
    assert_eq!(numbers(&db).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_transaction_s_own_streams_see_it_and_end_with_its_rollback() {
    let db = two_rows().await;
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, [3]).await.unwrap();
    let mut rows = tx
        .query_as::<i64>("SELECT n FROM t ORDER BY n", ())
        .stream();
    let mut read = Vec::new();
    while let Some(n) = rows.next().await {
        read.push(n.unwrap());
    }
    assert_eq!(read, [1, 2, 3]);
    drop(rows);

    let mut outer = db.query_as::<i64>(SERIES, [100_000]).stream();
    let first = outer.next().now_or_never();
    assert!(
        first.is_none(),
        "a stream from outside waits for the transaction"
    );
    tx.rollback().await.unwrap();
    assert_eq!(outer.next().await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_user_s_own_begin_is_allowed_on_the_connection() {
    let db = two_rows().await;
    db.execute("BEGIN", ()).await.unwrap();
    db.execute(INSERT, [3]).await.unwrap();
    // A guard that can't begin does not roll back what it did not begin.
    let error = db.begin().await.unwrap_err();
    assert!(
        error.to_string().contains("within a transaction"),
        "{error}"
    );
    db.execute("COMMIT", ()).await.unwrap();
    assert_eq!(numbers(&db).await, [1, 2, 3]);
}
