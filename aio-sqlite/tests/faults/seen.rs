//! Observers that come while another process stands still inside its commit.

use std::path::PathBuf;

use chaos::inject::{Call, Kind};
use chaos::watchdog;
use libtest_mimic::Trial;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::trial;
use crate::writer::{Runtime, Way, Writer, succeed};

const COUNT: &str = "SELECT count(*) FROM again";

pub(crate) fn trials() -> Vec<Trial> {
    let name = "seen::a_commit_that_was_written_before_the_watch_is_seen";
    vec![trial(name, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(begun_while_any_call_is_held());
    })]
}

/// Each call that a commit makes to the log, held until a live query has given
/// its first result. Behind the last of them nothing is written any more, so
/// that the operating system has nothing to tell of.
async fn begun_while_any_call_is_held() {
    let writer = Writer::new(Way::Successor, Runtime::CurrentThread);
    let of_the_log = |call: &&Call| {
        matches!(call.kind, Kind::Write | Kind::Sync) && call.path.ends_with("seen.db-wal")
    };
    let world = World::new().await;
    let run = writer.victim(&world.path).run();
    let calls: Vec<_> = run.trace.iter().filter(of_the_log).collect();

    for call in &calls {
        let world = World::new().await;
        let victim = writer.victim(&world.path).hold_at(call.point.unwrap());
        let running = victim.start().unwrap();
        let held = running.held().unwrap();
        assert_eq!((held.name, held.at), (call.name, call.at), "the same call");

        let db = aio_sqlite::open(&world.path).readers(1).await.unwrap();
        let mut live = db.watch_as::<i64>(COUNT, ()).stream();
        assert_eq!(live.next().await.unwrap().unwrap(), [1], "{held}");
        running.release();
        let next = watchdog::future(&format!("news of {held}"), live.next()).await;
        assert_eq!(next.unwrap().unwrap(), [2], "{held}");
        assert!(running.wait().status.success(), "{held}");
    }
    println!("held={} unseen=0", calls.len());
    let last = calls.last().unwrap();
    assert_eq!(last.kind, Kind::Sync, "{last} is the last of {calls:?}");
}

/// A database with a row, which the program adds one to.
struct World {
    path: PathBuf,
    /// Somebody who has it open, so that the program that closes it leaves the
    /// log alone.
    _neighbour: Connection,
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
            _neighbour: neighbour,
            _folder: folder,
        }
    }
}
