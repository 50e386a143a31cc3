//! sqlx 0.9: a pool of connections, each on a thread of its own.

#[path = "../../work.rs"]
mod work;

use futures_util::TryStreamExt;
use sqlx::ConnectOptions;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use work::{Peer, SQL, Work, main_of, wide_sum};

struct Sqlx {
    pool: SqlitePool,
    holds: bool,
}

/// A task that keeps its connection spares it the ping of one that is given
/// back. Many tasks share the pool, as its documentation has it.
enum Handle {
    Held(PoolConnection<Sqlite>),
    Shared(SqlitePool),
}

fn main() {
    main_of::<Sqlx>();
}

/// Calls a method that takes an executor, which a connection and a pool are.
macro_rules! on {
    ($handle:expr, $query:expr, $method:ident) => {
        match $handle {
            Handle::Held(connection) => $query.$method(&mut **connection).await,
            Handle::Shared(pool) => $query.$method(&*pool).await,
        }
    };
}

impl Peer for Sqlx {
    type Handle = Handle;

    async fn open(work: &Work, tasks: usize) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(&work.path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // Twenty times its default, which made streams faster here:
            // docs.rs/sqlx/0.9.0/sqlx/sqlite/struct.SqliteConnectOptions.html
            .row_buffer_size(1_000)
            // docs.rs/sqlx/0.9.0/sqlx/trait.ConnectOptions.html
            .disable_statement_logging();
        let connections = match tasks {
            // SQLite has one writer at a time, and those who wait for it in
            // the pool's queue don't poll for its lock.
            _ if work.inserts() => 1,
            // Its default; 1, 2, 4 and 64 were no faster here.
            _ if !work.holds() => 10,
            tasks => u32::try_from(tasks).expect("a small number"),
        };
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            // One hop less for each statement:
            // docs.rs/sqlx/0.9.0/sqlx/pool/struct.PoolOptions.html
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .expect("opens");
        Sqlx {
            pool,
            holds: work.holds(),
        }
    }

    async fn handle(&self) -> Handle {
        match self.holds {
            true => Handle::Held(self.pool.acquire().await.expect("a connection")),
            false => Handle::Shared(self.pool.clone()),
        }
    }

    async fn text(handle: &mut Handle, sql: &'static str) -> String {
        on!(handle, sqlx::query_scalar(sql), fetch_one).expect("a text")
    }

    async fn select(handle: &mut Handle, key: i64) -> (i64, String) {
        on!(handle, sqlx::query_as(SQL.select).bind(key), fetch_one).expect("a row")
    }

    async fn insert(handle: &mut Handle, message: (&'static str, &'static str, i64)) -> i64 {
        let (sender, body, at) = message;
        let insert = sqlx::query(SQL.insert).bind(sender).bind(body).bind(at);
        let done = on!(handle, insert, execute).expect("inserts");
        i64::try_from(done.rows_affected()).expect("one")
    }

    async fn stream(handle: &mut Handle, sql: &'static str, limit: i64) -> i64 {
        let Handle::Held(connection) = handle else {
            panic!("one task streams");
        };
        let query = sqlx::query_as::<_, (i64, String, String, i64)>(sql).bind(limit);
        let mut rows = query.fetch(&mut **connection);
        let mut sum = 0;
        while let Some((id, sender, body, at)) = rows.try_next().await.expect("a row") {
            sum += wide_sum(id, &sender, &body, at);
        }
        sum
    }
}
