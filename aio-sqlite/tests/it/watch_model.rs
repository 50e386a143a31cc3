//! Live queries against asking again: random writes, of which some fail.

use aio_sqlite::{Database, Error};
use chaos::watchdog;
use proptest::prelude::*;

use crate::watched::world;

/// One random step.
#[derive(Clone, Debug)]
enum Step {
    Statement(usize),
    Closure(Vec<usize>),
    /// Statements in a transaction; those in the middle in a savepoint; and
    /// whether each is kept.
    Transaction(Vec<usize>, Vec<usize>, bool, bool),
}

const STATEMENTS: &[&str] = &[
    "INSERT INTO t(k, v) VALUES (abs(random() % 20), 1)",
    "INSERT OR REPLACE INTO t(k, v) VALUES (abs(random() % 5), 2)",
    "INSERT OR IGNORE INTO t(k, v) VALUES (1, 2)",
    "UPDATE t SET v = v + 60",
    "UPDATE t SET v = 5 WHERE k = 3",
    "DELETE FROM t WHERE id = (SELECT max(id) FROM t)",
    "INSERT INTO child(t, v) SELECT max(id), 1 FROM t",
    "INSERT OR FAIL INTO t(k) VALUES (40), (1), (1)",
    "INSERT OR ROLLBACK INTO t(k) VALUES (41), (41)",
    "DELETE FROM child",
    "REPLACE INTO wide VALUES (abs(random() % 5), random() % 100)",
    "UPDATE wide SET v = v + 1",
    "DELETE FROM wide",
    "INSERT INTO docs VALUES ('to see')",
    "DELETE FROM docs WHERE docs MATCH 'see'",
    "INSERT INTO other VALUES (1)",
    "DELETE FROM other",
    "DELETE FROM log",
    "INSERT INTO t(k) VALUES (50), (51), (51)",
    "INSERT INTO child(t) VALUES (99999)",
];

const QUERIES: &[&str] = &[
    "SELECT total(v) + count(*) FROM t",
    "SELECT v FROM seen",
    "SELECT c.id FROM child c JOIN t ON t.id = c.t",
    "SELECT v FROM wide ORDER BY k",
    "SELECT count(*) FROM docs WHERE docs MATCH 'see'",
    "SELECT count(*) FROM other",
    "SELECT line FROM log",
];

fn step() -> impl Strategy<Value = Step> {
    let one = || 0..STATEMENTS.len();
    let some = || proptest::collection::vec(one(), 0..4);
    prop_oneof![
        one().prop_map(Step::Statement),
        some().prop_map(Step::Closure),
        (some(), some(), any::<bool>(), any::<bool>()).prop_map(
            |(around, inside, keep, commit)| Step::Transaction(around, inside, keep, commit)
        ),
    ]
}

async fn apply(db: &Database, step: Step) {
    // Any of them may fail, and what SQLite makes of that is what is watched.
    match step {
        Step::Statement(at) => drop(db.execute(STATEMENTS[at], ()).await),
        Step::Closure(statements) => {
            let write = db.write(move |tx| {
                for &at in &statements {
                    let _ = tx.prepare_cached(STATEMENTS[at])?.execute(());
                }
                Ok(())
            });
            let _ = write.await;
        }
        Step::Transaction(around, inside, keep, commit) => {
            let mut tx = db.begin().await.unwrap();
            for at in around {
                let _ = tx.execute(STATEMENTS[at], ()).await;
            }
            if let Ok(savepoint) = tx.savepoint().await {
                for at in inside {
                    let _ = savepoint.execute(STATEMENTS[at], ()).await;
                }
                let _ = match keep {
                    true => savepoint.commit().await,
                    false => savepoint.rollback().await,
                };
            }
            let _ = match commit {
                true => tx.commit().await,
                false => tx.rollback().await,
            };
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// After each step a live query has given what asking again gives; and
    /// where asking again gives something new, it has given that.
    #[test]
    fn live_queries_are_as_good_as_asking_after_each_commit(
        steps in proptest::collection::vec(step(), 1..12)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let world = world().await;
            let db = &world.db;
            let mut live = Vec::new();
            for sql in QUERIES {
                let mut stream = db.watch_as::<Option<f64>>(sql, ()).stream();
                let last = stream.next().await.unwrap().unwrap();
                live.push((sql, stream, last));
            }
            for step in steps {
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
