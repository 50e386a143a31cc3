//! async-sqlite 0.7: one connection on a thread, closures sent to it.

#[path = "../../work.rs"]
mod work;

use async_sqlite::{Client, ClientBuilder, JournalMode};
use work::{Peer, SQL, Work, main_of};

struct AsyncSqlite(Client);

fn main() {
    main_of::<AsyncSqlite>();
}

impl Peer for AsyncSqlite {
    // "a single background sqlite3 connection that can be called concurrently":
    // docs.rs/async-sqlite/0.7.0. Its queue is unbounded unless one asks.
    type Handle = Client;

    async fn open(work: &Work, _tasks: usize) -> Self {
        let builder = ClientBuilder::new().path(&work.path);
        let db = builder.journal_mode(JournalMode::Wal).open().await;
        let db = db.expect("opens");
        db.conn(|raw| raw.pragma_update(None, "synchronous", "full"))
            .await
            .expect("sets it");
        AsyncSqlite(db)
    }

    async fn handle(&self) -> Client {
        self.0.clone()
    }

    async fn text(db: &mut Client, sql: &'static str) -> String {
        db.conn(move |raw| raw.query_row(sql, (), |row| row.get(0)))
            .await
            .expect("a text")
    }

    // Statements come from rusqlite's cache: docs.rs/rusqlite, `prepare_cached`.
    async fn select(db: &mut Client, key: i64) -> (i64, String) {
        db.conn(move |raw| {
            raw.prepare_cached(SQL.select)?
                .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .await
        .expect("a row")
    }
}
