//! Live queries against asking again: random writes, of which some fail.

use aio_sqlite::Error;
use chaos::watchdog;
use proptest::prelude::*;

use crate::random_writes::{Step, apply, on_a_database, step};

const QUERIES: &[&str] = &[
    "SELECT total(v) + count(*) FROM t",
    "SELECT v FROM seen",
    "SELECT c.id FROM child c JOIN t ON t.id = c.t",
    "SELECT v FROM wide ORDER BY k",
    "SELECT count(*) FROM docs WHERE docs MATCH 'see'",
    "SELECT count(*) FROM other",
    "SELECT line FROM log",
    "SELECT total(n) + count(*) FROM strict",
    "SELECT count(*) FROM refilled",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// After each step a live query has given what asking again gives; and
    /// where asking again gives something new, it has given that.
    #[test]
    fn live_queries_are_as_good_as_asking_after_each_commit(
        steps in proptest::collection::vec(step(), 1..12)
    ) {
        on_a_database(async |db| {
            let mut live = Vec::new();
            for sql in QUERIES {
                let mut stream = db.watch_as::<Option<f64>>(sql, ()).stream();
                let last = stream.next().await.unwrap().unwrap();
                live.push((sql, stream, last));
            }
            for step in steps {
                if let Step::Leave = step {
                    // One more, and one less, change how closely it is looked.
                    drop(db.changes().stream());
                }
                apply(db, step.clone()).await;
                for (sql, stream, last) in &mut live {
                    let sql: &str = sql;
                    let asked = db.query_as::<Option<f64>>(sql, ()).await.unwrap();
                    if asked != *last {
                        let next = watchdog::future(sql, stream.next()).await;
                        *last = next.unwrap().unwrap();
                        assert_eq!(*last, asked, "{sql} after {step:?}");
                    }
                }
            }
            // What is left to be told is the same again, if anything.
            db.close().await.unwrap();
            for (sql, mut stream, last) in live {
                while let Some(item) = stream.next().await {
                    match item {
                        Ok(rows) => assert_eq!(rows, last, "{sql} at the end"),
                        Err(Error::Closed) => {}
                        Err(error) => panic!("{sql}: {error}"),
                    }
                }
            }
        });
    }
}
