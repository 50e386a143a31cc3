//! Observers that come while another process stands still inside its commit.

use std::path::PathBuf;

use aio_sqlite::Database;
use aio_sqlite::watch::Live;
use chaos::inject::{Call, Kind, Running};
use chaos::watchdog;
use libtest_mimic::Trial;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::trial;
use crate::writer::{Runtime, Way, Writer, succeed};

const COUNT: &str = "SELECT count(*) FROM again";

pub(crate) fn trials() -> Vec<Trial> {
    let name = "seen::a_commit_that_was_written_before_the_watch_is_seen";
    vec![
        trial(name, || block_on(begun_while_any_call_is_held())),
        trial("seen::who_comes_when_the_last_has_gone_sees_it", || {
            block_on(begun_again_while_any_call_is_held());
        }),
        trial("seen::who_is_killed_in_a_commit_hides_no_other", || {
            block_on(killed_at_any_call());
        }),
    ]
}

fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(test);
}

/// Each call that a commit makes to the log, held until a live query has given
/// its first result. Behind the last of them nothing is written any more, so
/// that the operating system has nothing to tell of.
async fn begun_while_any_call_is_held() {
    let calls = calls().await;
    for call in &calls {
        let (world, running) = hold_at(call).await;
        let db = world.open().await;
        let mut live = first_result(&db, call).await;
        running.release();
        assert_eq!(news(&mut live, call).await, [2], "{call}");
        assert!(running.wait().status.success(), "{call}");
    }
    println!("held={} unseen=0", calls.len());
    let last = calls.last().unwrap();
    assert_eq!(last.kind, Kind::Sync, "{last} is the last of {calls:?}");
}

/// The same with live queries that went away: a look of theirs tells nobody.
async fn begun_again_while_any_call_is_held() {
    for call in &calls().await {
        let (world, running) = hold_at(call).await;
        let db = world.open().await;
        for _ in 0..20 {
            drop(first_result(&db, call).await);
        }
        let mut live = first_result(&db, call).await;
        running.release();
        assert_eq!(news(&mut live, call).await, [2], "{call}");
        drop(live);
        assert!(running.wait().status.success(), "{call}");
    }
}

/// Each of the calls, at which the program is killed: what it had written is no
/// commit, and the next one is.
async fn killed_at_any_call() {
    for call in &calls().await {
        let (world, mut running) = hold_at(call).await;
        let db = world.open().await;
        let mut live = first_result(&db, call).await;
        running.kill();
        let _ = running.wait();
        let insert = "INSERT INTO again VALUES (2)";
        world.neighbour.execute(insert, ()).unwrap();
        assert_eq!(news(&mut live, call).await, [2], "{call}");
    }
}

/// What a commit does to the log.
async fn calls() -> Vec<Call> {
    let world = World::new().await;
    let mut calls = writer().victim(&world.path).run().trace;
    calls.retain(|call| {
        matches!(call.kind, Kind::Write | Kind::Sync) && call.path.ends_with("seen.db-wal")
    });
    calls
}

fn writer() -> Writer {
    Writer::new(Way::Successor, Runtime::CurrentThread)
}

async fn hold_at(call: &Call) -> (World, Running) {
    let world = World::new().await;
    let victim = writer().victim(&world.path).hold_at(call.point.unwrap());
    let running = victim.start().unwrap();
    let held = running.held().unwrap();
    assert_eq!((held.name, held.at), (call.name, call.at), "the same call");
    (world, running)
}

async fn first_result(db: &Database, call: &Call) -> Live<i64> {
    let mut live = db.watch_as::<i64>(COUNT, ()).stream();
    assert_eq!(live.next().await.unwrap().unwrap(), [1], "{call}");
    live
}

async fn news(live: &mut Live<i64>, call: &Call) -> Vec<i64> {
    let next = watchdog::future(&format!("news of {call}"), live.next()).await;
    next.unwrap().unwrap()
}

/// A database with a row, which the program adds one to.
struct World {
    path: PathBuf,
    /// Somebody who has it open, so that the program that closes it leaves the
    /// log alone.
    neighbour: Connection,
    _folder: TempDir,
}

impl World {
    async fn new() -> World {
        let folder = chaos::scratch::folder();
        let path = folder.path().join("seen.db");
        succeed(&path).await.unwrap();
        let neighbour = Connection::open(&path).unwrap();
        let rows: i64 = neighbour.query_row(COUNT, (), |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
        World {
            path,
            neighbour,
            _folder: folder,
        }
    }

    async fn open(&self) -> Database {
        aio_sqlite::open(&self.path).readers(1).await.unwrap()
    }
}
