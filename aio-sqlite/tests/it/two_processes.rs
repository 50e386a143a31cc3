//! Several processes with one file: every write lands, and who holds the lock
//! and does nothing harms nobody for longer than they were ready to wait.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aio_sqlite::{Database, Error, connect, open};
use chaos::watchdog;
use futures_util::future::join_all;

use crate::child::{self, Other};

const WRITERS: u32 = 32;
const WRITES: u32 = 60;

/// As an application opens its file: with defaults.
async fn opened(path: &Path) -> Database {
    let tables = "CREATE TABLE log(process, writer, n, UNIQUE (process, writer, n));
                  CREATE TABLE counter(n); INSERT INTO counter VALUES (0)";
    open(path).readers(2).migrations([tables]).await.unwrap()
}

/// Each of many tasks writes in every way there is: statements and closures,
/// which share commits, and transactions. Returns the longest wait.
async fn write(db: &Database, process: u32) -> Duration {
    let writers = (0..WRITERS).map(|writer| {
        let db = db.clone();
        tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            for n in 0..WRITES {
                let begun = Instant::now();
                let row = (process, writer, n);
                let insert = "INSERT INTO log VALUES (?1, ?2, ?3)";
                let count = "UPDATE counter SET n = n + 1";
                match n % 3 {
                    0 => {
                        let done = db.write(move |tx| {
                            tx.execute(insert, row)?;
                            tx.execute(count, ())
                        });
                        done.await?;
                    }
                    1 => {
                        db.execute(insert, row).await?;
                        db.execute(count, ()).await?;
                    }
                    _ => {
                        let tx = db.begin().await?;
                        tx.execute(insert, row).await?;
                        let sql = "SELECT n FROM counter";
                        let n: i64 = tx.query_as(sql, ()).one().await?;
                        tx.execute("UPDATE counter SET n = ?1", [n + 1]).await?;
                        tx.commit().await?;
                    }
                }
                longest = longest.max(begun.elapsed());
            }
            Ok::<_, Error>(longest)
        })
    });
    let mut longest = Duration::ZERO;
    for outcome in join_all(writers).await {
        longest = longest.max(outcome.unwrap().unwrap());
    }
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_write_one_file_and_every_write_lands() {
    if let Some((_, path)) = child::part() {
        println!("\nready");
        child::wait_to_be_told();
        let db = opened(&path).await;
        let longest = write(&db, std::process::id()).await;
        db.close().await.unwrap();
        println!("\nlongest wait: {longest:.1?}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shared.db");
    let test = "two_processes::two_processes_write_one_file_and_every_write_lands";
    let mut others: Vec<_> = (0..2).map(|_| Other::start(test, "write", &path)).collect();
    for other in &mut others {
        other.says("ready");
    }
    for other in &mut others {
        other.tell();
    }
    for mut other in others {
        let longest = other.says("longest wait:");
        println!("writes={} longest wait={longest}", WRITERS * WRITES);
        other.ends();
    }
    let written = 2 * WRITERS * WRITES;
    let raw = rusqlite::Connection::open(&path).unwrap();
    let count = |sql| raw.query_one(sql, (), |row| row.get::<_, u32>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM log"), written);
    assert_eq!(count("SELECT n FROM counter"), written);
    assert_eq!(count("SELECT count(DISTINCT process) FROM log"), 2);
    println!("processes=2 writes={written} lost=0 busy=0");
}

#[tokio::test]
async fn a_lock_holder_that_is_stopped_is_waited_for_until_the_deadline() {
    if let Some((_, path)) = child::part() {
        let raw = rusqlite::Connection::open(path).unwrap();
        raw.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (7)")
            .unwrap();
        println!("\nholding the lock");
        child::wait_to_be_told();
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("held.db");
    let patience = Duration::from_millis(150);
    let db = open(&path).readers(2).busy_timeout(patience).await.unwrap();
    db.execute_script("CREATE TABLE t(n); INSERT INTO t VALUES (1)")
        .await
        .unwrap();
    let one = connect(&path).busy_timeout(patience).await.unwrap();
    let test = "two_processes::a_lock_holder_that_is_stopped_is_waited_for_until_the_deadline";
    let mut other = Other::start(test, "hold", &path);
    other.says("holding the lock");
    other.stop();

    // This runtime has one thread: if any call blocked it, nothing would tick.
    let ticks = Arc::new(AtomicUsize::new(0));
    let ticking = ticks.clone();
    let ticker = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await; // not a wait: it shows that time goes on here
            ticking.fetch_add(1, Ordering::SeqCst);
        }
    });
    let insert = "INSERT INTO t VALUES (2)";
    let (mut refused, mut least) = (0, usize::MAX);
    for way in 0..6 {
        let (begun, before) = (Instant::now(), ticks.load(Ordering::SeqCst));
        let waiting = async {
            match way {
                0 => db.execute(insert, ()).await.map(drop),
                1 => db.write(move |tx| tx.execute(insert, ())).await.map(drop),
                2 => db.begin().await.map(drop),
                3 => db.call(move |raw| raw.execute(insert, ())).await.map(drop),
                4 => {
                    // As a group, each is told.
                    let group = join_all((0..8).map(|_| db.execute(insert, ()).into_future()));
                    let told = group.await;
                    assert!(told.iter().all(Result::is_err));
                    told.into_iter().next().unwrap().map(drop)
                }
                _ => one.execute(insert, ()).await.map(drop),
            }
        };
        let error = watchdog::future("a wait for a stopped process", waiting)
            .await
            .unwrap_err();
        assert!(error.is_locked(), "way {way}: {error}");
        assert!(begun.elapsed() >= patience, "way {way}: {error}");
        least = least.min(ticks.load(Ordering::SeqCst) - before);
        // Those who only read notice nothing.
        let rows: Vec<i64> = db.query_as("SELECT n FROM t", ()).await.unwrap();
        assert_eq!(rows, [1]);
        refused += 1;
    }
    ticker.abort();
    println!("refused={refused} at least {least} ticks of 1 ms in each wait of {patience:?}");
    assert!(least >= 10, "{least} ticks: the runtime was blocked");

    // Who waits when the holder dies has the lock.
    let waiting = db.execute(insert, ()).timeout(Duration::from_secs(60));
    let patient = open(&path).busy_timeout(Duration::from_secs(60));
    let patient = patient.await.unwrap();
    let mut behind = Box::pin(
        patient
            .execute("INSERT INTO t VALUES (3)", ())
            .into_future(),
    );
    assert!(futures_util::FutureExt::now_or_never(behind.as_mut()).is_none());
    other.kill();
    watchdog::future("a wait for a process that has died", behind)
        .await
        .unwrap();
    waiting.await.unwrap();
    let rows: BTreeSet<i64> = db
        .query_as::<i64>("SELECT n FROM t", ())
        .await
        .unwrap()
        .into_iter()
        .collect();
    assert_eq!(rows, BTreeSet::from([1, 2, 3]), "nothing of the dead one's");
    patient.close().await.unwrap();
    one.close().await.unwrap();
    db.close().await.unwrap();
}
