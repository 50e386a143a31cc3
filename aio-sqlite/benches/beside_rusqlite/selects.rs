//! Point selects, one after another and from many tasks.

use aio_sqlite::Session;
use tokio::runtime::Runtime;

use crate::rounds::Bench;
use crate::worlds::{World, tasks};

const POINTS: i64 = 10_000;
const POINT: &str = "SELECT id, body FROM points WHERE id = ?1";

pub(crate) fn run(bench: &Bench, runtime_name: &str, runtime: &Runtime) {
    let schema = format!(
        "CREATE TABLE points(id INTEGER PRIMARY KEY, body TEXT);
         WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < {POINTS})
         INSERT INTO points SELECT n, 'the message of number ' || n FROM c"
    );
    let world = World::open(&schema, runtime);
    let raw = |operations: usize| -> i64 {
        let select = |n: usize| -> i64 {
            let mut statement = world.raw.prepare_cached(POINT).unwrap();
            let (id, body) = statement
                .query_row([key(n)], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
                })
                .unwrap();
            sum(id, &body)
        };
        (0..operations).map(select).sum()
    };
    for (operations, count, at_once) in [(50_000, 1, "one task"), (64_000, 64, "64 tasks")] {
        bench.row(
            &format!("point select, {at_once}, Connection, {runtime_name}"),
            operations,
            raw,
            |operations| {
                tasks(
                    runtime,
                    &world.connection,
                    count,
                    operations,
                    async |db, share| all(&db, share).await,
                )
            },
        );
        bench.row(
            &format!("point select, {at_once}, Database, {runtime_name}"),
            operations,
            raw,
            |operations| {
                tasks(
                    runtime,
                    &world.database,
                    count,
                    operations,
                    async |db, share| all(&db, share).await,
                )
            },
        );
    }
}

async fn all(session: &Session, share: impl Iterator<Item = usize>) -> i64 {
    let mut total = 0;
    for n in share {
        let query = session.query_as::<(i64, String)>(POINT, [key(n)]);
        let (id, body) = query.one().await.unwrap();
        total += sum(id, &body);
    }
    total
}

/// The key of the n-th select: all over the table.
fn key(n: usize) -> i64 {
    (i64::try_from(n).unwrap() * 7_919) % POINTS + 1
}

fn sum(id: i64, body: &str) -> i64 {
    id + i64::try_from(body.len()).unwrap()
}
