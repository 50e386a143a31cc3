//! Single-row inserts, each on the disk before it is acknowledged.

use aio_sqlite::Session;
use tokio::runtime::Runtime;

use crate::rounds::Bench;
use crate::worlds::{World, tasks};

const SCHEMA: &str = "CREATE TABLE inserts(id INTEGER PRIMARY KEY, sender TEXT, body TEXT)";
const INSERT: &str = "INSERT INTO inserts(sender, body) VALUES (?1, ?2)";
const MESSAGE: (&str, &str) = ("Bob", "I need your help.");

pub(crate) fn run(bench: &Bench, runtime_name: &str, runtime: &Runtime) {
    let world = World::open(SCHEMA, runtime);
    let raw = &world.raw;
    let insert = |_| -> i64 {
        let mut statement = raw.prepare_cached(INSERT).unwrap();
        i64::try_from(statement.execute(MESSAGE).unwrap()).unwrap()
    };
    let one_commit_each = |operations: usize| -> i64 { (0..operations).map(insert).sum() };
    let savepoints_in_one_commit = |operations: usize| -> i64 {
        let run = |sql| raw.prepare_cached(sql).unwrap().execute(()).unwrap();
        run("BEGIN IMMEDIATE");
        let mut sum = 0;
        for n in 0..operations {
            run("SAVEPOINT one");
            sum += insert(n);
            run("RELEASE one");
        }
        run("COMMIT");
        sum
    };
    let by_connection = |count: usize| {
        let (runtime, db) = (runtime, &world.connection);
        move |operations| {
            tasks(runtime, db, count, operations, async |db, share| {
                all(&db, share).await
            })
        }
    };
    let by_database = |count: usize| {
        let (runtime, db) = (runtime, &world.database);
        move |operations| {
            tasks(runtime, db, count, operations, async |db, share| {
                all(&db, share).await
            })
        }
    };
    let name = |what: &str| format!("durable insert, {what}, {runtime_name}");
    bench.row(
        &name("one task, Connection"),
        2_000,
        one_commit_each,
        by_connection(1),
    );
    bench.row(
        &name("one task, Database"),
        2_000,
        one_commit_each,
        by_database(1),
    );
    bench.row(
        &name("64 tasks, Connection"),
        3_200,
        one_commit_each,
        by_connection(64),
    );
    bench.row(
        &name("64 tasks, Database"),
        6_400,
        one_commit_each,
        by_database(64),
    );
    bench.row(
        &name("1,024 tasks, Database"),
        10_240,
        one_commit_each,
        by_database(1_024),
    );
    bench.row(
        &name("1,024 tasks, Database, beside savepoints in one commit"),
        102_400,
        savepoints_in_one_commit,
        by_database(1_024),
    );
}

async fn all(session: &Session, share: impl Iterator<Item = usize>) -> i64 {
    let mut sum = 0;
    for _ in share {
        let done = session.execute(INSERT, MESSAGE).await.unwrap();
        sum += i64::try_from(done.changes).unwrap();
    }
    sum
}
