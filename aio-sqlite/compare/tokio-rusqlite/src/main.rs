//! tokio-rusqlite 0.8: one connection on a thread, closures sent to it.

#[path = "../../work.rs"]
mod work;

use tokio_rusqlite::Connection;
use work::{Peer, SQL, Work, main_of};

struct TokioRusqlite(Connection);

fn main() {
    main_of::<TokioRusqlite>();
}

impl Peer for TokioRusqlite {
    // "A handle to call functions in background thread", made to be cloned:
    // docs.rs/tokio-rusqlite/0.8.0/tokio_rusqlite/struct.Connection.html
    type Handle = Connection;

    async fn open(work: &Work, _tasks: usize) -> Self {
        let db = Connection::open(&work.path).await.expect("opens");
        db.call(|raw| {
            raw.pragma_update(None, "journal_mode", "wal")?;
            raw.pragma_update(None, "synchronous", "full")
        })
        .await
        .expect("sets both");
        TokioRusqlite(db)
    }

    async fn handle(&self) -> Connection {
        self.0.clone()
    }

    async fn text(db: &mut Connection, sql: &'static str) -> String {
        db.call(move |raw| raw.query_row(sql, (), |row| row.get(0)))
            .await
            .expect("a text")
    }

    // Statements come from rusqlite's cache: docs.rs/rusqlite, `prepare_cached`.
    async fn select(db: &mut Connection, key: i64) -> (i64, String) {
        db.call(move |raw| {
            raw.prepare_cached(SQL.select)?
                .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .await
        .expect("a row")
    }

    async fn insert(db: &mut Connection, message: (&'static str, &'static str, i64)) -> i64 {
        let changed = db.call(move |raw| raw.prepare_cached(SQL.insert)?.execute(message));
        i64::try_from(changed.await.expect("inserts")).expect("one")
    }
}
