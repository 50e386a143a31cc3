//! Random writes in every way there is, of which some fail: what observers are
//! told of, in tests that compare it with the tables.

use aio_sqlite::Database;
use proptest::prelude::*;

use crate::watched::world;

/// What runs in one transaction or closure, or by itself.
const STATEMENTS: &[&str] = &[
    "INSERT INTO t(k, v) VALUES (abs(random() % 20), 1)",
    "INSERT OR REPLACE INTO t(k, v) VALUES (abs(random() % 5), 2)",
    "INSERT OR IGNORE INTO t(k, v) VALUES (1, 2), (random(), 3)",
    "UPDATE t SET v = v + 60",
    "UPDATE OR REPLACE t SET k = 3 WHERE k < 6",
    "DELETE FROM t WHERE id = (SELECT max(id) FROM t)",
    "INSERT INTO child(t, v) SELECT max(id), 1 FROM t",
    "INSERT OR FAIL INTO t(k) VALUES (40), (1), (1)",
    "INSERT OR ROLLBACK INTO t(k) VALUES (41), (41)",
    "DELETE FROM child",
    "UPDATE wide SET v = v + 1",
    "INSERT INTO docs VALUES ('to see')",
    "INSERT INTO other VALUES (1) RETURNING n",
    "DELETE FROM other",
    "DELETE FROM log",
    "INSERT INTO t(k) VALUES (50), (51), (51)",
    "INSERT INTO strict VALUES (1), (2), ('x')",
    "INSERT INTO refilled VALUES (1)",
    "DELETE FROM strict WHERE rowid % 2",
    "UPDATE t SET v = 5 WHERE k = 3",
    "REPLACE INTO wide VALUES (abs(random() % 5), random() % 100)",
    "DELETE FROM wide",
    "DELETE FROM docs WHERE docs MATCH 'see'",
    "INSERT INTO child(t) VALUES (99999)",
];

/// What only a transaction may do.
const CONTROL: &[&str] = &["SAVEPOINT a", "ROLLBACK TO a", "RELEASE a"];

/// What the writes need besides the tables of [`crate::watched`].
const SCHEMA: &str = "
    CREATE TABLE strict(n INTEGER) STRICT;
    CREATE TABLE refilled(n);
    CREATE TRIGGER refills AFTER INSERT ON refilled BEGIN
        DELETE FROM log;
        INSERT INTO log VALUES (new.n);
        UPDATE wide SET v = v + 1;
    END;
";

/// One random step.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Statement(usize),
    Closure(Vec<usize>),
    /// The rows of one statement are read while another runs.
    Beside(usize),
    /// Statements in a transaction, where those behind the last of
    /// [`STATEMENTS`] are control; those in the middle in a savepoint; and
    /// whether each is kept.
    Transaction(Vec<usize>, Vec<usize>, bool, bool),
    /// An observer goes, and comes again: nothing is written.
    Leave,
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let one = || 0..STATEMENTS.len();
    let some = || proptest::collection::vec(one(), 0..4);
    let controlled = || proptest::collection::vec(0..STATEMENTS.len() + 2 * CONTROL.len(), 0..7);
    prop_oneof![
        2 => one().prop_map(Step::Statement),
        2 => some().prop_map(Step::Closure),
        1 => one().prop_map(Step::Beside),
        4 => (controlled(), controlled(), any::<bool>(), any::<bool>()).prop_map(
            |(around, inside, keep, commit)| Step::Transaction(around, inside, keep, commit)
        ),
        1 => Just(Step::Leave),
    ]
}

fn text(at: usize) -> &'static str {
    match at.checked_sub(STATEMENTS.len()) {
        None => STATEMENTS[at],
        Some(control) => CONTROL[control % CONTROL.len()],
    }
}

/// Runs a case on a database with the tables that the writes are about.
pub(crate) fn on_a_database(case: impl AsyncFnOnce(&Database)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = world().await;
        world.db.execute_script(SCHEMA).await.unwrap();
        case(&world.db).await;
    });
}

pub(crate) async fn apply(db: &Database, step: Step) {
    // Any of them may fail, and what SQLite makes of that is what is told.
    match step {
        Step::Leave => {}
        Step::Statement(at) => drop(db.execute(STATEMENTS[at], ()).await),
        Step::Closure(statements) => {
            let write = db.write(move |tx| {
                for &at in &statements {
                    let _ = tx
                        .prepare_cached(STATEMENTS[at])?
                        .query(())
                        .map(|mut rows| while let Ok(Some(_)) = rows.next() {});
                }
                Ok(())
            });
            let _ = write.await;
        }
        Step::Beside(at) => {
            let write = db.write(move |tx| {
                let mut outer = tx.prepare("INSERT INTO other VALUES (1), (2) RETURNING n")?;
                let mut rows = outer.query(())?;
                while rows.next()?.is_some() {
                    let _ = tx.prepare_cached(STATEMENTS[at])?.execute(());
                }
                Ok(())
            });
            let _ = write.await;
        }
        Step::Transaction(around, inside, keep, commit) => {
            let mut tx = db.begin().await.unwrap();
            for at in around {
                let _ = tx.execute(text(at), ()).await;
            }
            if let Ok(savepoint) = tx.savepoint().await {
                for at in inside {
                    let _ = savepoint.execute(text(at), ()).await;
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
