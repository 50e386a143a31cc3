//! Reads that keep SQLite busy, on two readers at once.

use tokio::runtime::Runtime;

use crate::rounds::Bench;
use crate::worlds::{World, tasks};

const COMPUTE: &str = "
    WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < ?1)
    SELECT sum(n * 7 % 13) FROM c";
const STEPS: i64 = 200_000;
/// More than there are readers, so that none of them waits for work.
const TASKS: usize = 4;

pub(crate) fn run(bench: &Bench, runtime_name: &str, runtime: &Runtime) {
    let world = World::open("", runtime);
    bench.row(
        &format!("reads that compute, 2 readers, Database, {runtime_name}"),
        100,
        |operations| {
            let compute = |_| -> i64 {
                let mut statement = world.raw.prepare_cached(COMPUTE).unwrap();
                statement.query_row([STEPS], |row| row.get(0)).unwrap()
            };
            (0..operations).map(compute).sum()
        },
        |operations| {
            tasks(
                runtime,
                &world.database,
                TASKS,
                operations,
                async |db, share| {
                    let mut sum = 0;
                    for _ in share {
                        sum += db.query_as::<i64>(COMPUTE, [STEPS]).one().await.unwrap();
                    }
                    sum
                },
            )
        },
    );
}
