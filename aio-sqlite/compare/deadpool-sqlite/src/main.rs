//! deadpool-sqlite 0.14: a pool of connections, closures run on tokio's blocking pool.

#[path = "../../work.rs"]
mod work;

use deadpool_sqlite::{Config, Hook, HookError, Object, Pool, PoolConfig, Runtime};
use work::{Peer, SQL, Work, main_of};

struct Deadpool {
    pool: Pool,
    holds: bool,
}

/// A task that keeps its connection spares it the check of `get`, which is a
/// query of its own. Many tasks share the pool, as its README has it.
enum Handle {
    Held(Object),
    Shared(Pool),
}

fn main() {
    main_of::<Deadpool>();
}

impl Deadpool {
    /// Runs a closure on a connection.
    async fn interact<T: Send + 'static>(
        handle: &mut Handle,
        work: impl FnOnce(
            &mut deadpool_sqlite::rusqlite::Connection,
        ) -> deadpool_sqlite::rusqlite::Result<T>
        + Send
        + 'static,
    ) -> T {
        let outcome = match handle {
            Handle::Held(connection) => connection.interact(work).await,
            Handle::Shared(pool) => pool.get().await.expect("a connection").interact(work).await,
        };
        outcome.expect("no panic").expect("succeeds")
    }
}

impl Peer for Deadpool {
    type Handle = Handle;

    async fn open(work: &Work, tasks: usize) -> Self {
        let mut config = Config::new(&work.path);
        if work.holds() {
            config.pool = Some(PoolConfig::new(tasks));
        }
        // Shared, it has its default of two connections a core, of which 2, 8
        // and 16 were no better here.
        let pool = config
            .builder(Runtime::Tokio1)
            .expect("cannot fail")
            .post_create(Hook::async_fn(|connection, _| {
                Box::pin(async move {
                    let set = connection.interact(|raw| {
                        raw.pragma_update(None, "journal_mode", "wal")?;
                        raw.pragma_update(None, "synchronous", "full")
                    });
                    set.await
                        .map_err(|error| HookError::message(error.to_string()))?
                        .map_err(HookError::Backend)
                })
            }))
            .build()
            .expect("a pool");
        Deadpool {
            pool,
            holds: work.holds(),
        }
    }

    async fn handle(&self) -> Handle {
        match self.holds {
            true => Handle::Held(self.pool.get().await.expect("a connection")),
            false => Handle::Shared(self.pool.clone()),
        }
    }

    async fn text(handle: &mut Handle, sql: &'static str) -> String {
        Deadpool::interact(handle, move |raw| raw.query_row(sql, (), |row| row.get(0))).await
    }

    // Statements come from rusqlite's cache: docs.rs/rusqlite, `prepare_cached`.
    async fn select(handle: &mut Handle, key: i64) -> (i64, String) {
        Deadpool::interact(handle, move |raw| {
            raw.prepare_cached(SQL.select)?
                .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .await
    }
}
