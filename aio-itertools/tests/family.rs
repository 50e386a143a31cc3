//! What the family and its neighbours give, through the same operators: rows of
//! aio-sqlite, lines of aio-files, results of aio-pool, a wrapper of tokio-stream
//! and a stream of futures.
//!
//! The workers of a pool are this program again, so it has a `main` of its own.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps says what it expects by failing there"
)]

use std::error::Error;
use std::path::Path;
use std::pin::Pin;
use std::sync::Mutex;

use aio_itertools::{Stream, gather, merge_sorted, next, prelude::*};
use futures_util::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

aio_pool::task! {
    /// A number from another process.
    async fn ten_times(n: i64) -> i64 {
        n * 10
    }
}

type Number = Result<i64, Box<dyn Error>>;
type Numbers<'db> = Pin<Box<dyn Stream<Item = Number> + 'db>>;

fn main() {
    aio_pool::init();
    // What a test runner asks before it runs the one test.
    let asks = |option| std::env::args().any(|argument| argument == option);
    if asks("--list") {
        return if !asks("--ignored") {
            println!("family: test");
        };
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(run());
    println!("sources=5 operators=3");
}

async fn run() {
    let folder = aio_files::temp_dir().await.unwrap();
    let (database, file) = (folder.path().join("db"), folder.path().join("lines"));
    let db = aio_sqlite::connect(&database).await.unwrap();
    db.execute(
        "CREATE TABLE numbers AS SELECT 1 AS n UNION SELECT 6 UNION SELECT 11",
        (),
    )
    .await
    .unwrap();
    aio_files::write(&file, "2\n7\n12\n").await.unwrap();
    let pool = aio_pool::start().workers(2).await.unwrap();

    let names = ["rows", "lines", "results", "a wrapper", "futures"];
    let alone: [&[i64]; 5] = [
        &[1, 6, 11],
        &[2, 7, 12],
        &[0, 10, 20],
        &[3, 8, 13],
        &[4, 9, 14],
    ];
    for (name, (numbers, expected)) in names
        .iter()
        .zip(sources(&db, &file, &pool).into_iter().zip(alone))
    {
        let mut batches = numbers.batched(2);
        let first: Vec<_> = next(&mut batches)
            .await
            .unwrap()
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let last: Vec<_> = next(&mut batches)
            .await
            .unwrap()
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            (&first[..], &last[..]),
            expected.split_at(2),
            "{name}, batched"
        );
        assert!(next(&mut batches).await.is_none());
    }
    for (name, (numbers, expected)) in names
        .iter()
        .zip(sources(&db, &file, &pool).into_iter().zip(alone))
    {
        let doubled = numbers
            .pipeline()
            .map_concurrent(2, async |number| number.map(|number| number * 2))
            .list()
            .await;
        let doubled: Vec<_> = doubled.into_iter().map(Result::unwrap).collect();
        let expected: Vec<_> = expected.iter().map(|number| number * 2).collect();
        assert_eq!(doubled, expected, "{name}, in a pipeline");
    }

    // All of them, merged, in batches, through a pipeline.
    let merged =
        merge_sorted(sources(&db, &file, &pool)).by_key(|number| number.as_ref().ok().copied());
    let seen = Mutex::new(Vec::new());
    merged
        .batched(4)
        .pipeline()
        .try_for_each_concurrent(2, async |batch: Vec<Number>| {
            let numbers = batch.into_iter().collect::<Result<Vec<_>, _>>()?;
            seen.lock().unwrap().extend(numbers);
            Ok::<_, Box<dyn Error>>(())
        })
        .await
        .unwrap();
    let mut all = alone.concat();
    all.sort_unstable();
    assert_eq!(seen.into_inner().unwrap(), all);

    pool.close().await.unwrap();
    db.close().await.unwrap();
    folder.close().await.unwrap();
}

/// Each source anew, in ascending order.
fn sources<'db>(
    db: &'db aio_sqlite::Connection,
    file: &Path,
    pool: &aio_pool::Pool,
) -> [Numbers<'db>; 5] {
    let rows = db
        .query_as::<i64>("SELECT n FROM numbers ORDER BY n", ())
        .stream();
    let lines = aio_files::lines(file).stream();
    let calls: Vec<_> = (0..3).map(|n| pool.call::<ten_times>(n)).collect();
    let results = gather(calls).limit(1).stream();
    let (sender, receiver) = tokio::sync::mpsc::channel(3);
    for number in [3, 8, 13] {
        sender.try_send(number).unwrap();
    }
    [
        Box::pin(rows.map(|row| Ok(row?))),
        Box::pin(lines.map(|line| Ok(line?.parse()?))),
        Box::pin(results.map(|(_, result)| Ok(result?))),
        Box::pin(ReceiverStream::new(receiver).map(Ok)),
        Box::pin(futures_util::stream::iter([4, 9, 14]).map(Ok)),
    ]
}
