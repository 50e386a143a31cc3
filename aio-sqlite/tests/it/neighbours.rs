//! What one user of a connection does must not be another's wrong answer.

use std::future::IntoFuture;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use aio_sqlite::options::JournalMode;
use aio_sqlite::{Error, connect};
use futures_util::{FutureExt, StreamExt};

use crate::world::{ENDLESS, SERIES, fill, function, numbers, two_rows};

const INSERT: &str = "INSERT INTO t VALUES (?1)";

/// How long a transaction may be idle, or others may wait for it. One that works counts
/// as lost where a busy machine keeps the test from working for that long.
const HOLD: Duration = Duration::from_millis(400);

#[tokio::test]
async fn a_limit_that_passes_in_the_queue_is_no_closed_connection() {
    let db = two_rows().await;
    let tx = db.begin().await.unwrap();
    let limit = Duration::from_millis(5);
    let mut late = db.execute("SELECT 1", ()).timeout(limit).into_future();
    assert!(late.as_mut().now_or_never().is_none());
    // Another operation with that limit has timed out, so this one's has passed.
    let beside = db.execute("SELECT 1", ()).timeout(limit * 2).await;
    assert!(matches!(beside, Err(Error::TimedOut { .. })), "{beside:?}");
    tx.commit().await.unwrap();
    // The worker has come across the late one before it answers this.
    numbers(&db).await;
    let outcome = late.await;
    assert!(
        matches!(outcome, Err(Error::TimedOut { .. })),
        "{outcome:?}"
    );

    for _ in 0..100 {
        let instant = db.execute("SELECT 1", ()).timeout(Duration::ZERO);
        let outcome = instant.await;
        let fair = matches!(outcome, Ok(_) | Err(Error::TimedOut { .. }));
        assert!(fair, "{outcome:?}");
    }
    db.execute("SELECT 1", ())
        .timeout(Duration::MAX)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_close_that_was_busy_leaves_the_connection_open() {
    let db = connect(":memory:").max_hold(HOLD).await.unwrap();
    fill(&db).await;
    let tx = db.begin().await.unwrap();
    // It works until the close has been refused, and no statement is cut: that
    // would take the transaction along.
    let refused = std::cell::Cell::new(false);
    let working = async {
        while !refused.get() {
            tx.execute("UPDATE t SET n = n", ()).await.unwrap();
        }
    };
    let closing = async {
        let closed = db.close().await;
        refused.set(true);
        closed
    };
    let (closed, ()) = tokio::join!(closing, working);
    assert!(matches!(closed, Err(Error::Busy { .. })), "{closed:?}");
    tx.commit().await.unwrap();
    assert_eq!(numbers(&db).await, [1, 2]);
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_close_that_is_given_up_lets_others_in_at_once() {
    let db = two_rows().await;
    let tx = db.begin().await.unwrap();
    let mut closing = Box::pin(db.close());
    assert!(closing.as_mut().now_or_never().is_none());
    drop(closing);
    let mut waiting = db.execute("SELECT 1", ()).into_future();
    assert!(
        waiting.as_mut().now_or_never().is_none(),
        "it waits for the transaction"
    );
    tx.rollback().await.unwrap();
    waiting.await.unwrap();
}

#[tokio::test]
async fn a_transaction_can_be_used_while_many_run_in_it() {
    let db = two_rows().await;
    let tx = db.begin().await.unwrap();
    let (many, one, refused) = tokio::join!(
        tx.execute_many(INSERT, (10..5_000).map(|n| [n]))
            .into_future(),
        tx.execute(INSERT, [3]).into_future(),
        // Undone as a whole, and nothing else with it.
        tx.execute_many(INSERT, (5_000..9_000).chain([1]).map(|n| [n]))
            .into_future(),
    );
    many.unwrap();
    one.unwrap();
    assert!(refused.unwrap_err().is_constraint());
    tx.commit().await.unwrap();
    assert_eq!(numbers(&db).await.len(), 2 + 4_990 + 1);
}

#[tokio::test]
async fn a_command_that_waits_inside_a_transaction_does_not_wait_for_ever() {
    let db = connect(":memory:")
        .max_hold(Duration::from_millis(30))
        .await
        .unwrap();
    fill(&db).await;
    let tx = db.begin().await.unwrap();
    let source = futures_util::stream::iter([[10i64]]).chain(futures_util::stream::pending());
    let mut many = tx.execute_stream(INSERT, source).into_future();
    // It has begun, and is never polled again: what waits for it is told.
    assert!(many.as_mut().now_or_never().is_none());
    let outcome = chaos::watchdog::future("a command behind a stalled bulk operation", async {
        tx.execute(INSERT, [3]).await.unwrap_err()
    })
    .await;
    assert!(matches!(outcome, Error::Busy { .. }), "{outcome}");
    drop(many);
    tx.commit().await.unwrap();
    assert!(!numbers(&db).await.contains(&10));
}

#[tokio::test]
async fn a_source_that_asks_its_own_connection_is_reentrant() {
    let db = two_rows().await;
    let mut own = db.query_as::<i64>(SERIES, [10_000]).stream();
    let mut told = None;
    let source = futures_util::stream::poll_fn(|cx| {
        own.poll_next_unpin(cx).map(|row| match row? {
            Ok(n) => Some([n]),
            Err(error) => {
                told = Some(error);
                None
            }
        })
    });
    let copied = db.execute_stream(INSERT, source);
    chaos::watchdog::future("a source on its own connection", copied.into_future())
        .await
        .unwrap();
    assert!(matches!(told, Some(Error::Reentrant)), "{told:?}");

    let tx = db.begin().await.unwrap();
    let asking = futures_util::stream::once(async {
        let error = tx.execute("SELECT 1", ()).await.unwrap_err();
        assert!(matches!(error, Error::Reentrant), "{error}");
        [77i64]
    });
    tx.execute_stream(INSERT, asking).await.unwrap();
    tx.commit().await.unwrap();
    assert!(numbers(&db).await.contains(&77));
}

#[tokio::test]
async fn waiting_for_a_transaction_that_streams_is_bounded_too() {
    let db = connect(":memory:").max_hold(HOLD).await.unwrap();
    fill(&db).await;
    function(&db, "slow", |n| {
        let begun = Instant::now();
        while n > 0 && begun.elapsed() < Duration::from_micros(300) {
            std::hint::spin_loop();
        }
    })
    .await;
    for _ in 0..5 {
        let mut outer = db.query_as::<i64>(SERIES, [100_000]).stream();
        outer.next().await.unwrap().unwrap();
        let tx = db.begin().await.unwrap();
        let sql = SERIES.replace("SELECT n FROM c", "SELECT slow(n) FROM c");
        let mut own = tx.query_as::<i64>(sql, [100_000_000]).stream();
        let streaming = async {
            while let Some(n) = own.next().await {
                n.unwrap();
            }
        };
        let waiting = async {
            let refused = db.execute("SELECT 1", ()).await;
            assert!(matches!(refused, Err(Error::Busy { .. })), "{refused:?}");
            loop {
                match outer.next().await.unwrap() {
                    Ok(_) => {}
                    Err(error) => break error,
                }
            }
        };
        let told = chaos::watchdog::future("those who wait for a streaming transaction", async {
            tokio::select! {
                () = streaming => unreachable!("a hundred million slow rows"),
                error = waiting => error,
            }
        })
        .await;
        assert!(matches!(told, Error::Busy { .. }), "{told}");
    }
}

#[tokio::test]
async fn the_last_rowid_of_many_is_the_last() {
    let db = two_rows().await;
    db.execute("CREATE TABLE u(n)", ()).await.unwrap();
    let sql = "INSERT INTO u VALUES (?1)";
    let mut expected = 0;
    for count in [1, 1_023, 1_024, 1_025, 2_048] {
        expected += count;
        let done = db.execute_many(sql, (0..count).map(|n| [n])).await.unwrap();
        assert_eq!(
            (done.changes, done.last_insert_rowid),
            (count as u64, expected)
        );
    }
}

#[tokio::test]
async fn a_script_stops_at_its_limit() {
    let db = two_rows().await;
    db.execute("CREATE TABLE u(n)", ()).await.unwrap();
    let script = "INSERT INTO u VALUES (1);".repeat(20_000);
    let limit = Duration::from_millis(5);
    let error = db.execute_script(&script).timeout(limit).await.unwrap_err();
    assert!(
        matches!(error, Error::TimedOut { sql: Some(_), .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_script_in_a_transaction_ends_with_it() {
    let db = two_rows().await;
    for ending in ["ROLLBACK", "COMMIT; BEGIN"] {
        let tx = db.begin().await.unwrap();
        let script = format!("{ending}; INSERT INTO t VALUES (3)");
        let error = tx.execute_script(script).await.unwrap_err();
        assert!(matches!(error, Error::Aborted { .. }), "{error}");
        let error = tx.rollback().await.unwrap_err();
        assert!(matches!(error, Error::Aborted { .. }), "{error}");
        assert_eq!(numbers(&db).await, [1, 2], "after {ending}");
    }
}

/// A write that says it timed out did not happen; one that happened says so.
#[tokio::test]
async fn a_write_at_its_limit_tells_the_truth() {
    let dir = tempfile::tempdir().unwrap();
    let db = connect(dir.path().join("truth.db"))
        .journal_mode(JournalMode::Wal)
        .await
        .unwrap();
    // The trigger's writes count before the statement is done, and stay counted
    // when it is rolled back.
    db.execute_script(
        "CREATE TABLE u(k, n); CREATE TABLE log(n);
         CREATE TRIGGER logged AFTER INSERT ON u BEGIN INSERT INTO log VALUES (new.n); END",
    )
    .await
    .unwrap();
    let (mut done, mut timed_out) = (0, 0);
    for k in 0..300 {
        let sql = format!("INSERT INTO u SELECT {k}, n FROM ({SERIES})");
        let limit = Duration::from_micros(30 + 5 * k);
        let outcome = db.execute(sql, [500]).timeout(limit).await;
        let rows: i64 = db
            .query_as("SELECT count(*) FROM u WHERE k = ?1", [k])
            .one()
            .await
            .unwrap();
        match outcome {
            Ok(_) => {
                done += 1;
                assert_eq!(rows, 500);
            }
            Err(Error::TimedOut { .. }) => {
                timed_out += 1;
                assert_eq!(rows, 0, "a write of {k} that timed out");
            }
            Err(other) => panic!("{other}"),
        }
    }
    println!("done={done} timed_out={timed_out}");
}

#[tokio::test]
async fn a_chunk_of_slow_rows_is_short() {
    let db = two_rows().await;
    let stepped = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let seen = stepped.clone();
    function(&db, "slow", move |n| {
        seen.fetch_max(n, std::sync::atomic::Ordering::SeqCst);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
    })
    .await;
    let sql = SERIES.replace("SELECT n FROM c", "SELECT slow(n) FROM c");
    let mut rows = db.query_as::<i64>(sql, [1_000]).stream();
    rows.next().await.unwrap().unwrap();
    numbers(&db).await;
    let stepped = stepped.load(std::sync::atomic::Ordering::SeqCst);
    assert!(
        stepped < 16,
        "16 rows of 2 ms are no first chunk: {stepped}"
    );
}

#[tokio::test]
async fn a_reader_of_a_fast_stream_lets_others_run() {
    let db = two_rows().await;
    let ticks = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let ticking = ticks.clone();
    let neighbour = tokio::spawn(async move {
        loop {
            ticking.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let mut rows = db.query_as::<i64>(SERIES, [200_000]).stream();
    while let Some(n) = rows.next().await {
        // Slower than the worker, so that the next chunk is always there.
        std::hint::black_box((0..2_000).sum::<i64>() + n.unwrap());
    }
    let ticks = ticks.load(std::sync::atomic::Ordering::Relaxed);
    assert!(ticks >= 50, "{ticks} turns in some 100 chunks");
    neighbour.abort();
}

struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("a waker of the caller's");
    }
}

#[tokio::test]
async fn a_waker_that_panics_harms_nobody() {
    let db = two_rows().await;
    let waker = Waker::from(Arc::new(PanickingWaker));
    let mut cx = Context::from_waker(&waker);
    let limit = Duration::from_millis(5);

    // Woken by an answer, by a limit, by a row, by the end of a stream.
    let tx = db.begin().await.unwrap();
    let mut answered = db.execute("SELECT 1", ()).into_future();
    assert!(answered.as_mut().poll(&mut cx).is_pending());
    let mut limited = db.execute("SELECT 1", ()).timeout(limit).into_future();
    assert!(limited.as_mut().poll(&mut cx).is_pending());
    let mut stream = db.query(SERIES, [10]).stream();
    assert!(stream.poll_next_unpin(&mut cx).is_pending());
    // The clock's thread lives on: this limit passes too.
    let late = chaos::watchdog::future("a limit behind a panicking waker", async {
        db.execute("SELECT 1", ()).timeout(limit * 4).await
    });
    assert!(matches!(late.await, Err(Error::TimedOut { .. })));
    tx.commit().await.unwrap();
    assert_eq!(numbers(&db).await, [1, 2]);
    answered.await.unwrap();
    assert!(limited.await.is_err());
    assert_eq!(stream.count().await, 10);
}

#[tokio::test]
async fn rows_before_an_error_in_the_first_chunk_are_given() {
    let db = two_rows().await;
    let sql = SERIES.replace(
        "SELECT n FROM c",
        "SELECT abs(iif(n < 5, n, -9223372036854775808)) FROM c",
    );
    let mut rows = db.query_as::<i64>(sql, [10]).stream();
    for n in 1..5 {
        assert_eq!(rows.next().await.unwrap().unwrap(), n);
    }
    assert!(rows.next().await.unwrap().is_err());
    assert!(rows.next().await.is_none());
}

#[tokio::test]
async fn a_neighbour_s_rollback_leaves_my_stream() {
    let db = two_rows().await;
    let mut rows = db.query_as::<i64>(SERIES, [20_000]).stream();
    let mut read = 0;
    while let Some(n) = rows.next().await {
        read += 1;
        assert_eq!(n.unwrap(), read);
        if read % 5_000 == 0 {
            let error = db.execute_many(INSERT, [[3], [1]]).await.unwrap_err();
            assert!(error.is_constraint());
            drop(db.begin().await.unwrap());
        }
    }
    assert_eq!(read, 20_000);
}

#[tokio::test]
async fn a_stream_ends_with_the_transaction_that_it_reads_in() {
    let db = two_rows().await;
    let tx = db.begin().await.unwrap();
    let mut rows = tx.query(SERIES, [10_000]).stream();
    rows.next().await.unwrap().unwrap();
    std::mem::forget(rows);
    tx.commit().await.unwrap();
    // VACUUM is refused while any statement is half read.
    db.execute("VACUUM", ()).await.unwrap();
}

#[test]
fn a_connect_that_is_given_up_leaves_nothing() {
    chaos::alone!();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locked.db");
        let other = rusqlite::Connection::open(&path).unwrap();
        other
            .execute_batch("CREATE TABLE t(n); BEGIN EXCLUSIVE")
            .unwrap();
        let patient = || connect(&path).busy_timeout(Duration::MAX);
        for connecting in [patient(), patient().journal_mode(JournalMode::Wal)] {
            let mut connecting = connecting.into_future();
            assert!(connecting.as_mut().now_or_never().is_none());
            drop(connecting);
            no_thread("sqlite-locked").await;
        }
        let limited = patient().timeout(Duration::from_millis(20));
        let limited = limited.await.unwrap_err();
        let told = matches!(limited, Error::TimedOut { .. }) || limited.is_locked();
        assert!(told, "{limited}");
        no_thread("sqlite-locked").await;
    });
}

/// Waits until no thread of this process has that name. (The descriptor stays
/// as long as the other connection has its lock: SQLite can't close it without
/// losing that.)
async fn no_thread(name: &str) {
    let exists = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        tasks
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
            .any(|comm| comm.trim_end() == name)
    };
    chaos::watchdog::future("the thread of a connect that was given up", async {
        while exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_busy_handler_can_not_be_replaced_by_sql() {
    let db = two_rows().await;
    for sql in ["PRAGMA busy_timeout = 8000", "pragma main.Busy_Timeout"] {
        let error = db.execute(sql, ()).await.unwrap_err();
        assert!(
            error.to_string().contains("is set when connecting"),
            "{error}"
        );
        let error = db.execute_script(sql).await.unwrap_err();
        assert!(
            error.to_string().contains("is set when connecting"),
            "{error}"
        );
    }
    let error = connect(":memory:")
        .pragma("busy_timeout", 1)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("Connect::busy_timeout"),
        "{error}"
    );
}

#[tokio::test]
async fn words_of_pragmas_are_understood() {
    let mut db = connect(":memory:");
    for (name, word) in [
        ("synchronous", "normal"),
        ("synchronous", "EXTRA"),
        ("encoding", "UTF-16"),
        ("secure_delete", "fast"),
        ("temp_store", "memory"),
        ("case_sensitive_like", "on"),
        ("recursive_triggers", "yes"),
    ] {
        db = db.pragma(name, word);
    }
    db.await.unwrap();
    for (name, word) in [("temp_store", "memroy"), ("synchronous", "fulll")] {
        let error = connect(":memory:").pragma(name, word).await.unwrap_err();
        assert!(matches!(error, Error::Pragma { .. }), "{error}");
    }
}

/// Cancelled work must not pile up behind a busy connection.
#[tokio::test]
async fn a_storm_of_cancels_leaves_the_connection_as_it_was() {
    let db = two_rows().await;
    db.execute("CREATE TEMP TABLE kept(n)", ()).await.unwrap();
    for k in 0..2_000i64 {
        let mut endless = db.query(ENDLESS, ()).into_future();
        let mut write = db.execute(INSERT, [k + 100]).into_future();
        let early = endless.as_mut().now_or_never();
        assert!(early.is_none());
        let written = write.as_mut().now_or_never();
        drop(endless);
        if k % 2 == 0 {
            drop(write);
        } else if written.is_none() {
            write.await.unwrap(); // its neighbour's cancel is none of its business
        }
    }
    let rows = numbers(&db).await;
    assert!((1..2_000).step_by(2).all(|k| rows.contains(&(k + 100))));
    db.query("SELECT * FROM temp.kept", ()).await.unwrap();
}
