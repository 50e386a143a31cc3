//! What is left when a future is cut: at every poll, at every step of the
//! worker, with every fate.

use std::time::Duration;

use aio_sqlite::options::JournalMode;
use aio_sqlite::{Connection, Error, Rows, Transaction, connect};
use chaos::{Cut, Fate, Gate, cuts};
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use crate::world::{self, ENDLESS, SERIES, numbers};

/// How long a leaked guard may keep the connection in these tests.
const HOLD: Duration = Duration::from_millis(15);

/// A connection whose worker can be stopped at each of its steps.
struct World {
    db: Connection,
    tx: Option<Transaction>,
    /// The operation waits in the queue behind a call.
    queued: Gate,
    /// The worker is in the middle of a statement that calls `gate(…)`.
    statement: Gate,
    /// A statement is done, and its reply is not sent.
    done: Gate,
    /// A commit is about to happen.
    before_commit: Gate,
    /// A commit has happened, and its reply is not sent.
    after_commit: Gate,
    _dir: tempfile::TempDir,
}

impl World {
    /// With the table `t` holding 1 and 2, and all gates in place but unused.
    async fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let db = connect(dir.path().join("cut.db"))
            .journal_mode(JournalMode::Wal)
            .max_hold(HOLD)
            .await
            .unwrap();
        world::fill(&db).await;
        let world = World {
            db,
            tx: None,
            queued: Gate::new("queued"),
            statement: Gate::new("statement"),
            done: Gate::new("done"),
            before_commit: Gate::new("before the commit"),
            after_commit: Gate::new("after the commit"),
            _dir: dir,
        };
        world::gate(&world.db, "gate", world.statement.step()).await;
        world
    }

    /// With a transaction that has inserted 3.
    async fn in_transaction() -> World {
        let mut world = World::new().await;
        let tx = world.db.begin().await.unwrap();
        tx.execute("INSERT INTO t VALUES (3)", ()).await.unwrap();
        world.tx = Some(tx);
        world
    }

    fn gates(&self) -> [&Gate; 5] {
        [
            &self.queued,
            &self.statement,
            &self.done,
            &self.before_commit,
            &self.after_commit,
        ]
    }

    /// Arms the gates that every operation of the worker passes, and opens
    /// those at which the test does not cut.
    async fn armed(self, cut_at: &[&str]) -> World {
        for gate in self.gates() {
            if !cut_at.contains(&gate.name()) {
                gate.open();
            }
        }
        let (before, after, done) = (
            self.before_commit.step(),
            self.after_commit.step(),
            self.done.step(),
        );
        let arm = move |raw: &mut rusqlite::Connection| {
            raw.commit_hook(Some(move || {
                before.pass();
                false
            }))?;
            raw.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, _| {
                after.pass();
                Ok(())
            }))?;
            raw.trace_v2(
                TraceEventCodes::SQLITE_TRACE_PROFILE,
                Some(move |_: TraceEvent<'_>| done.pass()),
            )
        };
        self.db.call(arm).await.unwrap();
        self
    }
}

/// Waits until the connection is to be had, which a leaked guard may keep for a
/// while, and returns what is in the table.
async fn settled(world: &mut World) -> Vec<i64> {
    let db = &world.db;
    chaos::watchdog::future("the connection after a cut", async {
        loop {
            match db.query_as("SELECT n FROM t ORDER BY n", ()).await {
                Ok(rows) => return rows,
                Err(Error::Busy { .. }) => {}
                Err(other) => panic!("after a cut: {other}"),
            }
        }
    })
    .await
}

/// What must hold after any cut: no transaction is open, nothing waits, and the
/// next transaction works. Returns what the cut left in the table.
async fn sound(mut world: World, cut: &Cut) -> Vec<i64> {
    for gate in world.gates() {
        gate.open();
    }
    let left = settled(&mut world).await;
    let autocommit = world.db.call(|raw| Ok(raw.is_autocommit())).await.unwrap();
    assert!(autocommit, "a transaction is open after {cut:?}");
    drop(world.tx.take());
    let tx = world.db.begin().await.unwrap();
    tx.execute("INSERT INTO t VALUES (1000000)", ())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut expected = left.clone();
    expected.push(1_000_000);
    assert_eq!(numbers(&world.db).await, expected, "after {cut:?}");
    world.db.close().await.unwrap();
    left
}

/// Blocks the worker in a call until the gate `queued` opens, so that whatever
/// comes next stays queued.
fn hold_the_queue(world: &World) {
    let (db, step) = (world.db.clone(), world.queued.step());
    let mut call = Box::pin(async move {
        db.call(move |_| {
            step.pass();
            Ok(())
        })
        .await
    });
    // One poll queues it; the task waits for it.
    let first = futures_util::FutureExt::now_or_never(call.as_mut());
    if first.is_none() {
        tokio::task::spawn_local(call);
    }
}

async fn local<T>(test: impl Future<Output = T>) -> T {
    tokio::task::LocalSet::new().run_until(test).await
}

#[tokio::test]
async fn execute_happens_whole_or_not_at_all() {
    local(async {
        cuts::every("execute")
            .world(async || {
                World::new()
                    .await
                    .armed(&["statement", "done", "before the commit", "after the commit"])
                    .await
            })
            .at_gate(|world: &World| world.statement.clone())
            .at_gate(|world: &World| world.done.clone())
            .at_gate(|world: &World| world.before_commit.clone())
            .at_gate(|world: &World| world.after_commit.clone())
            .run(
                async |world| {
                    let sql = "INSERT INTO t SELECT gate(n + 2) FROM t";
                    world.db.execute(sql, ()).await.unwrap();
                },
                async |world, cut| {
                    let left = sound(world, &cut).await;
                    assert!(
                        left == [1, 2] || left == [1, 2, 3, 4],
                        "{left:?} after {cut:?}"
                    );
                    if cut.completed || cut.gate.as_deref() == Some("after the commit") {
                        assert_eq!(left, [1, 2, 3, 4], "after {cut:?}");
                    }
                },
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn a_queued_operation_that_is_dropped_never_runs() {
    local(async {
        cuts::every("queued execute")
            .world(async || {
                let world = World::new().await;
                hold_the_queue(&world);
                world
            })
            .at_gate(|world: &World| world.queued.clone())
            .run(
                async |world| {
                    world
                        .db
                        .execute("INSERT INTO t VALUES (3)", ())
                        .await
                        .unwrap();
                },
                async |world, cut| {
                    let left = sound(world, &cut).await;
                    if cut.gate.is_some() && !cut.completed && cut.fate != Fate::Leak {
                        assert_eq!(left, [1, 2], "after {cut:?}");
                    }
                },
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn begin_leaves_no_transaction() {
    local(async {
        cuts::every("begin")
            .world(async || World::new().await.armed(&["done"]).await)
            .at_gate(|world: &World| world.done.clone())
            .run(
                async |world| {
                    let tx = world.db.begin().await.unwrap();
                    tx.execute("INSERT INTO t VALUES (3)", ()).await.unwrap();
                },
                async |world, cut| assert_eq!(sound(world, &cut).await, [1, 2], "after {cut:?}"),
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn a_transaction_cut_anywhere_is_rolled_back_whole_or_committed_whole() {
    local(async {
        cuts::every("begin().with(…)")
            .world(async || {
                World::new()
                    .await
                    .armed(&["statement", "done", "before the commit", "after the commit"])
                    .await
            })
            .at_gate(|world: &World| world.statement.clone())
            .at_gate(|world: &World| world.done.clone())
            .at_gate(|world: &World| world.before_commit.clone())
            .at_gate(|world: &World| world.after_commit.clone())
            .run(
                async |world| {
                    world
                        .db
                        .begin()
                        .with(async |tx| -> aio_sqlite::Result<_> {
                            tx.execute("INSERT INTO t VALUES (gate(3))", ()).await?;
                            tx.execute("INSERT INTO t VALUES (4)", ()).await
                        })
                        .await
                        .unwrap();
                },
                async |world, cut| {
                    let left = sound(world, &cut).await;
                    assert!(
                        left == [1, 2] || left == [1, 2, 3, 4],
                        "{left:?} after {cut:?}"
                    );
                    if cut.completed || cut.gate.as_deref() == Some("after the commit") {
                        assert_eq!(left, [1, 2, 3, 4], "after {cut:?}");
                    }
                },
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn commit_is_committed_or_rolled_back() {
    local(async {
        cuts::every("commit")
            .world(async || World::in_transaction().await)
            .run(
                async |world| world.tx.take().unwrap().commit().await.unwrap(),
                async |world, cut| {
                    let left = sound(world, &cut).await;
                    assert!(
                        left == [1, 2] || left == [1, 2, 3],
                        "{left:?} after {cut:?}"
                    );
                    if cut.completed {
                        assert_eq!(left, [1, 2, 3], "after {cut:?}");
                    }
                },
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn commit_at_its_own_steps() {
    local(async {
        cuts::every("commit, step by step")
            .world(async || {
                let mut world = World::new()
                    .await
                    .armed(&["before the commit", "after the commit"])
                    .await;
                let tx = world.db.begin().await.unwrap();
                tx.execute("INSERT INTO t VALUES (3)", ()).await.unwrap();
                world.tx = Some(tx);
                world
            })
            .at_gate(|world: &World| world.before_commit.clone())
            .at_gate(|world: &World| world.after_commit.clone())
            .run(
                async |world| world.tx.take().unwrap().commit().await.unwrap(),
                async |world, cut| {
                    // A commit that has begun is not interrupted by anybody.
                    let left = sound(world, &cut).await;
                    if cut.completed || cut.gate.is_some() {
                        assert_eq!(left, [1, 2, 3], "after {cut:?}");
                    }
                },
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn rollback_rolls_back() {
    local(async {
        cuts::every("rollback")
            .world(async || World::in_transaction().await)
            .run(
                async |world| world.tx.take().unwrap().rollback().await.unwrap(),
                async |world, cut| assert_eq!(sound(world, &cut).await, [1, 2], "after {cut:?}"),
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn a_savepoint_that_is_cut_leaves_the_outer_transaction() {
    local(async {
        cuts::every("savepoint")
            .world(async || World::in_transaction().await)
            .run(
                async |world| {
                    let tx = world.tx.as_mut().unwrap();
                    let mut sp = tx.savepoint().await.unwrap();
                    sp.execute("INSERT INTO t VALUES (4)", ()).await.unwrap();
                    let inner = sp.savepoint().await.unwrap();
                    inner.execute("INSERT INTO t VALUES (5)", ()).await.unwrap();
                    inner.commit().await.unwrap();
                    sp.commit().await.unwrap();
                },
                async |mut world, cut| {
                    // A write that was stopped in the middle takes the whole
                    // transaction along; then the guard says so.
                    let tx = world.tx.take().unwrap();
                    let committed = match tx.commit().await {
                        Ok(()) => true,
                        Err(Error::Aborted { reason }) => {
                            assert!(reason.contains("interrupted"), "{reason} after {cut:?}");
                            false
                        }
                        Err(other) => panic!("{other} after {cut:?}"),
                    };
                    let left = sound(world, &cut).await;
                    match (committed, cut.completed) {
                        (true, true) => assert_eq!(left, [1, 2, 3, 4, 5], "after {cut:?}"),
                        (true, false) => {
                            assert!(left.starts_with(&[1, 2, 3]), "{left:?} after {cut:?}")
                        }
                        (false, _) => assert_eq!(left, [1, 2], "after {cut:?}"),
                    }
                },
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn a_savepoint_body_that_is_cut_leaves_the_outer_transaction() {
    local(async {
        cuts::every("savepoint().with(…) and rollback")
            .world(async || World::in_transaction().await)
            .at_gate(|world: &World| world.statement.clone())
            .run(
                async |world| {
                    let tx = world.tx.as_mut().unwrap();
                    let refused = tx
                        .savepoint()
                        .with(async |sp| -> aio_sqlite::Result<()> {
                            sp.execute("INSERT INTO t VALUES (4)", ()).await?;
                            // A read: stopping it leaves the transaction.
                            sp.query("SELECT gate(1)", ()).await?;
                            Err(Error::Closed) // any error of the body's own
                        })
                        .await;
                    assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
                    let sp = tx.savepoint().await.unwrap();
                    sp.query("SELECT 5", ()).await.unwrap();
                    sp.rollback().await.unwrap();
                },
                async |mut world, cut| {
                    world.statement.open();
                    let tx = world.tx.take().unwrap();
                    match tx.commit().await {
                        Ok(()) => assert_eq!(sound(world, &cut).await, [1, 2, 3], "after {cut:?}"),
                        // The write of 4 was stopped in its middle.
                        Err(Error::Aborted { reason }) => {
                            assert!(reason.contains("interrupted"), "{reason} after {cut:?}");
                            assert_eq!(sound(world, &cut).await, [1, 2], "after {cut:?}");
                        }
                        Err(other) => panic!("{other} after {cut:?}"),
                    }
                },
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn execute_many_is_all_or_nothing() {
    local(async {
        cuts::every("execute_many")
            .world(async || {
                World::new()
                    .await
                    .armed(&["statement", "before the commit", "after the commit"])
                    .await
            })
            .at_gate(|world: &World| world.statement.clone())
            .at_gate(|world: &World| world.before_commit.clone())
            .at_gate(|world: &World| world.after_commit.clone())
            .run(
                async |world| {
                    let sql = "INSERT INTO t VALUES (gate(?1))";
                    let rows = (3..2_503).map(|n| [n]); // three batches
                    world.db.execute_many(sql, rows).await.unwrap();
                },
                async |world, cut| {
                    let left = sound(world, &cut).await.len();
                    assert!(left == 2 || left == 2_502, "{left} rows after {cut:?}");
                    if cut.completed || cut.gate.as_deref() == Some("after the commit") {
                        assert_eq!(left, 2_502, "after {cut:?}");
                    }
                },
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn execute_stream_is_all_or_nothing() {
    local(async {
        cuts::every("execute_stream")
            .world(World::new)
            .run(
                async |world| {
                    let rows = futures_util::stream::unfold(3, async |n| {
                        tokio::task::yield_now().await;
                        (n < 13).then_some(((n,), n + 1))
                    });
                    world
                        .db
                        .execute_stream("INSERT INTO t VALUES (?1)", rows)
                        .await
                        .unwrap();
                },
                async |world, cut| {
                    let left = sound(world, &cut).await.len();
                    assert!(left == 2 || left == 12, "{left} rows after {cut:?}");
                },
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn a_script_stops_between_or_within_statements() {
    local(async {
        cuts::every("execute_script")
            .world(World::new)
            .at_gate(|world: &World| world.statement.clone())
            .run(
                async |world| {
                    let script = "INSERT INTO t VALUES (3); INSERT INTO t VALUES (gate(4)); INSERT INTO t VALUES (5)";
                    world.db.execute_script(script).await.unwrap();
                },
                async |world, cut| {
                    let left = sound(world, &cut).await;
                    assert!([1, 2, 3, 4, 5].starts_with(&left), "{left:?} after {cut:?}");
                },
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn queries_leave_nothing() {
    local(async {
        cuts::every("query")
            .world(async || World::new().await.armed(&["statement", "done"]).await)
            .at_gate(|world: &World| world.statement.clone())
            .at_gate(|world: &World| world.done.clone())
            .run(
                async |world| {
                    let rows = world.db.query("SELECT gate(n) FROM t", ()).await.unwrap();
                    assert_eq!(rows.len(), 2);
                    world.db.query("SELECT 1", ()).one().await.unwrap();
                    world.db.query("SELECT 1", ()).optional().await.unwrap();
                },
                async |world, cut| assert_eq!(sound(world, &cut).await, [1, 2], "after {cut:?}"),
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_cut_is_forgotten_by_the_worker() {
    local(async {
        cuts::every("Rows::next")
            .world(async || World::new().await.armed(&["statement"]).await)
            .at_gate(|world: &World| world.statement.clone())
            .run(
                async |world| {
                    let sql = SERIES.replace("SELECT n FROM c", "SELECT gate(n) FROM c");
                    let mut rows = world.db.query_as::<i64>(sql, [400]).stream();
                    let mut expected = 1;
                    while let Some(n) = rows.next().await {
                        assert_eq!(n.unwrap(), expected);
                        expected += 1;
                    }
                    assert_eq!(expected, 401);
                },
                async |world, cut| assert_eq!(sound(world, &cut).await, [1, 2], "after {cut:?}"),
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_lent_rows_that_is_cut_is_forgotten_by_the_worker() {
    local(async {
        cuts::every("Rows::next_ref")
            .world(async || World::new().await.armed(&["statement"]).await)
            .at_gate(|world: &World| world.statement.clone())
            .run(
                async |world| {
                    let sql = SERIES.replace("SELECT n FROM c", "SELECT gate(n) FROM c");
                    let mut rows = world.db.query(sql, [400]).stream();
                    let mut expected = 1;
                    while let Some(row) = rows.next_ref().await {
                        assert_eq!(row.unwrap().get::<i64>(0).unwrap(), expected);
                        expected += 1;
                    }
                    assert_eq!(expected, 401);
                },
                async |world, cut| assert_eq!(sound(world, &cut).await, [1, 2], "after {cut:?}"),
            )
            .await
    })
    .await;
}

/// `next_ref` that is dropped has taken no row either, and `next` goes on where
/// it was.
#[tokio::test]
async fn next_ref_that_is_dropped_takes_no_row() {
    let world = World::new().await;
    let mut rows = world.db.query(SERIES, [3_000]).stream();
    let (mut read, mut kept) = (Vec::new(), Vec::new());
    loop {
        let lent = futures_util::FutureExt::now_or_never(rows.next_ref());
        let lent = lent.map(|row| row.map(|row| row.unwrap().get::<i64>(0).unwrap()));
        match lent {
            Some(Some(n)) => read.push(n),
            Some(None) => break,
            None => tokio::task::yield_now().await,
        }
        let owned = futures_util::FutureExt::now_or_never(rows.next());
        if let Some(Some(row)) = owned {
            let row = row.unwrap();
            let n = row.get::<i64>(0).unwrap();
            read.push(n);
            kept.push((n, row));
        }
    }
    assert!(read.iter().copied().eq(1..=3_000));
    // A row that is kept stays what it was.
    for (n, row) in kept {
        assert_eq!(row.get::<i64>(0).unwrap(), n);
    }
}

/// `next` that is dropped has taken no row: cut after each poll and called
/// again, the stream is whole.
#[tokio::test]
async fn next_that_is_dropped_takes_no_row() {
    let world = World::new().await;
    let mut rows: Rows<'_, i64> = world.db.query_as(SERIES, [3_000]).stream();
    let mut read = Vec::new();
    let mut cuts = 0;
    loop {
        let polled = {
            let next = rows.next();
            futures_util::FutureExt::now_or_never(next)
        };
        match polled {
            Some(Some(n)) => read.push(n.unwrap()),
            Some(None) => break,
            None => {
                cuts += 1;
                tokio::task::yield_now().await;
            }
        }
    }
    println!("cuts={cuts} op=Rows::next dropped and called again");
    assert!(read.iter().copied().eq(1..=3_000));
}

#[tokio::test]
async fn a_call_runs_on_or_never_ran() {
    local(async {
        cuts::every("call")
            .world(async || {
                World::new()
                    .await
                    .armed(&["statement", "before the commit"])
                    .await
            })
            .at_gate(|world: &World| world.statement.clone())
            .at_gate(|world: &World| world.before_commit.clone())
            .run(
                async |world| {
                    let step = world.statement.step();
                    let work = move |raw: &mut rusqlite::Connection| {
                        step.pass();
                        raw.execute("INSERT INTO t VALUES (3)", ())
                    };
                    world.db.call(work).await.unwrap();
                },
                async |world, cut| {
                    let left = sound(world, &cut).await;
                    assert!(
                        left == [1, 2] || left == [1, 2, 3],
                        "{left:?} after {cut:?}"
                    );
                },
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn connect_and_close_leave_nothing() {
    local(async {
        cuts::every("connect, close")
            .world(async || tempfile::tempdir().unwrap())
            .run(
                async |dir| {
                    let path = dir.path().join("c.db");
                    let db = connect(&path).await.unwrap();
                    db.close().await.unwrap();
                    connect(&path)
                        .with(async |db| db.execute("SELECT 1", ()).await.map(drop))
                        .await
                        .unwrap();
                },
                async |dir, cut| {
                    let db = connect(dir.path().join("c.db")).await.unwrap();
                    db.execute("CREATE TABLE after(n)", ())
                        .await
                        .unwrap_or_else(|error| {
                            panic!("{error} after {cut:?}");
                        });
                    db.close().await.unwrap();
                },
            )
            .await
    })
    .await;
}

/// What the worker has is gone too: its thread, its descriptors, its journal.
#[test]
fn a_connection_that_is_cut_leaves_no_thread_and_no_descriptor() {
    chaos::alone!();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(local(async {
        let before = chaos::Trace::take();
        cuts::every("connect, write, begin, stream, close")
            .world(async || tempfile::tempdir().unwrap())
            .except(Fate::Leak, "a handle that is leaked keeps its thread")
            .run(
                async |dir| {
                    let db = connect(dir.path().join("c.db")).await.unwrap();
                    world::fill(&db).await;
                    let mut rows = db.query(SERIES, [1_000]).stream();
                    rows.next().await.unwrap().unwrap();
                    let tx = db.begin().await.unwrap();
                    tx.execute("DELETE FROM t", ()).await.unwrap();
                    drop(rows);
                    tx.commit().await.unwrap();
                    db.close().await.unwrap();
                },
                async |dir, _| {
                    // The folder last: while a worker closes, it makes and
                    // removes files in it.
                    before.assert_same().await;
                    dir.close().unwrap();
                },
            )
            .await
    }));
}

#[tokio::test]
async fn an_endless_query_that_is_dropped_stops() {
    let world = World::new().await;
    for stream in [false, true] {
        for _ in 0..50 {
            let db = &world.db;
            let endless = async {
                if stream {
                    let sql = ENDLESS.replace(
                        "SELECT count(*) FROM c",
                        "SELECT 1 WHERE (SELECT count(*) FROM c)",
                    );
                    let mut rows = db.query(sql, ()).stream();
                    rows.next().await.unwrap().unwrap();
                } else {
                    db.query(ENDLESS, ()).await.unwrap();
                }
            };
            let mut endless = Box::pin(endless);
            assert!(futures_util::FutureExt::now_or_never(endless.as_mut()).is_none());
            drop(endless);
            let rows = chaos::watchdog::future("the next operation", numbers(db)).await;
            assert_eq!(rows, [1, 2]);
        }
    }
}

#[tokio::test]
async fn a_wait_for_another_process_s_lock_can_be_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("busy.db");
    let db = connect(&path)
        .busy_timeout(Duration::from_secs(3_600))
        .await
        .unwrap();
    world::fill(&db).await;
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = chaos::watchdog::future("a busy wait with a limit", async {
        db.execute("DELETE FROM t", ())
            .timeout(Duration::from_millis(20))
            .await
            .unwrap_err()
    })
    .await;
    assert!(
        matches!(error, Error::TimedOut { sql: Some(_), .. }),
        "{error}"
    );
    let mut waiting = Box::pin(std::future::IntoFuture::into_future(
        db.execute("DELETE FROM t", ()),
    ));
    assert!(futures_util::FutureExt::now_or_never(waiting.as_mut()).is_none());
    drop(waiting);
    let pid = chaos::watchdog::future("the operation behind a cancelled busy wait", async {
        db.call(|_| Ok(std::process::id())).await.unwrap()
    })
    .await;
    assert_eq!(pid, std::process::id());
}
