//! What most tests start from: a connection with a table of two rows, and
//! functions of the test's own in its SQL.

use aio_sqlite::Connection;
use chaos::Step;
use rusqlite::functions::FunctionFlags;

/// A connection in memory with the table `t(n)` holding 1 and 2.
pub(crate) async fn two_rows() -> Connection {
    let db = aio_sqlite::connect(":memory:").await.unwrap();
    fill(&db).await;
    db
}

/// Makes the table `t(n)` holding 1 and 2.
pub(crate) async fn fill(db: &Connection) {
    db.execute_script("CREATE TABLE t(n UNIQUE); INSERT INTO t VALUES (1), (2)")
        .await
        .unwrap();
}

/// The numbers in `t`, in order.
pub(crate) async fn numbers(db: &aio_sqlite::Session) -> Vec<i64> {
    db.query_as("SELECT n FROM t ORDER BY n", ()).await.unwrap()
}

/// Gives a connection an SQL function of one argument, which it returns after
/// having called `act` with it.
pub(crate) async fn function(
    db: &Connection,
    name: &'static str,
    act: impl Fn(i64) + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static,
) {
    db.call(move |raw| {
        raw.create_scalar_function(name, 1, FunctionFlags::SQLITE_UTF8, move |context| {
            let argument = context.get::<i64>(0)?;
            act(argument);
            Ok(argument)
        })
    })
    .await
    .unwrap();
}

/// Gives a connection an SQL function that stops at a gate.
pub(crate) async fn gate(db: &Connection, name: &'static str, step: Step) {
    let step = std::panic::AssertUnwindSafe(step);
    function(db, name, move |_| step.pass()).await;
}

/// A query that never ends by itself.
pub(crate) const ENDLESS: &str =
    "WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c";

/// A query of as many rows as its parameter says.
pub(crate) const SERIES: &str = "WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < ?1) SELECT n FROM c";
