//! Live queries: when they give a result, and when they don't.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aio_sqlite::{Database, Error};
use chaos::{Gate, cuts, watchdog, woken};
use futures_util::{FutureExt, StreamExt};
use rusqlite::functions::FunctionFlags;

use crate::watched::{SCHEMA, Watched, world, world_of};

/// Statements that touch a table, and a query that sees what they do.
const TOUCHES: &[(&str, &str)] = &[
    ("INSERT INTO t VALUES (9, 'nine', 9)", "SELECT id FROM t"),
    ("UPDATE t SET v = v + 1", "SELECT sum(v) FROM t"),
    ("UPDATE t SET v = v", "SELECT count(*) FROM t"),
    ("DELETE FROM t WHERE id = 1", "SELECT count(*) FROM t"),
    ("UPDATE t SET v = 7 WHERE id = 1", "SELECT v FROM seen"),
    (
        "UPDATE t SET v = 7 WHERE id = 1",
        "WITH q AS (SELECT v FROM t) SELECT (SELECT count(*) FROM q)",
    ),
    // A cascade, a trigger, a row that made room and what referred to it.
    ("DELETE FROM t WHERE id = 1", "SELECT id FROM child"),
    ("UPDATE t SET v = 101 WHERE id = 1", "SELECT line FROM log"),
    (
        "REPLACE INTO t VALUES (1, 'two', 0)",
        "SELECT count(*) FROM t",
    ),
    (
        "REPLACE INTO t VALUES (7, 'two', 0)",
        "SELECT id FROM child",
    ),
    // What the update hook does not report.
    (
        "INSERT INTO wide VALUES ('c', 3)",
        "SELECT count(*) FROM wide",
    ),
    ("UPDATE wide SET v = 5", "SELECT count(*) FROM wide"),
    ("DELETE FROM wide", "SELECT count(*) FROM wide"),
    ("DELETE FROM child", "SELECT count(*) FROM child"),
    (
        "INSERT INTO docs VALUES ('that is')",
        "SELECT rowid FROM docs WHERE docs MATCH 'is'",
    ),
    (
        "DELETE FROM docs WHERE docs MATCH 'be'",
        "SELECT count(*) FROM docs",
    ),
    (
        "INSERT INTO t VALUES (8, 'eight', 8) ON CONFLICT DO NOTHING RETURNING id",
        "SELECT count(*) FROM t",
    ),
];

#[tokio::test]
async fn a_result_comes_at_once_and_once_after_each_commit_that_matters() {
    for (write, read) in TOUCHES {
        for way in [
            Way::Execute,
            Way::Query,
            Way::Write,
            Way::Cached,
            Way::Transaction,
        ] {
            let world = world().await;
            let mut watched = Watched::new(&world.db, read);
            watched.silent();
            way.run(&world.db, write).await;
            watched.once();
            // A commit elsewhere is no reason, whichever way.
            way.run(&world.db, "INSERT INTO other VALUES (1)").await;
            watched.silent();
            println!("{way:?}: {write}");
        }
    }
}

/// The ways to write.
#[derive(Clone, Copy, Debug)]
enum Way {
    Execute,
    Query,
    Write,
    /// As `Write`, with a statement that an earlier closure has prepared.
    Cached,
    Transaction,
}

impl Way {
    async fn run(self, db: &Database, sql: &'static str) {
        match self {
            Way::Execute => drop(db.execute(sql, ()).await.unwrap()),
            Way::Query => drop(db.query(sql, ()).await.unwrap()),
            Way::Write | Way::Cached => {
                if matches!(self, Way::Cached) {
                    let undone = db.write(move |tx| {
                        run_cached(tx, sql)?;
                        Err::<(), _>(rusqlite::Error::InvalidQuery)
                    });
                    undone.await.unwrap_err();
                }
                db.write(move |tx| run_cached(tx, sql)).await.unwrap();
            }
            Way::Transaction => {
                let mut tx = db.begin().await.unwrap();
                let savepoint = tx.savepoint().await.unwrap();
                savepoint.execute(sql, ()).await.unwrap();
                savepoint.commit().await.unwrap();
                tx.commit().await.unwrap();
            }
        }
    }
}

fn run_cached(tx: &rusqlite::Connection, sql: &str) -> rusqlite::Result<()> {
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query(())?;
    while rows.next()?.is_some() {}
    Ok(())
}

#[tokio::test]
async fn what_changes_nothing_is_silent() {
    let world = world().await;
    let db = &world.db;
    let mut t = Watched::new(db, "SELECT count(*) FROM t");
    let mut log = Watched::new(db, "SELECT count(*) FROM log");
    // Nothing to change, a constraint, a trigger whose condition is not met.
    db.execute("UPDATE t SET v = 0 WHERE id = 99", ())
        .await
        .unwrap();
    db.execute("DELETE FROM log", ()).await.unwrap();
    db.execute("INSERT INTO t VALUES (10, 'ten', 0), (11, 'ten', 0)", ())
        .await
        .unwrap_err();
    t.silent();
    db.execute("UPDATE t SET v = 50 WHERE id = 1", ())
        .await
        .unwrap();
    t.once();
    log.silent();
    // The same inside a transaction and a closure that commit something else.
    let tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t VALUES (10, 'ten', 0), (11, 'ten', 0)", ())
        .await
        .unwrap_err();
    tx.execute("INSERT INTO other VALUES (1)", ())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    db.write(|tx| {
        tx.execute("INSERT INTO t VALUES (10, 'ten', 0), (10, 'x', 0)", ())
            .unwrap_err();
        tx.execute("INSERT INTO other VALUES (2)", ())?;
        tx.execute("UPDATE t SET v = 0 WHERE id = 99", ())
    })
    .await
    .unwrap();
    t.silent();
    // A failed statement that keeps its rows.
    db.execute(
        "INSERT OR FAIL INTO t VALUES (10, 'ten', 0), (11, 'ten', 0)",
        (),
    )
    .await
    .unwrap_err();
    assert_eq!(t.once(), [4]);
}

#[tokio::test]
async fn what_is_rolled_back_is_silent() {
    let world = world().await;
    let db = &world.db;
    let mut watched = Watched::new(db, "SELECT count(*) FROM t");
    let insert = "INSERT INTO t(k) VALUES ('new')";

    let tx = db.begin().await.unwrap();
    tx.execute(insert, ()).await.unwrap();
    watched.silent();
    tx.rollback().await.unwrap();
    let tx = db.begin().await.unwrap();
    tx.execute(insert, ()).await.unwrap();
    drop(tx);

    let mut tx = db.begin().await.unwrap();
    let savepoint = tx.savepoint().await.unwrap();
    savepoint.execute(insert, ()).await.unwrap();
    savepoint.rollback().await.unwrap();
    let mut savepoint = tx.savepoint().await.unwrap();
    let inner = savepoint.savepoint().await.unwrap();
    inner.execute(insert, ()).await.unwrap();
    inner.commit().await.unwrap();
    drop(savepoint);
    tx.execute("INSERT INTO other VALUES (1)", ())
        .await
        .unwrap();
    tx.commit().await.unwrap();

    db.write(|tx| {
        tx.execute("INSERT INTO t(k) VALUES ('new')", ())?;
        Err::<(), _>(rusqlite::Error::InvalidQuery)
    })
    .await
    .unwrap_err();
    let tx = db.begin().await.unwrap();
    tx.execute(insert, ()).await.unwrap();
    tx.execute("INSERT OR ROLLBACK INTO t(k) VALUES ('new')", ())
        .await
        .unwrap_err();
    drop(tx);
    watched.silent();

    // Of a transaction, what is left of it counts.
    let mut tx = db.begin().await.unwrap();
    tx.execute(insert, ()).await.unwrap();
    let savepoint = tx.savepoint().await.unwrap();
    savepoint.execute("DELETE FROM t", ()).await.unwrap();
    drop(savepoint);
    tx.commit().await.unwrap();
    assert_eq!(watched.once(), [4]);
}

#[tokio::test]
async fn members_of_a_group_that_fail_are_silent() {
    let world = world().await;
    let db = &world.db;
    // Texts that are known go straight to the writer.
    let good = "INSERT INTO other VALUES (1)";
    let bad = "INSERT INTO t VALUES (9, 'nine', 1), (9, 'ten', 1)";
    db.execute(good, ()).await.unwrap();
    db.execute(bad, ()).await.unwrap_err();
    let mut t = Watched::new(db, "SELECT count(*) FROM t");
    let mut wide = Watched::new(db, "SELECT count(*) FROM wide");
    // All queued behind one call, so that they make a group.
    let gate = Gate::new("the call before the group");
    let step = gate.step();
    let call = db.call(move |_| {
        step.pass();
        Ok(())
    });
    let good = db.execute(good, ());
    let bad = db.execute(bad, ());
    let ugly = db.write(|tx| {
        tx.execute("DELETE FROM wide", ())?;
        tx.execute("INSERT OR ROLLBACK INTO t VALUES (1, 'x', 1)", ())
    });
    let open = async {
        gate.reached().await;
        gate.open();
    };
    let (call, good, bad, ugly, ()) = tokio::join!(call, good, bad, ugly, open);
    call.unwrap();
    good.unwrap();
    bad.unwrap_err();
    ugly.unwrap_err();
    t.silent();
    wide.silent();
}

/// Gives the only reader an SQL function that counts its calls.
async fn counting(db: &Database) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counts = count.clone();
    db.read(move |conn| {
        let flags = FunctionFlags::SQLITE_UTF8;
        conn.create_scalar_function("counted", 1, flags, move |context| {
            counts.fetch_add(1, Ordering::SeqCst);
            context.get::<i64>(0)
        })
    })
    .await
    .unwrap();
    count
}

#[tokio::test]
async fn a_commit_on_a_table_that_is_not_read_runs_nothing() {
    let world = world().await;
    let db = &world.db;
    let count = counting(db).await;
    let mut watched = Watched::new(db, "SELECT counted(count(*)) FROM t");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    for _ in 0..20 {
        db.execute("INSERT INTO other VALUES (1)", ())
            .await
            .unwrap();
        db.write(|tx| tx.execute("DELETE FROM wide", ()))
            .await
            .unwrap();
        db.write(|tx| tx.execute("REPLACE INTO wide VALUES ('a', 1)", ()))
            .await
            .unwrap();
        db.execute("UPDATE child SET v = 1", ()).await.unwrap();
        watched.silent();
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
    db.execute("UPDATE t SET v = 5", ()).await.unwrap();
    watched.once();
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_slow_consumer_gets_the_latest_and_costs_one_run() {
    let world = world().await;
    let db = &world.db;
    let count = counting(db).await;
    let mut watched = Watched::new(db, "SELECT counted(count(*)) FROM t");
    for n in 0..50 {
        db.execute("INSERT INTO t(k) VALUES (?1)", [n])
            .await
            .unwrap();
    }
    assert_eq!(watched.once(), [53]);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_commit_while_the_query_runs_is_told_once() {
    let world = world().await;
    let db = &world.db;
    let gate = Gate::new("a run of the query");
    let step = std::panic::AssertUnwindSafe(gate.step());
    db.read(move |conn| {
        conn.create_scalar_function("held", 1, FunctionFlags::SQLITE_UTF8, move |context| {
            step.pass();
            context.get::<i64>(0)
        })
    })
    .await
    .unwrap();
    let sql = "SELECT held(count(*)) FROM t";
    // A batch looks at its statements, and its second one stops it: then the
    // first poll of the live query runs it.
    let looked_at = db.batch().execute(sql, ()).execute("BEGIN", ()).await;
    assert!(looked_at.is_err());
    let mut probe = woken::probe_stream(sql, db.watch_as::<i64>(sql, ()).stream());
    probe.pending();
    gate.reached().await;
    // Its snapshot is taken: neither commit is in it, and one is no news to it.
    db.write(|tx| tx.execute("INSERT INTO t(k) VALUES ('new')", ()))
        .await
        .unwrap();
    db.write(|tx| tx.execute("INSERT INTO other VALUES (1)", ()))
        .await
        .unwrap();
    gate.open();
    let mut watched = Watched::unread(probe);
    assert_eq!(watched.next(), [3]);
    assert_eq!(watched.once(), [4]);
}

#[tokio::test]
async fn a_commit_that_a_run_has_seen_is_no_news() {
    let world = world().await;
    let db = &world.db;
    let sql = "SELECT count(*) FROM t";
    let mut watched = Watched::new(db, sql);
    // The only reader is busy, so the next run waits for it.
    let gate = Gate::new("the reader");
    let step = gate.step();
    let busy = db.read(move |_| {
        step.pass();
        Ok(())
    });
    let busy = tokio::spawn(busy.into_future());
    gate.reached().await;
    let insert = |tx: &rusqlite::Connection| tx.execute("INSERT INTO t(k) VALUES (random())", ());
    db.write(insert).await.unwrap();
    watched.probe.pending(); // its run is queued
    db.write(insert).await.unwrap();
    gate.open();
    busy.await.unwrap().unwrap();
    assert_eq!(watched.next(), [5]);
    // It runs once more, since it might not have seen the second, and gives
    // nothing.
    watched.settle(db).await;
    db.write(insert).await.unwrap();
    assert_eq!(watched.once(), [6]);
}

#[tokio::test]
async fn a_subscriber_in_the_middle_of_a_transaction_sees_its_commit() {
    for closure in [false, true] {
        let world = world_of(2).await;
        let db = &world.db;
        if closure {
            let gate = Gate::new("in a closure");
            let step = gate.step();
            let write = db.write(move |tx| {
                let done = tx.execute("INSERT INTO t(k) VALUES ('new')", ())?;
                step.pass();
                Ok(done)
            });
            let watch = async {
                gate.reached().await;
                let watched = Watched::new(db, "SELECT count(*) FROM t");
                gate.open();
                watched
            };
            let (done, mut watched) = tokio::join!(write, watch);
            done.unwrap();
            assert_eq!(watched.once(), [4]);
        } else {
            let tx = db.begin().await.unwrap();
            tx.execute("INSERT INTO t(k) VALUES ('new')", ())
                .await
                .unwrap();
            let mut watched = Watched::new(db, "SELECT count(*) FROM t");
            let mut other = Watched::new(db, "SELECT count(*) FROM other");
            watched.silent();
            tx.commit().await.unwrap();
            assert_eq!(watched.once(), [4]);
            other.silent();
        }
    }
}

#[tokio::test]
async fn a_call_is_news_where_it_shows() {
    let world = world().await;
    let db = &world.db;
    let mut t = Watched::new(db, "SELECT count(*) FROM t");
    // A call that only reads, and one that takes the hooks away first.
    db.call(|raw| raw.query_row("SELECT count(*) FROM t", (), |row| row.get::<_, i64>(0)))
        .await
        .unwrap();
    t.silent();
    db.call(|raw| {
        raw.update_hook(None::<fn(rusqlite::hooks::Action, &str, &str, i64)>)?;
        raw.commit_hook(None::<fn() -> bool>)?;
        raw.authorizer(
            None::<fn(rusqlite::hooks::AuthContext<'_>) -> rusqlite::hooks::Authorization>,
        )?;
        raw.execute("DELETE FROM t WHERE id = 3", ())
    })
    .await
    .unwrap();
    assert_eq!(t.next(), [2]);
    // They are put back.
    db.execute("INSERT INTO t(k) VALUES ('new')", ())
        .await
        .unwrap();
    assert_eq!(t.next(), [3]);
    db.execute("INSERT INTO other VALUES (1)", ())
        .await
        .unwrap();
    t.silent();
}

#[tokio::test]
async fn a_live_query_only_reads() {
    let world = world().await;
    for sql in [
        "INSERT INTO t(k) VALUES ('new') RETURNING id",
        "BEGIN",
        "PRAGMA user_version",
        "ATTACH ':memory:' AS own",
    ] {
        let mut live = world.db.watch(sql, ()).stream();
        live.next().await.unwrap().unwrap_err();
    }
    let count = world.db.query_as::<i64>("SELECT count(*) FROM t", ());
    assert_eq!(count.one().await.unwrap(), 3);
}

#[tokio::test]
async fn closing_ends_the_streams() {
    let world = world().await;
    let mut idle = Watched::new(&world.db, "SELECT count(*) FROM t");
    let mut fresh = world.db.watch("SELECT count(*) FROM t", ()).stream();
    idle.silent();
    world.db.close().await.unwrap();
    idle.probe.woken();
    assert!(matches!(idle.probe.ready(), Some(Err(Error::Closed))));
    assert!(idle.probe.ready().is_none());
    assert!(matches!(fresh.next().await, Some(Err(Error::Closed))));
    assert!(fresh.next().await.is_none());
    assert!(futures_util::stream::FusedStream::is_terminated(&fresh));
}

#[tokio::test]
async fn in_memory_too() {
    let db = aio_sqlite::open(":memory:").await.unwrap();
    db.execute_script(SCHEMA).await.unwrap();
    let mut t = Watched::new(&db, "SELECT count(*) FROM t");
    db.execute("INSERT INTO t(k) VALUES ('new')", ())
        .await
        .unwrap();
    assert_eq!(t.once(), [4]);
    db.execute("INSERT INTO other VALUES (1)", ())
        .await
        .unwrap();
    db.read(|conn| conn.query_row("SELECT count(*) FROM t", (), |row| row.get::<_, i64>(0)))
        .await
        .unwrap();
    t.silent();
    db.write(|tx| tx.execute("DELETE FROM t WHERE id = 1", ()))
        .await
        .unwrap();
    assert_eq!(t.once(), [3]);
}

/// A long write and a hundred observers with one reader: nobody waits for
/// anybody for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_observers_share_a_reader_under_a_long_write() {
    let world = world().await;
    let db = &world.db;
    let mut observers = Vec::new();
    for _ in 0..100 {
        let mut live = db.watch_as::<i64>("SELECT max(v) FROM t", ()).stream();
        live.next().await.unwrap().unwrap();
        observers.push(tokio::spawn(async move {
            let mut results = 0;
            while let Some(rows) = live.next().await {
                results += 1;
                if rows.unwrap() == [1000] {
                    break;
                }
            }
            results
        }));
    }
    let long = db.begin().with(async |tx| -> aio_sqlite::Result<_> {
        for n in 0..500 {
            tx.execute("UPDATE t SET v = ?1", [n]).await?;
        }
        Ok(())
    });
    long.await.unwrap();
    for n in 500..=1000 {
        db.execute("UPDATE t SET v = ?1", [n]).await.unwrap();
    }
    for observer in observers {
        let results = watchdog::future("an observer", observer).await.unwrap();
        assert!((1..=502).contains(&results), "{results}");
    }
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_dropped_stream_leaves_the_reader_and_the_writer_alone() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let report = cuts::every("watch")
                .world(async || {
                    let world = world().await;
                    let gate = Gate::new("run");
                    let step = std::panic::AssertUnwindSafe(gate.step());
                    world
                        .db
                        .read(move |conn| {
                            let flags = FunctionFlags::SQLITE_UTF8;
                            conn.create_scalar_function("held", 1, flags, move |context| {
                                step.pass();
                                context.get::<i64>(0)
                            })
                        })
                        .await
                        .unwrap();
                    (world, gate)
                })
                .at_gate(|(_, gate)| gate.clone())
                .run(
                    async |(world, _)| {
                        let db = &world.db;
                        let sql = "SELECT held(count(*)) FROM t";
                        let mut live = db.watch_as::<i64>(sql, ()).stream();
                        assert_eq!(live.next().await.unwrap().unwrap(), [3]);
                        db.execute("INSERT INTO t(k) VALUES ('new')", ())
                            .await
                            .unwrap();
                        assert_eq!(live.next().await.unwrap().unwrap(), [4]);
                    },
                    async |(world, gate), cut| {
                        gate.open();
                        let db = &world.db;
                        // Behind what the cut may have left in the queue.
                        db.execute("DELETE FROM other", ()).await.unwrap();
                        let mut watched = Watched::new(db, "SELECT count(*) FROM t");
                        db.execute("DELETE FROM t", ()).await.unwrap();
                        assert_eq!(watched.once(), [0], "after {cut:?}");
                        db.close().await.unwrap();
                    },
                )
                .await;
            assert!(report.cuts > 0);
        })
        .await;
}

#[tokio::test]
async fn next_that_is_dropped_loses_nothing() {
    let world = world().await;
    let db = &world.db;
    let mut live = db.watch_as::<i64>("SELECT count(*) FROM t", ()).stream();
    for n in 3..20 {
        // Each call is dropped after one poll, until one has an answer.
        let rows = loop {
            match live.next().now_or_never() {
                Some(rows) => break rows.unwrap().unwrap(),
                None => tokio::task::yield_now().await,
            }
        };
        assert_eq!(rows, [n]);
        db.execute("INSERT INTO t(k) VALUES (?1)", [n])
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_stream_is_a_stream() {
    let world = world().await;
    let live = world
        .db
        .watch_as::<i64>("SELECT count(*) FROM t", ())
        .stream();
    let firsts: Vec<_> = live.take(1).collect().await;
    assert_eq!(firsts[0].as_ref().unwrap(), &[3]);
}
