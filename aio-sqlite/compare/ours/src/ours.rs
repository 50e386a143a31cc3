//! aio-sqlite, through its public API and with its defaults.

#[path = "../../work.rs"]
mod work;

use aio_sqlite::{Connection, Database, Session, ValueRef};
use futures_util::stream;
use work::{Peer, SQL, Work, main_of, message, wide_sum};

/// One connection beside a peer's; the database beside a pool, for writing, and
/// for reads in parallel.
#[derive(Clone)]
enum Ours {
    Connection(Connection),
    Database(Database),
}

fn main() {
    main_of::<Ours>();
}

impl Ours {
    fn session(&self) -> &Session {
        match self {
            Ours::Connection(db) => db,
            Ours::Database(db) => db,
        }
    }
}

impl Peer for Ours {
    type Handle = Ours;

    async fn open(work: &Work, _tasks: usize) -> Self {
        match work.parts() {
            ("compute", _, "readers") => {
                let db = aio_sqlite::open(&work.path).readers(2);
                Ours::Database(db.await.expect("opens"))
            }
            ("select", _, "database") | ("insert" | "many", ..) => {
                let db = aio_sqlite::open(&work.path);
                Ours::Database(db.await.expect("opens"))
            }
            _ => {
                // The file is in WAL mode, which `connect` leaves as it is.
                let db = aio_sqlite::connect(&work.path);
                Ours::Connection(db.await.expect("opens"))
            }
        }
    }

    async fn handle(&self) -> Ours {
        self.clone()
    }

    async fn text(db: &mut Ours, sql: &'static str) -> String {
        // Pragmas go to the connection that writes.
        let row = db.session().query(sql, ()).one().await.expect("a row");
        match row.value(0).expect("a column") {
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ValueRef::Integer(number) => number.to_string(),
            other => panic!("{other:?} is no text"),
        }
    }

    async fn select(db: &mut Ours, key: i64) -> (i64, String) {
        let query = db.session().query_as(SQL.select, [key]);
        query.one().await.expect("a row")
    }

    async fn insert(db: &mut Ours, message: (&'static str, &'static str, i64)) -> i64 {
        let done = db.session().execute(SQL.insert, message).await;
        i64::try_from(done.expect("inserts").changes).expect("one")
    }

    async fn stream(db: &mut Ours, sql: &'static str, limit: i64) -> i64 {
        let query = db
            .session()
            .query_as::<(i64, String, String, i64)>(sql, [limit]);
        let mut rows = query.stream();
        let mut sum = 0;
        while let Some(row) = rows.next().await {
            let (id, sender, body, at) = row.expect("a row");
            sum += wide_sum(id, &sender, &body, at);
        }
        sum
    }

    async fn borrow(db: &mut Ours, sql: &'static str, limit: i64) -> i64 {
        let mut rows = db.session().query(sql, [limit]).stream();
        let mut sum = 0;
        while let Some(row) = rows.next_ref().await {
            let row = row.expect("a row");
            let text = |column: usize| row.get::<&str>(column).expect("a text");
            let number = |column: usize| row.get::<i64>(column).expect("a number");
            sum += wide_sum(number(0), text(1), text(2), number(3));
        }
        sum
    }

    async fn many(db: &mut Ours, rows: usize) -> i64 {
        let rows = stream::iter((0..rows).map(message));
        let done = db.session().execute_stream(SQL.insert, rows).await;
        i64::try_from(done.expect("inserts").changes).expect("a small number")
    }

    async fn compute(db: &mut Ours, steps: i64) -> i64 {
        let query = db.session().query_as(SQL.compute, [steps]);
        query.one().await.expect("a row")
    }
}
