//! What is left when an operation of a database is cut: at every poll, at every
//! step of its workers, with every fate.

use std::time::Duration;

use aio_sqlite::transaction::{Outcome, Receipt};
use aio_sqlite::{Database, Error, Transaction};
use chaos::{Cut, Fate, Gate, Trace, cuts};
use rusqlite::functions::FunctionFlags;
use tempfile::TempDir;

use crate::world::numbers;

/// How long a leaked guard may keep the writer in these tests.
const HOLD: Duration = Duration::from_millis(15);

/// A database whose writer can be stopped at each of its steps.
struct World {
    db: Database,
    tx: Option<Transaction>,
    receipt: Option<Receipt>,
    /// The operation waits in the queue behind a call.
    queued: Gate,
    /// The writer is in the middle of a statement that calls `gate(…)`.
    statement: Gate,
    /// A commit has happened, and its reply is not sent.
    after_commit: Gate,
    _dir: TempDir,
}

impl World {
    /// With the table `t` holding 1 and 2; gates that are not named are open.
    async fn new(cut_at: &[&str]) -> World {
        let dir = tempfile::tempdir().unwrap();
        let db = aio_sqlite::open(dir.path().join("cut.db"))
            .readers(1)
            .max_readers(2)
            .max_hold(HOLD)
            .await
            .unwrap();
        db.execute_script("CREATE TABLE t(n UNIQUE); INSERT INTO t VALUES (1), (2)")
            .await
            .unwrap();
        let world = World {
            db,
            tx: None,
            receipt: None,
            queued: Gate::new("queued"),
            statement: Gate::new("statement"),
            after_commit: Gate::new("after the commit"),
            _dir: dir,
        };
        for gate in world.gates() {
            if !cut_at.contains(&gate.name()) {
                gate.open();
            }
        }
        let statement = std::panic::AssertUnwindSafe(world.statement.step());
        let after = world.after_commit.step();
        let arm = move |raw: &mut rusqlite::Connection| {
            raw.create_scalar_function("gate", 1, FunctionFlags::SQLITE_UTF8, move |context| {
                statement.pass();
                context.get::<i64>(0)
            })?;
            raw.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, _| {
                after.pass();
                Ok(())
            }))
        };
        world.db.call(arm).await.unwrap();
        world
    }

    /// With a transaction that has inserted 3.
    async fn in_transaction(cut_at: &[&str]) -> World {
        let mut world = World::new(cut_at).await;
        let tx = world.db.begin().await.unwrap();
        tx.execute("INSERT INTO t VALUES (3)", ()).await.unwrap();
        world.receipt = Some(tx.receipt());
        world.tx = Some(tx);
        world
    }

    fn gates(&self) -> [&Gate; 3] {
        [&self.queued, &self.statement, &self.after_commit]
    }
}

/// What must hold after any cut: no transaction is open, nothing waits, and the
/// next write, read and transaction work. Returns what the cut left in the
/// table.
async fn sound(mut world: World, cut: &Cut) -> Vec<i64> {
    for gate in world.gates() {
        gate.open();
    }
    let db = world.db.clone();
    // A leaked guard keeps the writer for a while.
    let settle = async {
        loop {
            match db.call(|raw| Ok(raw.is_autocommit())).await {
                Ok(autocommit) => return autocommit,
                Err(Error::Busy { .. }) => {}
                Err(other) => panic!("after {cut:?}: {other}"),
            }
        }
    };
    let autocommit = chaos::watchdog::future("the writer after a cut", settle).await;
    assert!(autocommit, "a transaction is open after {cut:?}");
    let left = numbers(&db).await;
    if let Some(receipt) = world.receipt.take() {
        let outcome = chaos::watchdog::future("the receipt after a cut", receipt.outcome()).await;
        let expected = match left.contains(&3) {
            true => Outcome::Committed,
            false => Outcome::RolledBack,
        };
        assert_eq!(outcome, expected, "{left:?} after {cut:?}");
    }
    drop(world.tx.take());
    db.execute("INSERT INTO t VALUES (1000000)", ())
        .await
        .unwrap();
    let tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t VALUES (1000001)", ())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut expected = left.clone();
    expected.extend([1_000_000, 1_000_001]);
    assert_eq!(numbers(&db).await, expected, "after {cut:?}");
    db.close().await.unwrap();
    left
}

/// Blocks the writer in a call until the gate `queued` opens, so that whatever
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
    if futures_util::FutureExt::now_or_never(call.as_mut()).is_none() {
        tokio::task::spawn_local(call);
    }
}

async fn local<T>(test: impl Future<Output = T>) -> T {
    tokio::task::LocalSet::new().run_until(test).await
}

fn whole_or_not(left: &[i64], cut: &Cut) {
    assert!(
        left == [1, 2] || left == [1, 2, 3, 4],
        "{left:?} after {cut:?}"
    );
    if cut.completed || cut.gate.as_deref() == Some("after the commit") {
        assert_eq!(left, [1, 2, 3, 4], "after {cut:?}");
    }
}

#[tokio::test]
async fn execute_happens_whole_or_not_at_all() {
    local(async {
        cuts::every("Database::execute")
            .world(async || World::new(&["statement", "after the commit"]).await)
            .at_gate(|world: &World| world.statement.clone())
            .at_gate(|world: &World| world.after_commit.clone())
            .run(
                async |world| {
                    let sql = "INSERT INTO t SELECT gate(n + 2) FROM t";
                    world.db.execute(sql, ()).await.unwrap();
                },
                async |world, cut| whole_or_not(&sound(world, &cut).await, &cut),
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn write_happens_whole_or_not_at_all() {
    local(async {
        cuts::every("Database::write")
            .world(async || World::new(&["statement", "after the commit"]).await)
            .at_gate(|world: &World| world.statement.clone())
            .at_gate(|world: &World| world.after_commit.clone())
            .run(
                async |world| {
                    let work = |tx: &rusqlite::Connection| {
                        tx.execute("INSERT INTO t VALUES (gate(3))", ())?;
                        tx.execute("INSERT INTO t VALUES (4)", ())
                    };
                    world.db.write(work).await.unwrap();
                },
                async |world, cut| whole_or_not(&sound(world, &cut).await, &cut),
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn a_batch_happens_whole_or_not_at_all() {
    local(async {
        cuts::every("Database::batch")
            .world(async || World::new(&["statement", "after the commit"]).await)
            .at_gate(|world: &World| world.statement.clone())
            .at_gate(|world: &World| world.after_commit.clone())
            .run(
                async |world| {
                    let batch = world
                        .db
                        .batch()
                        .execute("INSERT INTO t VALUES (gate(3))", ());
                    batch.execute("INSERT INTO t VALUES (4)", ()).await.unwrap();
                },
                async |world, cut| whole_or_not(&sound(world, &cut).await, &cut),
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn a_call_runs_on_or_never_ran() {
    local(async {
        cuts::every("Database::call")
            .world(async || World::new(&["statement"]).await)
            .at_gate(|world: &World| world.statement.clone())
            .run(
                async |world| {
                    let work = |raw: &mut rusqlite::Connection| {
                        raw.execute("INSERT INTO t VALUES (gate(3)), (4)", ())
                    };
                    world.db.call(work).await.unwrap();
                },
                async |world, cut| whole_or_not(&sound(world, &cut).await, &cut),
            )
            .await
    })
    .await;
}

/// Two writes of one group, both cut: each has happened or not.
#[tokio::test]
async fn members_of_a_group_are_cut_one_by_one() {
    for gate in ["queued", "statement", "after the commit"] {
        local(cut_a_group(gate)).await;
    }
}

async fn cut_a_group(at: &'static str) {
    cuts::every("two writes of a group")
        .world(async || {
            let world = World::new(&[at]).await;
            // Known statements are queued by their first poll.
            let refused = world
                .db
                .batch()
                .execute("INSERT INTO t VALUES (gate(3))", ())
                .execute("INSERT INTO t VALUES (4)", ())
                .execute("BEGIN", ())
                .await;
            assert!(refused.is_err());
            hold_the_queue(&world);
            world
        })
        .at_gate(move |world: &World| {
            let gate = world.gates().into_iter().find(|gate| gate.name() == at);
            gate.expect("a gate of that name").clone()
        })
        .run(
            async |world| {
                let (one, two) = tokio::join!(
                    world.db.execute("INSERT INTO t VALUES (gate(3))", ()),
                    world.db.execute("INSERT INTO t VALUES (4)", ()),
                );
                one.unwrap();
                two.unwrap();
            },
            async |world, cut| {
                let left = sound(world, &cut).await;
                assert_eq!(left[..2], [1, 2], "{left:?} after {cut:?}");
                if cut.completed {
                    assert_eq!(left, [1, 2, 3, 4], "after {cut:?}");
                }
                if cut.gate.as_deref() == Some("after the commit") {
                    // The second may have come too late for the first's commit.
                    assert_eq!(left[..3], [1, 2, 3], "{left:?} after {cut:?}");
                }
                let never = cut.gate.as_deref() == Some("queued")
                    && !cut.completed
                    && cut.fate != Fate::Leak;
                if never {
                    assert_eq!(left, [1, 2], "a queued write ran after {cut:?}");
                }
            },
        )
        .await;
}

#[tokio::test]
async fn begin_leaves_no_transaction() {
    local(async {
        cuts::every("Database::begin")
            .world(async || World::new(&[]).await)
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
async fn the_receipt_of_a_cut_commit_tells_its_outcome() {
    local(async {
        cuts::every("commit with a receipt")
            .world(async || World::in_transaction(&["after the commit"]).await)
            .at_gate(|world: &World| world.after_commit.clone())
            .run(
                async |world| world.tx.take().unwrap().commit().await.unwrap(),
                async |world, cut| {
                    // `sound` compares the receipt with the file.
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
async fn the_receipt_of_a_cut_rollback_says_so() {
    local(async {
        cuts::every("rollback with a receipt")
            .world(async || World::in_transaction(&[]).await)
            .run(
                async |world| world.tx.take().unwrap().rollback().await.unwrap(),
                async |world, cut| assert_eq!(sound(world, &cut).await, [1, 2], "after {cut:?}"),
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn a_receipt_can_be_asked_again() {
    local(async {
        cuts::every("Receipt::outcome")
            .world(async || World::in_transaction(&[]).await)
            .run(
                async |world| {
                    let receipt = world.receipt.clone().unwrap();
                    let tx = world.tx.take().unwrap();
                    let (outcome, committed) = tokio::join!(receipt.outcome(), tx.commit());
                    assert_eq!(outcome, Outcome::Committed);
                    committed.unwrap();
                },
                async |world, cut| drop(sound(world, &cut).await),
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn streams_and_reads_that_are_cut_give_their_reader_back() {
    local(async {
        cuts::every("a stream, a query and a read of a database")
            .world(async || World::new(&[]).await)
            .run(
                async |world| {
                    let sql = "WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c
                                WHERE n < 300) SELECT n FROM c";
                    let mut rows = world.db.query_as::<i64>(sql, ()).stream();
                    while let Some(row) = rows.next().await {
                        match row {
                            // A busy machine may keep us from reading for that long.
                            Err(Error::StreamEnded { .. }) => {
                                rows = world.db.query_as::<i64>(sql, ()).stream();
                            }
                            row => drop(row.unwrap()),
                        }
                    }
                    let mut rows = world
                        .db
                        .query("INSERT INTO t VALUES (3), (4) RETURNING n", ());
                    rows = rows.timeout(Duration::from_secs(30));
                    let mut rows = rows.stream();
                    while let Some(row) = rows.next().await {
                        row.unwrap();
                    }
                    let count = |conn: &rusqlite::Connection| {
                        conn.query_row("SELECT count(*) FROM t", (), |row| row.get::<_, i64>(0))
                    };
                    assert_eq!(world.db.read(count).await.unwrap(), 4);
                },
                async |world, cut| whole_or_not(&sound(world, &cut).await, &cut),
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn open_with_and_close_leave_nothing() {
    chaos::alone!();
    local(async {
        let before = Trace::take();
        cuts::every("open().with(…)")
            .world(async || tempfile::tempdir().unwrap())
            .except(Fate::Leak, "a handle that is leaked keeps its threads")
            .run(
                async |dir| {
                    aio_sqlite::open(dir.path().join("cut.db"))
                        .readers(2)
                        .with(async |db| -> aio_sqlite::Result<_> {
                            db.execute("CREATE TABLE t(n)", ()).await?;
                            db.close().await
                        })
                        .await
                        .unwrap();
                },
                async |dir, cut| {
                    if cut.completed {
                        let wal = dir.path().join("cut.db-wal");
                        assert!(!wal.exists(), "a clean close leaves no log: {cut:?}");
                    }
                },
            )
            .await;
        before.assert_same().await;
    })
    .await;
}
