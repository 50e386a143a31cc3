//! Writes that share a commit: what one of them does to the others.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aio_sqlite::{Database, Error, Result};
use chaos::{Gate, watchdog};
use rusqlite::functions::FunctionFlags;
use tempfile::TempDir;

/// Members of each group here.
const MEMBERS: usize = 64;
/// The member that is different.
const ODD: usize = 31;

struct World {
    db: Database,
    path: PathBuf,
    _dir: TempDir,
}

type Pending<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

impl World {
    async fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("group.db");
        let db = aio_sqlite::open(&path).readers(1).await.unwrap();
        db.execute_script(
            "CREATE TABLE t(n UNIQUE, body);
             CREATE TABLE parent(id INTEGER PRIMARY KEY);
             CREATE TABLE child(parent REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
             CREATE TABLE raising(how);
             CREATE TRIGGER raise_rollback AFTER INSERT ON raising WHEN new.how = 'rollback'
                 BEGIN SELECT RAISE(ROLLBACK, 'said the trigger'); END;
             CREATE TRIGGER raise_abort AFTER INSERT ON raising WHEN new.how = 'abort'
                 BEGIN SELECT RAISE(ABORT, 'said the trigger'); END;
             INSERT INTO t VALUES (-1, NULL)",
        )
        .await
        .unwrap();
        World {
            db,
            path,
            _dir: dir,
        }
    }

    /// Keeps the writer busy until the gate opens.
    async fn hold(&self) -> (Gate, Pending<()>) {
        let gate = Gate::new("the writer");
        let step = gate.step();
        let db = self.db.clone();
        let held: Pending<()> = Box::pin(async move {
            db.call(move |_| {
                step.pass();
                Ok(())
            })
            .await
        });
        (gate.clone(), polled(held))
    }

    fn insert(&self, n: usize) -> Pending<()> {
        let db = self.db.clone();
        Box::pin(async move {
            let done = db
                .execute("INSERT INTO t VALUES (?1, 'plain')", [n])
                .await?;
            assert_eq!(done.changes, 1);
            Ok(())
        })
    }

    /// Runs 63 inserts and the odd member as one group, and returns what the
    /// odd one answered and how many commits there were.
    async fn group(&self, odd: Pending<()>) -> (Result<()>, usize) {
        // Its statement is known, so that the first poll queues it.
        let (gate, held) = self.hold().await;
        let mut odd = Some(odd);
        let members: Vec<Pending<()>> = (0..MEMBERS)
            .map(|n| match n {
                ODD => polled(odd.take().unwrap()),
                _ => polled(self.insert(n)),
            })
            .collect();
        let before = commits(&self.path);
        gate.open();
        held.await.unwrap();
        let mut answer = None;
        for (n, member) in members.into_iter().enumerate() {
            let outcome = watchdog::future("a member of the group", member).await;
            if n == ODD {
                answer = Some(outcome);
            } else {
                outcome.unwrap_or_else(|error| panic!("member {n}: {error}"));
            }
        }
        (answer.unwrap(), commits(&self.path) - before)
    }

    /// The numbers that plain members inserted.
    async fn plain(&self) -> Vec<usize> {
        let sql = "SELECT n FROM t WHERE body = 'plain' ORDER BY n";
        self.db.query_as(sql, ()).await.unwrap()
    }

    async fn others_landed(&self) {
        let others: Vec<usize> = (0..MEMBERS).filter(|&n| n != ODD).collect();
        assert_eq!(self.plain().await, others);
        let check: String = self
            .db
            .query_as("PRAGMA integrity_check", ())
            .one()
            .await
            .unwrap();
        assert_eq!(check, "ok");
    }
}

/// Polls once, which queues the operation.
fn polled<T>(mut operation: Pending<T>) -> Pending<T>
where
    T: Send + 'static,
{
    let mut context = Context::from_waker(Waker::noop());
    match operation.as_mut().poll(&mut context) {
        Poll::Pending => operation,
        Poll::Ready(answer) => Box::pin(async move { answer }),
    }
}

/// How many commits stand in the write-ahead log: its last frame of each says
/// so ([format](https://www.sqlite.org/fileformat2.html#walformat)).
fn commits(database: &Path) -> usize {
    let wal = std::fs::read(format!("{}-wal", database.display())).unwrap();
    let number = |at: usize| u32::from_be_bytes(wal[at..at + 4].try_into().unwrap());
    let page = usize::try_from(number(8)).unwrap();
    let salts = &wal[16..24];
    (32..wal.len())
        .step_by(24 + page)
        .take_while(|at| at + 24 + page <= wal.len() && &wal[at + 8..at + 16] == salts)
        .filter(|at| number(at + 4) != 0)
        .count()
}

/// Makes the statement known, so that its first poll is enough to queue it.
async fn know(db: &Database, sql: &str) {
    // A batch looks at its statements; the second one stops it.
    let refused = db.batch().execute(sql, ()).execute("BEGIN", ()).await;
    assert!(matches!(
        refused.unwrap_err(),
        Error::Batch { index: 1, .. }
    ));
}

async fn one_that_fails(sql: &'static str, is_its_own: impl Fn(&Error) -> bool) {
    let world = World::new().await;
    know(&world.db, "INSERT INTO t VALUES (?1, 'plain')").await;
    know(&world.db, sql).await;
    let db = world.db.clone();
    let odd = Box::pin(async move { db.execute(sql, ()).await.map(drop) });
    let (answer, commits) = world.group(odd).await;
    let error = answer.expect_err(sql);
    assert!(is_its_own(&error), "{sql}: {error}");
    assert!((1..=2).contains(&commits), "{sql}: {commits} commits");
    println!("commits={commits} after {sql}");
    world.others_landed().await;
    world.db.close().await.unwrap();
}

#[tokio::test]
async fn a_member_that_fails_harms_itself_only() {
    for sql in [
        "INSERT INTO t VALUES (-1, 'double')",
        "INSERT OR FAIL INTO t VALUES (-1, 'double')",
        "INSERT OR ROLLBACK INTO t VALUES (-1, 'double')",
        "INSERT INTO raising VALUES ('abort')",
        "INSERT INTO raising VALUES ('rollback')",
        "INSERT INTO child VALUES (7)",
    ] {
        one_that_fails(sql, Error::is_constraint).await;
    }
}

/// SQLite leaves the first row of these in an open transaction.
#[tokio::test]
async fn nothing_of_a_member_that_fails_half_way_is_committed() {
    for sql in [
        "INSERT INTO strict VALUES (1), ('x')",
        "INSERT OR REPLACE INTO strict VALUES (1), ('x')",
        "INSERT OR FAIL INTO strict VALUES (1), (1)",
        "INSERT OR FAIL INTO child_of VALUES (1, 77), (1, 78)",
    ] {
        let world = World::new().await;
        world
            .db
            .execute_script(
                "CREATE TABLE strict(n INTEGER UNIQUE) STRICT;
                 CREATE TABLE child_of(id UNIQUE,
                     parent REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
            )
            .await
            .unwrap();
        know(&world.db, "INSERT INTO t VALUES (?1, 'plain')").await;
        know(&world.db, sql).await;
        let db = world.db.clone();
        let odd = Box::pin(async move { db.execute(sql, ()).await.map(drop) });
        let (answer, commits) = world.group(odd).await;
        assert!(answer.expect_err(sql).is_constraint(), "{sql}");
        assert!((1..=2).contains(&commits), "{sql}: {commits} commits");
        world.others_landed().await;
        let left = "SELECT (SELECT count(*) FROM strict) + (SELECT count(*) FROM child_of)";
        let left: i64 = world.db.query_as(left, ()).one().await.unwrap();
        assert_eq!(left, 0, "{sql}");
    }
}

#[tokio::test]
async fn a_full_disk_is_the_error_of_whoever_fills_it() {
    let world = World::new().await;
    know(&world.db, "INSERT INTO t VALUES (?1, 'plain')").await;
    let sql = "INSERT INTO t VALUES (-2, zeroblob(1000000))";
    know(&world.db, sql).await;
    world
        .db
        .execute("PRAGMA max_page_count = 100", ())
        .await
        .unwrap();
    let db = world.db.clone();
    let odd = Box::pin(async move { db.execute(sql, ()).await.map(drop) });
    let (answer, commits) = world.group(odd).await;
    let error = answer.unwrap_err();
    assert_eq!(error.code(), Some(rusqlite::ErrorCode::DiskFull), "{error}");
    assert!((1..=2).contains(&commits), "{commits} commits");
    world.others_landed().await;
}

#[tokio::test]
async fn a_panic_is_the_answer_of_its_member() {
    let world = World::new().await;
    know(&world.db, "INSERT INTO t VALUES (?1, 'plain')").await;
    let db = world.db.clone();
    let odd = Box::pin(async move {
        db.write(|tx| {
            tx.execute("INSERT INTO t VALUES (-2, 'half')", ())?;
            if tx.changes() == 1 {
                panic!("in the middle");
            }
            Ok(())
        })
        .await
    });
    let (answer, commits) = world.group(odd).await;
    let error = answer.unwrap_err();
    assert!(
        matches!(&error, Error::Panicked { message } if message == "in the middle"),
        "{error}"
    );
    assert!((1..=2).contains(&commits), "{commits} commits");
    world.others_landed().await;
    let half: i64 = world
        .db
        .query_as("SELECT count(*) FROM t WHERE body = 'half'", ())
        .one()
        .await
        .unwrap();
    assert_eq!(half, 0);
}

#[tokio::test]
async fn a_closure_can_neither_end_the_transaction_nor_leave_it() {
    for control in [
        "COMMIT",
        "ROLLBACK",
        "BEGIN",
        "SAVEPOINT mine",
        "RELEASE aio_member",
        "ATTACH ':memory:' AS other",
    ] {
        let world = World::new().await;
        know(&world.db, "INSERT INTO t VALUES (?1, 'plain')").await;
        let db = world.db.clone();
        let odd = Box::pin(async move {
            db.write(move |tx| {
                tx.execute("INSERT INTO t VALUES (-2, 'half')", ())?;
                tx.execute_batch(control)
            })
            .await
        });
        let (answer, commits) = world.group(odd).await;
        let error = answer.expect_err(control);
        assert_eq!(
            error.code(),
            Some(rusqlite::ErrorCode::AuthorizationForStatementDenied),
            "{control}: {error}"
        );
        assert!((1..=2).contains(&commits), "{control}: {commits} commits");
        world.others_landed().await;
    }
}

#[tokio::test]
async fn a_closure_that_goes_on_after_a_rollback_writes_nothing() {
    let world = World::new().await;
    know(&world.db, "INSERT INTO t VALUES (?1, 'plain')").await;
    let db = world.db.clone();
    let odd = Box::pin(async move {
        db.write(|tx| {
            // SQLite rolls everything back here, and would commit what follows
            // by itself.
            let _ = tx.execute("INSERT OR ROLLBACK INTO t VALUES (-1, 'double')", ());
            let _ = tx.execute("INSERT INTO t VALUES (-3, 'behind')", ());
            Ok(())
        })
        .await
    });
    let (answer, commits) = world.group(odd).await;
    let error = answer.unwrap_err();
    assert!(matches!(&error, Error::Aborted { .. }), "{error}");
    assert!((1..=2).contains(&commits), "{commits} commits");
    world.others_landed().await;
    let behind: i64 = world
        .db
        .query_as("SELECT count(*) FROM t WHERE body = 'behind'", ())
        .one()
        .await
        .unwrap();
    assert_eq!(behind, 0, "nothing commits behind the user's back");
}

#[tokio::test]
async fn a_cancelled_member_stops_and_the_others_land() {
    let world = World::new().await;
    know(&world.db, "INSERT INTO t VALUES (?1, 'plain')").await;
    let gate = Gate::new("inside the odd member");
    let step = std::panic::AssertUnwindSafe(gate.step());
    world
        .db
        .call(move |raw| {
            raw.create_scalar_function("gate", 0, FunctionFlags::SQLITE_UTF8, move |_| {
                step.pass();
                Ok(0)
            })
        })
        .await
        .unwrap();
    let endless =
        "INSERT INTO t WITH RECURSIVE c(n) AS (VALUES (gate()) UNION ALL SELECT n + 1 FROM c)
         SELECT -2, 'endless' FROM c WHERE n < 0";
    know(&world.db, endless).await;
    let (writer, held) = world.hold().await;
    let db = world.db.clone();
    let mut odd: Option<Pending<()>> =
        Some(Box::pin(
            async move { db.execute(endless, ()).await.map(drop) },
        ));
    let mut members: Vec<Pending<()>> = (0..MEMBERS)
        .map(|n| match n {
            ODD => polled(odd.take().unwrap()),
            _ => polled(world.insert(n)),
        })
        .collect();
    let before = commits(&world.path);
    writer.open();
    gate.reached().await;
    drop(members.remove(ODD));
    gate.open();
    held.await.unwrap();
    for member in members {
        watchdog::future("a neighbour of the cancelled", member)
            .await
            .unwrap();
    }
    let commits = commits(&world.path) - before;
    assert!((1..=2).contains(&commits), "{commits} commits");
    world.others_landed().await;
}

#[tokio::test]
async fn a_long_member_does_not_keep_those_before_it_waiting() {
    let world = World::new().await;
    know(&world.db, "INSERT INTO t VALUES (?1, 'plain')").await;
    let endless = "INSERT INTO t WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c)
         SELECT -2, 'endless' FROM c WHERE n < 0";
    know(&world.db, endless).await;
    let (gate, held) = world.hold().await;
    let before: Vec<_> = (0..8).map(|n| polled(world.insert(n))).collect();
    let db = world.db.clone();
    let odd = polled(Box::pin(
        async move { db.execute(endless, ()).await.map(drop) },
    ));
    let behind = polled(world.insert(9));
    gate.open();
    held.await.unwrap();
    for member in before {
        watchdog::future("a member before the endless one", member)
            .await
            .unwrap();
    }
    assert_eq!(world.plain().await, (0..8).collect::<Vec<_>>());
    drop(odd);
    watchdog::future("the member behind it", behind)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_closure_may_run_again_and_lands_once() {
    let world = World::new().await;
    know(&world.db, "INSERT INTO t VALUES (?1, 'plain')").await;
    let sql = "INSERT OR ROLLBACK INTO t VALUES (-1, 'double')";
    know(&world.db, sql).await;
    let (gate, held) = world.hold().await;
    let runs = Arc::new(AtomicU32::new(0));
    let (db, counted) = (world.db.clone(), runs.clone());
    let closure: Pending<()> = polled(Box::pin(async move {
        db.write(move |tx| {
            counted.fetch_add(1, Ordering::Relaxed);
            tx.execute("INSERT INTO t VALUES (70, 'plain')", ())
        })
        .await
        .map(drop)
    }));
    let db = world.db.clone();
    let failing: Pending<()> = polled(Box::pin(async move { db.execute(sql, ()).await.map(drop) }));
    gate.open();
    held.await.unwrap();
    closure.await.unwrap();
    assert!(failing.await.unwrap_err().is_constraint());
    assert_eq!(
        runs.load(Ordering::Relaxed),
        2,
        "once more after the rollback"
    );
    assert_eq!(world.plain().await, [70]);
}

#[tokio::test]
async fn what_runs_alone_runs_alone_and_in_its_turn() {
    let world = World::new().await;
    know(&world.db, "INSERT INTO t VALUES (?1, 'plain')").await;
    let alone = ["VACUUM", "PRAGMA user_version = 3", "PRAGMA wal_checkpoint"];
    for sql in alone {
        world.db.execute(sql, ()).await.unwrap();
    }
    let (gate, held) = world.hold().await;
    let mut members: Vec<Pending<()>> = Vec::new();
    for (n, sql) in alone.into_iter().enumerate() {
        members.push(polled(world.insert(2 * n)));
        let db = world.db.clone();
        members.push(polled(Box::pin(async move {
            db.execute(sql, ()).await.map(drop)
        })));
        members.push(polled(world.insert(2 * n + 1)));
    }
    let db = world.db.clone();
    members.push(polled(Box::pin(async move {
        db.call(|raw| {
            // Outside any transaction, behind all the others.
            assert!(raw.is_autocommit());
            let count: i64 =
                raw.query_row("SELECT count(*) FROM t WHERE body = 'plain'", (), |row| {
                    row.get(0)
                })?;
            assert_eq!(count, 6);
            Ok(())
        })
        .await
    })));
    gate.open();
    held.await.unwrap();
    for member in members {
        watchdog::future("what runs alone", member).await.unwrap();
    }
    assert_eq!(world.plain().await, (0..6).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_lone_write_waits_for_nobody() {
    let world = World::new().await;
    let before = commits(&world.path);
    world.insert(1).await.unwrap();
    world.insert(2).await.unwrap();
    assert_eq!(commits(&world.path) - before, 2);
}

#[tokio::test]
async fn a_group_that_finds_the_database_locked_says_so_to_each_at_its_limit() {
    let world = World::new().await;
    know(&world.db, "INSERT INTO t VALUES (?1, 'plain')").await;
    let other = rusqlite::Connection::open(&world.path).unwrap();
    let (gate, held) = world.hold().await;
    let members: Vec<Pending<()>> = (0..8)
        .map(|n| {
            let db = world.db.clone();
            polled(Box::pin(async move {
                db.execute("INSERT INTO t VALUES (?1, 'plain')", [n])
                    .timeout(Duration::from_millis(30))
                    .await
                    .map(drop)
            }) as Pending<()>)
        })
        .collect();
    let patient = polled(world.insert(9));
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    gate.open();
    held.await.unwrap();
    for member in members {
        let error = watchdog::future("a limited member", member)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    }
    other.execute_batch("COMMIT").unwrap();
    watchdog::future("the one without a limit", patient)
        .await
        .unwrap();
    assert_eq!(world.plain().await, [9]);
}
