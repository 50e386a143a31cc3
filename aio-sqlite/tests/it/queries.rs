//! Queries: all rows, one, none, streams, and how far a stream reads ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aio_sqlite::{Connection, Error};
use futures_util::future::FusedFuture;
use futures_util::stream::FusedStream;
use futures_util::{FutureExt, Stream, StreamExt};

use crate::world::{SERIES, function, numbers, two_rows};

#[tokio::test]
async fn all_one_optional() {
    let db = two_rows().await;
    assert_eq!(numbers(&db).await, [1, 2]);
    let one = |n: i64| db.query_as::<i64>("SELECT n FROM t WHERE n >= ?1", [n]);
    assert_eq!(one(2).one().await.unwrap(), 2);
    assert_eq!(one(2).optional().await.unwrap(), Some(2));
    assert_eq!(one(3).optional().await.unwrap(), None);
    assert!(matches!(one(3).one().await, Err(Error::NoRow { sql }) if sql.contains("WHERE n")));
    assert!(matches!(one(1).one().await, Err(Error::ManyRows { .. })));
    assert!(matches!(
        one(1).optional().await,
        Err(Error::ManyRows { .. })
    ));
}

#[tokio::test]
async fn many_rows_come_whole_and_in_order() {
    let db = two_rows().await;
    let rows: Vec<i64> = db.query_as(SERIES, [100_000]).await.unwrap();
    assert!(rows.iter().copied().eq(1..=100_000));
    let streamed: Vec<i64> = db
        .query_as::<i64>(SERIES, [100_000])
        .stream()
        .map(Result::unwrap)
        .collect()
        .await;
    assert_eq!(rows, streamed);
}

/// A connection whose SQL function `seen` keeps the highest number it was given.
async fn watched() -> (Connection, Arc<AtomicI64>) {
    let db = two_rows().await;
    let highest = Arc::new(AtomicI64::new(0));
    let seen = highest.clone();
    function(&db, "seen", move |n| {
        seen.fetch_max(n, Ordering::SeqCst);
    })
    .await;
    (db, highest)
}

#[tokio::test]
async fn three_rows_of_a_million_step_through_two_chunks() {
    let (db, highest) = watched().await;
    let sql = SERIES.replace("SELECT n FROM c", "SELECT seen(n) FROM c");
    let mut rows = db.query_as::<i64>(&sql, [1_000_000]).stream();
    for n in 1..=3 {
        assert_eq!(rows.next().await.unwrap().unwrap(), n);
    }
    // Whatever the worker wanted to read ahead, it has before it answers this.
    assert_eq!(db.query_as::<i64>("SELECT 5", ()).one().await.unwrap(), 5);
    let stepped = highest.load(Ordering::SeqCst);
    assert!((3..=16 + 64).contains(&stepped), "stepped {stepped} rows");
    drop(rows);
    db.execute("SELECT 1", ()).await.unwrap();
    assert_eq!(highest.load(Ordering::SeqCst), stepped);
}

#[tokio::test]
async fn a_stream_is_read_by_whatever_chunks_it_comes_in() {
    let db = two_rows().await;
    for length in [
        0, 1, 15, 16, 17, 79, 80, 81, 335, 336, 337, 1360, 1361, 5_000,
    ] {
        let mut rows = db.query_as::<i64>(SERIES, [length.max(1)]).stream();
        if length == 0 {
            rows = db
                .query_as::<i64>("SELECT n FROM t WHERE n > 9", ())
                .stream();
        }
        let mut expected = 1..=length;
        while let Some(n) = rows.next().await {
            assert_eq!(Some(n.unwrap()), expected.next(), "of {length}");
        }
        assert_eq!(expected.next(), None, "of {length}");
        assert!(rows.is_terminated());
        assert_eq!(rows.size_hint(), (0, Some(0)));
        assert!(rows.next().await.is_none(), "nothing follows the end");
    }
}

#[tokio::test]
async fn large_values_cut_chunks_by_bytes() {
    let (db, highest) = watched().await;
    let sql = SERIES.replace("SELECT n FROM c", "SELECT seen(n), zeroblob(200000) FROM c");
    let mut rows = db.query(&sql, [1_000]).stream();
    let row = rows.next().await.unwrap().unwrap();
    assert_eq!(row.get::<&[u8]>(1).unwrap().len(), 200_000);
    db.execute("SELECT 1", ()).await.unwrap();
    let stepped = highest.load(Ordering::SeqCst);
    assert!(
        stepped <= 4,
        "two rows fill a chunk, and {stepped} were stepped"
    );
}

#[tokio::test]
async fn other_operations_run_between_the_chunks_of_a_stream() {
    let db = two_rows().await;
    let mut rows = db.query_as::<i64>(SERIES, [10_000]).stream();
    let mut count = 0;
    while let Some(n) = rows.next().await {
        if n.unwrap() % 1_000 == 0 {
            db.execute("INSERT INTO t VALUES (?1 + 100)", [count])
                .await
                .unwrap();
        }
        count += 1;
    }
    assert_eq!(count, 10_000);
    assert_eq!(numbers(&db).await.len(), 12);
}

#[tokio::test]
async fn two_streams_are_read_in_turns() {
    let db = two_rows().await;
    let a = db.query_as::<i64>(SERIES, [5_000]).stream();
    let b = db.query_as::<i64>(SERIES, [5_000]).stream();
    let pairs: Vec<_> = a.zip(b).collect().await;
    assert_eq!(pairs.len(), 5_000);
    assert!(pairs.into_iter().all(|(a, b)| a.unwrap() == b.unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_while_others_keep_the_connection_busy() {
    let db = two_rows().await;
    let busy: Vec<_> = (0..32)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                loop {
                    db.execute("SELECT 1", ()).await.unwrap();
                }
            })
        })
        .collect();
    let read = chaos::watchdog::future("a stream beside 32 busy tasks", async {
        let rows = db.query_as::<i64>(SERIES, [20_000]).stream();
        rows.count().await
    })
    .await;
    assert_eq!(read, 20_000);
    for task in busy {
        task.abort();
    }
}

#[tokio::test]
async fn a_statement_that_writes_is_run_whole_before_its_first_row() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.db");
    let db = aio_sqlite::connect(&path).await.unwrap();
    crate::world::fill(&db).await;
    let sql = format!(
        "INSERT INTO t {} RETURNING n",
        SERIES.replace("VALUES (1)", "VALUES (10)")
    );
    let mut rows = db.query_as::<i64>(sql, [5_000]).stream();
    assert_eq!(rows.next().await.unwrap().unwrap(), 10);
    // Another connection sees all of it while most rows are still unread.
    let other = rusqlite::Connection::open(&path).unwrap();
    let count = |raw: &rusqlite::Connection| {
        raw.query_one("SELECT count(*) FROM t", (), |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(count(&other), 4_993);
    assert_eq!(rows.count().await, 4_990);

    let sql = "INSERT INTO t VALUES (6000), (6001), (6002) RETURNING n";
    let error = db.query_as::<i64>(sql, ()).one().await.unwrap_err();
    assert!(matches!(error, Error::ManyRows { .. }), "{error}");
    assert_eq!(count(&other), 4_996, "all three happened");
}

#[tokio::test]
async fn an_error_in_the_middle_ends_the_stream_after_the_rows_before_it() {
    let db = two_rows().await;
    let sql = SERIES.replace(
        "SELECT n FROM c",
        "SELECT abs(iif(n < 500, n, -9223372036854775808)) FROM c",
    );
    let mut rows = db.query_as::<i64>(&sql, [1_000]).stream();
    for n in 1..500 {
        assert_eq!(rows.next().await.unwrap().unwrap(), n);
    }
    let error = rows.next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("integer overflow"), "{error}");
    assert!(rows.next().await.is_none());
    numbers(&db).await;
}

#[tokio::test]
async fn rows_that_were_kept_stay_as_they_are() {
    let db = two_rows().await;
    let mut rows = db.query(SERIES, [10_000]).stream();
    let mut kept = Vec::new();
    while let Some(row) = rows.next().await {
        let row = row.unwrap();
        if row.get::<i64>(0).unwrap() % 7 == 0 {
            kept.push(row);
        }
    }
    drop(rows);
    db.close().await.unwrap();
    let numbers = kept.iter().map(|row| row.get::<i64>("n").unwrap());
    assert!(numbers.eq((1..=10_000).filter(|n| n % 7 == 0)));
}

#[tokio::test]
async fn rows_outlive_connection_and_runtime() {
    let rows = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let rows = runtime.block_on(async {
            let db = two_rows().await;
            db.query("SELECT n, 'text' AS s FROM t ORDER BY n", ())
                .await
                .unwrap()
        });
        drop(runtime);
        rows
    })
    .join()
    .unwrap();
    assert_eq!(rows[1].get::<i64>("n").unwrap(), 2);
    assert_eq!(rows[1].get::<&str>("s").unwrap(), "text");
}

#[tokio::test]
async fn a_builder_that_is_dropped_did_nothing() {
    let db = two_rows().await;
    drop(db.execute("DELETE FROM t", ()));
    drop(db.query("DELETE FROM t RETURNING n", ()).stream());
    drop(db.execute_many("DELETE FROM t WHERE n = ?1", [[1]]));
    drop(db.begin());
    assert_eq!(numbers(&db).await, [1, 2]);
}

#[tokio::test]
async fn operations_run_in_the_order_of_their_first_polls() {
    let db = two_rows().await;
    let mut inserts: Vec<_> = (0..100)
        .map(|n| {
            let sql = "INSERT INTO t VALUES (?1 + 100)";
            std::future::IntoFuture::into_future(db.execute(sql, [n])).fuse()
        })
        .collect();
    // Polled for the first time from the last to the first, awaited the other way.
    for insert in inserts.iter_mut().rev() {
        if let Some(done) = insert.now_or_never() {
            done.unwrap();
        }
    }
    for insert in inserts.into_iter().filter(|insert| !insert.is_terminated()) {
        insert.await.unwrap();
    }
    let order: Vec<i64> = db
        .query_as("SELECT n - 100 FROM t WHERE n >= 100 ORDER BY rowid", ())
        .await
        .unwrap();
    assert!(order.iter().copied().eq((0..100).rev()), "{order:?}");
}
