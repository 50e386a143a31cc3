//! Commits of others to the same file, which the operating system tells of.

use std::task::Poll;

use aio_sqlite::Database;
use aio_sqlite::changes::{Change, Changes};
use chaos::{watchdog, woken};
use rusqlite::Connection;
use tempfile::TempDir;

struct World {
    db: Database,
    /// As another process would have it.
    other: Connection,
    _dir: TempDir,
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shared.db");
    let db = aio_sqlite::open(&path).readers(1).await.unwrap();
    db.execute_script("CREATE TABLE t(n); CREATE TABLE u(n)")
        .await
        .unwrap();
    World {
        db,
        other: Connection::open(&path).unwrap(),
        _dir: dir,
    }
}

#[tokio::test]
async fn a_commit_of_another_is_seen() {
    let world = world().await;
    let mut live = world
        .db
        .watch_as::<i64>("SELECT count(*) FROM t", ())
        .stream();
    assert_eq!(live.next().await.unwrap().unwrap(), [0]);
    // One at a time, so that each must wake by itself.
    for n in 1..=300 {
        world.other.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let next = watchdog::future("the commit of another", live.next()).await;
        assert_eq!(next.unwrap().unwrap(), [n]);
    }
}

#[tokio::test]
async fn what_another_does_not_commit_and_equal_results_are_silent() {
    let mut world = world().await;
    let sql = "SELECT count(*) FROM t";
    let mut live = woken::probe_stream(sql, world.db.watch_as::<i64>(sql, ()).stream());
    let mut next = || loop {
        match live.poll() {
            Poll::Ready(item) => break item.unwrap().unwrap(),
            Poll::Pending => live.woken(),
        }
    };
    assert_eq!(next(), [0]);
    let undone = world.other.transaction().unwrap();
    undone.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    drop(undone);
    world.other.execute("INSERT INTO u VALUES (1)", ()).unwrap();
    world.other.execute("UPDATE u SET n = 2", ()).unwrap();
    world.other.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    // Only the last of them shows.
    assert_eq!(next(), [1]);
}

#[tokio::test]
async fn own_commits_are_told_as_ever() {
    let world = world().await;
    let mut live = world
        .db
        .watch_as::<i64>("SELECT count(*) FROM t", ())
        .stream();
    assert_eq!(live.next().await.unwrap().unwrap(), [0]);
    for n in 1..=100 {
        world
            .db
            .execute("INSERT INTO t VALUES (1)", ())
            .await
            .unwrap();
        assert_eq!(live.next().await.unwrap().unwrap(), [n]);
    }
}

#[tokio::test]
async fn a_commit_that_was_written_in_parts_is_seen() {
    let mut world = world().await;
    let sql = "SELECT count(*) FROM t";
    let mut live = world.db.watch_as::<i64>(sql, ()).stream();
    assert_eq!(live.next().await.unwrap().unwrap(), [0]);
    // So much that SQLite writes to the log before the commit.
    world.other.pragma_update(None, "cache_size", 2).unwrap();
    let tx = world.other.transaction().unwrap();
    let series = "INSERT INTO t WITH RECURSIVE c(n) AS
        (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < 50000) SELECT n FROM c";
    tx.execute(series, ()).unwrap();
    tx.commit().unwrap();
    let next = watchdog::future("the commit of another", live.next()).await;
    assert_eq!(next.unwrap().unwrap(), [50_000]);
}

#[tokio::test]
async fn changes_of_another_are_told_by_tables() {
    let world = world().await;
    let mut changes = world.db.changes().stream();
    world.other.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    assert_eq!(two_tables(&mut changes).await, ["t", "u"]);
}

#[tokio::test]
async fn changes_of_another_since_the_opening_are_told_at_the_beginning() {
    let world = world().await;
    world.other.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    let mut changes = world.db.changes().stream();
    assert_eq!(two_tables(&mut changes).await, ["t", "u"]);
}

async fn two_tables(changes: &mut Changes) -> Vec<String> {
    let mut tables = Vec::new();
    for _ in 0..2 {
        let next = watchdog::future("the commit of another", changes.next()).await;
        match next.unwrap().unwrap() {
            Change::Table { table, .. } => tables.push(table),
            other => panic!("{other:?}"),
        }
    }
    tables.sort();
    tables
}

#[tokio::test]
async fn commits_behind_a_truncated_log_are_seen() {
    let world = world().await;
    let sql = "SELECT count(*) FROM t";
    let mut live = world.db.watch_as::<i64>(sql, ()).stream();
    assert_eq!(live.next().await.unwrap().unwrap(), [0]);
    for n in 1..20 {
        let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
        world.other.query_row(truncate, (), |_| Ok(())).unwrap();
        world.other.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let next = watchdog::future("the commit of another", live.next()).await;
        assert_eq!(next.unwrap().unwrap(), [n]);
    }
}

#[tokio::test]
async fn two_databases_of_one_process_see_each_other() {
    let world = world().await;
    let sql = "SELECT count(*) FROM t";
    let twin = aio_sqlite::open(world.db.path()).readers(1).await.unwrap();
    let mut here = world.db.watch_as::<i64>(sql, ()).stream();
    let mut there = twin.watch_as::<i64>(sql, ()).stream();
    assert_eq!(here.next().await.unwrap().unwrap(), [0]);
    assert_eq!(there.next().await.unwrap().unwrap(), [0]);
    for (n, db) in (1..20).zip([&world.db, &twin].into_iter().cycle()) {
        db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        for live in [&mut here, &mut there] {
            let next = watchdog::future("the commit of either", live.next()).await;
            assert_eq!(next.unwrap().unwrap(), [n]);
        }
    }
    // While a transaction of one's own reads, news waits for its end.
    let tx = world.db.begin().deferred().await.unwrap();
    tx.query(sql, ()).await.unwrap();
    twin.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
    tx.rollback().await.unwrap();
    let next = watchdog::future("the commit meanwhile", here.next()).await;
    assert_eq!(next.unwrap().unwrap(), [20]);
}

#[tokio::test]
async fn a_database_behind_a_link_is_watched_where_it_is() {
    let world = world().await;
    let links = tempfile::tempdir().unwrap();
    let link = links.path().join("link.db");
    std::os::unix::fs::symlink(world.db.path(), &link).unwrap();
    let db = aio_sqlite::open(&link).readers(1).await.unwrap();
    let mut live = db.watch_as::<i64>("SELECT count(*) FROM t", ()).stream();
    assert_eq!(live.next().await.unwrap().unwrap(), [0]);
    world.other.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    let next = watchdog::future("the commit of another", live.next()).await;
    assert_eq!(next.unwrap().unwrap(), [1]);
}
