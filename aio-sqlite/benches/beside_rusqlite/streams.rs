//! A million rows, into a table and out of it.

use aio_sqlite::Session;
use tokio::runtime::Runtime;

use crate::rounds::Bench;
use crate::worlds::{World, task};

const SCHEMA: &str =
    "CREATE TABLE wide(id INTEGER PRIMARY KEY, sender TEXT, body TEXT, at INTEGER)";
const ROWS: &str = "SELECT id, sender, body, at FROM wide";
const WIDE: &str = "INSERT INTO wide(sender, body, at) VALUES (?1, ?2, ?3)";
const MILLION: usize = 1_000_000;

pub(crate) fn run(bench: &Bench, runtime_name: &str, runtime: &Runtime) {
    let mut world = World::open(SCHEMA, runtime);
    inserts(bench, runtime_name, runtime, &mut world);
    if bench.is_partial() {
        // The rows may have been left out.
        fill(MILLION / bench.share, runtime, &world);
    }
    owned(bench, runtime_name, runtime, &world);
    borrowed(bench, runtime_name, runtime, &world);
}

fn inserts(bench: &Bench, runtime_name: &str, runtime: &Runtime, world: &mut World) {
    let (raw, db) = (&mut world.raw, &world.connection);
    bench.row(
        &format!("1 M inserts in one transaction, {runtime_name}"),
        MILLION,
        |operations| {
            let tx = raw.transaction().unwrap();
            tx.execute("DELETE FROM wide", ()).unwrap();
            let mut statement = tx.prepare_cached(WIDE).unwrap();
            let mut sum = 0;
            for n in 0..operations {
                sum += statement.execute(wide_row(n)).unwrap();
            }
            drop(statement);
            tx.commit().unwrap();
            i64::try_from(sum).unwrap()
        },
        |operations| {
            task(runtime, db, async move |db| {
                let tx = db.begin().await.unwrap();
                tx.execute("DELETE FROM wide", ()).await.unwrap();
                let rows = (0..operations).map(wide_row);
                let done = tx.execute_many(WIDE, rows).await.unwrap();
                tx.commit().await.unwrap();
                i64::try_from(done.changes).unwrap()
            })
        },
    );
}

fn fill(rows: usize, runtime: &Runtime, world: &World) {
    let fill = format!(
        "DELETE FROM wide;
         WITH RECURSIVE c(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM c WHERE n < {rows} - 1)
         INSERT INTO wide(sender, body, at) SELECT 'Bob', 'I need your help.', n FROM c"
    );
    world.raw.execute_batch(&fill).unwrap();
    runtime.block_on(async {
        let session: &Session = &world.connection;
        session.execute_script(&fill).await.unwrap();
    });
}

fn owned(bench: &Bench, runtime_name: &str, runtime: &Runtime, world: &World) {
    bench.row(
        &format!("1 M rows streamed into owned values, {runtime_name}"),
        MILLION,
        |_| {
            let mut statement = world.raw.prepare_cached(ROWS).unwrap();
            let rows = statement
                .query_map((), |row| {
                    Ok((
                        row.get::<_, i64>(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, String>(2)?,
                        row.get::<_, i64>(3)?,
                    ))
                })
                .unwrap();
            rows.map(|row| {
                let (id, sender, body, at) = row.unwrap();
                wide_sum(id, &sender, &body, at)
            })
            .sum()
        },
        |_| {
            task(runtime, &world.connection, async |db| {
                let mut total = 0;
                let mut rows = db.query_as::<(i64, String, String, i64)>(ROWS, ()).stream();
                while let Some(row) = rows.next().await {
                    let (id, sender, body, at) = row.unwrap();
                    total += wide_sum(id, &sender, &body, at);
                }
                total
            })
        },
    );
}

fn borrowed(bench: &Bench, runtime_name: &str, runtime: &Runtime, world: &World) {
    bench.row(
        &format!("1 M rows streamed and borrowed, {runtime_name}"),
        MILLION,
        |_| {
            let mut statement = world.raw.prepare_cached(ROWS).unwrap();
            let mut rows = statement.query(()).unwrap();
            let mut total = 0;
            while let Some(row) = rows.next().unwrap() {
                let text = |column| row.get_ref(column).unwrap().as_str().unwrap();
                let number = |column| row.get(column).unwrap();
                total += wide_sum(number(0), text(1), text(2), number(3));
            }
            total
        },
        |_| {
            task(runtime, &world.connection, async |db| {
                let mut total = 0;
                let mut rows = db.query(ROWS, ()).stream();
                while let Some(row) = rows.next_ref().await {
                    let row = row.unwrap();
                    let text = |column: usize| row.get(column).unwrap();
                    let number = |column: usize| row.get(column).unwrap();
                    total += wide_sum(number(0), text(1), text(2), number(3));
                }
                total
            })
        },
    );
}

fn wide_row(n: usize) -> (&'static str, &'static str, i64) {
    ("Bob", "I need your help.", i64::try_from(n).unwrap())
}

fn wide_sum(id: i64, sender: &str, body: &str, at: i64) -> i64 {
    id + i64::try_from(sender.len() + body.len()).unwrap() + at
}
