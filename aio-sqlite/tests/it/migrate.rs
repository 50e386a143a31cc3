//! Migrations: each step whole, once, and in order.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aio_sqlite::migrate::{Migration, Migrations, async_trait};
use aio_sqlite::options::{Access, JournalMode};
use aio_sqlite::{Connection, Error, Transaction, connect};
use chaos::{Fate, cuts, watchdog};
use rusqlite::ErrorCode;

use crate::child;

const TABLE: &str = "CREATE TABLE steps(n)";
const ONE: &str = "INSERT INTO steps VALUES (1)";
const TWO: &str = "INSERT INTO steps VALUES (2)";

/// The version and the rows of `steps`, read by a plain connection.
fn state(path: &Path) -> (i64, Vec<i64>) {
    let raw = rusqlite::Connection::open(path).unwrap();
    let version = raw
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    let exists = raw.table_exists(None, "steps").unwrap();
    let rows = exists.then(|| {
        let mut rows = raw.prepare("SELECT n FROM steps ORDER BY rowid").unwrap();
        let rows = rows.query_map((), |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    });
    (version, rows.unwrap_or_default())
}

/// A step in Rust: reads how many rows there are, and writes the next one.
struct Append;

#[async_trait]
impl Migration for Append {
    async fn run(&self, tx: &mut Transaction) -> aio_sqlite::Result<()> {
        let count: i64 = tx.query_as("SELECT count(*) FROM steps", ()).one().await?;
        tokio::task::yield_now().await;
        tx.execute("INSERT INTO steps VALUES (?1)", [count + 1])
            .await?;
        Ok(())
    }

    fn name(&self) -> &str {
        "append"
    }
}

#[tokio::test]
async fn steps_run_in_order_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    const LIST: &[&str] = &[TABLE, ONE];
    connect(&path)
        .migrations(LIST)
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    assert_eq!(state(&path), (2, vec![1]));

    // The same list, in every form that a list has.
    let db = connect(&path);
    for db in [
        db.clone().migrations([TABLE, ONE]),
        db.clone().migrations([TABLE.to_owned(), ONE.to_owned()]),
        db.clone().migrations(vec![TABLE, ONE]),
        db.migrations(Migrations::new().sql(TABLE).sql(ONE)),
    ] {
        db.await.unwrap().close().await.unwrap();
        assert_eq!(state(&path), (2, vec![1]));
    }

    // A longer one goes on where the last one ended.
    let longer = Migrations::new().sql(TABLE).sql(ONE).step(Append).sql(
        "-- several statements\nINSERT INTO steps VALUES (3); INSERT INTO steps SELECT n + 1 FROM steps WHERE n = 3;",
    );
    for _ in 0..2 {
        let db = connect(&path).migrations(longer.clone()).await.unwrap();
        let rows: Vec<i64> = db.query_as("SELECT n FROM steps", ()).await.unwrap();
        assert_eq!(rows, [1, 2, 3, 4]);
        db.close().await.unwrap();
        assert_eq!(state(&path), (4, vec![1, 2, 3, 4]));
    }
    assert!(format!("{longer:?}").contains("append"));
}

#[tokio::test]
async fn a_database_is_migrated_before_its_readers_look() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    for _ in 0..2 {
        let db = aio_sqlite::open(&path)
            .migrations(Migrations::new().sql(TABLE).sql(ONE).step(Append))
            .on_connect("CREATE TEMP VIEW seen AS SELECT n FROM steps")
            .await
            .unwrap();
        let rows: Vec<i64> = db.query_as("SELECT n FROM seen", ()).await.unwrap();
        assert_eq!(rows, [1, 2]);
        // The writer may commit again, alone and in a group.
        db.execute("UPDATE steps SET n = n", ()).await.unwrap();
        let tx = db.begin().await.unwrap();
        tx.execute("UPDATE steps SET n = n", ()).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await.unwrap();
        assert_eq!(state(&path), (3, vec![1, 2]));
    }
}

#[tokio::test]
async fn a_step_that_fails_is_undone_and_named_and_the_steps_before_it_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let references = "CREATE TABLE child(s REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED); \
                      CREATE TABLE parent(id INTEGER PRIMARY KEY); INSERT INTO child VALUES (7)";
    let failing = [
        (
            "INSERT INTO steps VALUES (8); INSERT INTO absent VALUES (9)",
            "no such table: absent",
        ),
        ("SELEC 1", "migration 3: near \"SELEC\""),
        (
            "INSERT INTO steps VALUES (8); INSERT INTO steps VALUES (?1)",
            "takes no parameters",
        ),
        ("INSERT INTO steps VALUES (8);\0", "a NUL in the SQL"),
        (references, "FOREIGN KEY constraint failed"),
        ("INSERT INTO steps VALUES (8); VACUUM", "VACUUM"),
    ];
    for (sql, said) in failing {
        let error = connect(&path)
            .migrations([TABLE, ONE, sql, TWO])
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("migration 3") && text.contains(said),
            "{text}"
        );
        assert!(
            matches!(&error, Error::Migration { number: 3, .. }),
            "{text}"
        );
        assert!(std::error::Error::source(&error).is_some());
        assert_eq!(state(&path), (2, vec![1]), "after {text}");
    }
    let error = connect(&path)
        .migrations([TABLE, ONE, references])
        .await
        .unwrap_err();
    assert!(error.is_constraint(), "{error}");

    struct Refuses;
    #[async_trait]
    impl Migration for Refuses {
        async fn run(&self, tx: &mut Transaction) -> aio_sqlite::Result<()> {
            tx.execute("INSERT INTO steps VALUES (8)", ()).await?;
            tx.query_as::<i64>("SELECT n FROM steps WHERE n > 8", ())
                .one()
                .await
                .map(drop)
        }
    }
    let refusing = Migrations::from([TABLE, ONE]).step(Refuses);
    let text = connect(&path)
        .migrations(refusing)
        .busy_timeout(Duration::ZERO)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        text.starts_with("migration 3 (") && text.contains("Refuses"),
        "{text}"
    );
    assert!(text.contains("the query has no row"), "{text}");
    // It is undone, and the connection closed, when the answer comes.
    assert_eq!(state(&path), (2, vec![1]));

    connect(&path).migrations([TABLE, ONE, TWO]).await.unwrap();
    assert_eq!(state(&path), (3, vec![1, 2]));
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    for version in [3, 4, 1_000_000, i32::MAX, -1, i32::MIN] {
        let raw = rusqlite::Connection::open(&path).unwrap();
        raw.pragma_update(None, "user_version", version).unwrap();
        drop(raw);
        let before = std::fs::read(&path).unwrap();
        for error in [
            connect(&path).migrations([TABLE, ONE]).await.unwrap_err(),
            connect(&path)
                .migrations([TABLE, ONE])
                .access(Access::ReadOnly)
                .await
                .unwrap_err(),
        ] {
            assert_eq!(
                error.to_string(),
                format!("the database has version {version}, and the migrations lead to 2")
            );
        }
        assert_eq!(std::fs::read(&path).unwrap(), before);
        // Without a list, the version is the caller's business.
        connect(&path).await.unwrap();
    }
}

/// Runs a statement and goes on whatever it answers.
struct Ignores(&'static str);

#[async_trait]
impl Migration for Ignores {
    async fn run(&self, tx: &mut Transaction) -> aio_sqlite::Result<()> {
        tx.execute("INSERT INTO steps VALUES (7)", ()).await?;
        let _ = tx.execute(self.0, ()).await;
        let _ = tx.execute("INSERT INTO steps VALUES (8)", ()).await;
        let _ = tx.execute_script(self.0).await;
        let _ = tx.execute("INSERT INTO steps VALUES (9)", ()).await;
        Ok(())
    }
}

/// Runs a statement and says what it answers.
struct Passes(&'static str);

#[async_trait]
impl Migration for Passes {
    async fn run(&self, tx: &mut Transaction) -> aio_sqlite::Result<()> {
        tx.execute("INSERT INTO steps VALUES (7)", ()).await?;
        tx.execute(self.0, ()).await?;
        tx.execute("INSERT INTO steps VALUES (8)", ()).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_step_can_not_end_its_own_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let first = || Migrations::from([TABLE]);
    let mut refused = 0;
    for ending in [
        "COMMIT",
        "END",
        "COMMIT TRANSACTION",
        "ROLLBACK",
        "/* at last */ commit",
    ] {
        let scripts = [
            format!("INSERT INTO steps VALUES (7); {ending}"),
            format!("INSERT INTO steps VALUES (7); {ending}; INSERT INTO steps VALUES (8)"),
            format!("INSERT INTO steps VALUES (7); {ending}; BEGIN; INSERT INTO steps VALUES (8)"),
            format!("SAVEPOINT a; INSERT INTO steps VALUES (7); {ending}"),
        ];
        let steps = scripts
            .iter()
            .map(|script| first().sql(script))
            .chain([first().step(Ignores(ending)), first().step(Passes(ending))]);
        for list in steps {
            let error = connect(&path).migrations(list.clone()).await.unwrap_err();
            let Error::Migration {
                number: 2, source, ..
            } = &error
            else {
                panic!("{error}");
            };
            assert!(
                matches!(&**source, Error::Aborted { .. }),
                "{ending}: {error}"
            );
            assert_eq!(state(&path), (1, vec![]), "{error}");
            let error = aio_sqlite::open(&path).migrations(list).await.unwrap_err();
            assert!(matches!(&error, Error::Migration { .. }), "{error}");
            assert_eq!(state(&path), (1, vec![]), "{error}");
            refused += 2;
        }
    }
    println!("refused={refused}");

    // Savepoints are no end, and what follows the migrations is not sealed.
    struct Nests;
    #[async_trait]
    impl Migration for Nests {
        async fn run(&self, tx: &mut Transaction) -> aio_sqlite::Result<()> {
            let sp = tx.savepoint().await?;
            sp.execute(ONE, ()).await?;
            sp.rollback().await?;
            let sp = tx.savepoint().await?;
            sp.execute(TWO, ()).await?;
            sp.commit().await
        }
    }
    let list = first()
        .sql("SAVEPOINT a; INSERT INTO steps VALUES (1); RELEASE a")
        .step(Nests);
    let db = connect(&path).migrations(list).await.unwrap();
    db.execute_script("BEGIN; INSERT INTO steps VALUES (3); COMMIT")
        .await
        .unwrap();
    db.begin()
        .with(async |tx| {
            tx.execute("INSERT INTO steps VALUES (4)", ())
                .await
                .map(drop)
        })
        .await
        .unwrap();
    db.close().await.unwrap();
    assert_eq!(state(&path), (3, vec![1, 2, 3, 4]));
}

#[tokio::test]
async fn a_stream_that_a_step_forgets_is_ended() {
    struct Forgets;
    #[async_trait]
    impl Migration for Forgets {
        async fn run(&self, tx: &mut Transaction) -> aio_sqlite::Result<()> {
            let mut rows = tx.query(crate::world::SERIES, [100_000]).stream();
            rows.next().await.unwrap()?;
            std::mem::forget(rows);
            Ok(())
        }
    }
    let db = connect(":memory:")
        .migrations(Migrations::new().step(Forgets).sql(TABLE))
        .await
        .unwrap();
    db.execute(ONE, ()).await.unwrap();
}

/// Each step is counted where it runs, and in the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_open_a_file_at_once_one_runs_each_step() {
    struct Counted(Arc<AtomicUsize>);
    #[async_trait]
    impl Migration for Counted {
        async fn run(&self, tx: &mut Transaction) -> aio_sqlite::Result<()> {
            Append.run(tx).await?;
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }
    const ROUNDS: usize = 15;
    const OPENERS: usize = 8;
    for round in 0..ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.db");
        let counter = Arc::new(AtomicUsize::new(0));
        let list = Migrations::new()
            .sql(TABLE)
            .sql(ONE)
            .step(Counted(counter.clone()))
            .sql("INSERT INTO steps VALUES (3)")
            .step(Counted(counter.clone()));
        let openers: Vec<_> = (0..OPENERS)
            .map(|n| {
                let (path, list) = (path.clone(), list.clone());
                tokio::spawn(async move {
                    let wait = Duration::from_secs(60);
                    if n % 2 == 0 {
                        let db = connect(&path).busy_timeout(wait).migrations(list).await?;
                        db.close().await
                    } else {
                        let db = aio_sqlite::open(&path).busy_timeout(wait);
                        let db = db.readers(1).migrations(list).await?;
                        db.close().await
                    }
                })
            })
            .collect();
        for opener in openers {
            let opened = watchdog::future("an opener among others", opener).await;
            opened.unwrap().unwrap();
        }
        assert_eq!(state(&path), (5, vec![1, 2, 3, 4]), "round {round}");
        assert_eq!(counter.load(Ordering::SeqCst), 2, "round {round}");
    }
    println!("openers={} steps run twice=0", ROUNDS * OPENERS);
}

#[tokio::test]
async fn a_file_that_is_up_to_date_is_only_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let list = || Migrations::from([TABLE, ONE]);
    let opening = || connect(&path).busy_timeout(Duration::ZERO);
    opening().migrations(list()).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    opening().migrations(list()).await.unwrap();
    // One that is not waits for the lock like any write.
    let error = opening().migrations(list().sql(TWO)).await.unwrap_err();
    assert!(error.is_locked(), "{error}");
    assert!(
        matches!(error, Error::Migration { number: 3, .. }),
        "{error}"
    );
    other.execute_batch("COMMIT").unwrap();
    let reading = || opening().access(Access::ReadOnly);
    reading().migrations(list()).await.unwrap();
    let error = reading().migrations(list().sql(TWO)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ReadOnly), "{error}");
    assert_eq!(state(&path), (2, vec![1]));
}

/// Never ends, and says when it is there.
struct Stands(Arc<tokio::sync::Notify>);

#[async_trait]
impl Migration for Stands {
    async fn run(&self, tx: &mut Transaction) -> aio_sqlite::Result<()> {
        tx.execute("INSERT INTO steps VALUES (7)", ()).await?;
        self.0.notify_one();
        std::future::pending().await
    }

    fn name(&self) -> &str {
        "stands"
    }
}

#[tokio::test]
async fn a_limit_ends_a_step_that_does_not_end_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let first = || Migrations::from([TABLE]);
    let endless = format!(
        "INSERT INTO steps VALUES (7); {}; INSERT INTO steps VALUES (8)",
        crate::world::ENDLESS
    );
    for list in [
        first().step(Stands(Arc::default())),
        first().sql(endless.clone()),
    ] {
        let mut limit = Duration::from_millis(40);
        let error = loop {
            let opening = connect(&path).migrations(list.clone()).timeout(limit);
            let opened = watchdog::future("a migration with a limit", opening.into_future()).await;
            match opened.unwrap_err() {
                // On a busy machine it can pass before the step begins.
                Error::TimedOut { .. } => limit *= 2,
                other => break other,
            }
        };
        let Error::Migration {
            number: 2, source, ..
        } = &error
        else {
            panic!("{error}");
        };
        assert!(matches!(&**source, Error::TimedOut { .. }), "{error}");
        assert_eq!(state(&path), (1, vec![]), "{error}");
    }
}

#[tokio::test]
async fn a_panic_in_a_step_undoes_it() {
    struct Panics;
    #[async_trait]
    impl Migration for Panics {
        async fn run(&self, tx: &mut Transaction) -> aio_sqlite::Result<()> {
            tx.execute("INSERT INTO steps VALUES (7)", ()).await?;
            panic!("the step's fault");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let list = Migrations::from([TABLE]).step(Panics);
    let panicked = tokio::spawn(connect(&path).migrations(list).into_future());
    assert!(panicked.await.unwrap_err().is_panic());
    let db = connect(&path).migrations([TABLE, ONE]).await.unwrap();
    db.close().await.unwrap();
    assert_eq!(state(&path), (2, vec![1]));
}

#[tokio::test]
async fn a_table_that_others_refer_to_can_be_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let list = [
        "CREATE TABLE parent(id INTEGER PRIMARY KEY, name);
         CREATE TABLE child(p INTEGER NOT NULL REFERENCES parent(id));
         INSERT INTO parent VALUES (1, 'one'), (2, 'two'); INSERT INTO child VALUES (1), (2)",
        "PRAGMA defer_foreign_keys = ON;
         CREATE TABLE kept AS SELECT * FROM parent;
         DROP TABLE parent;
         CREATE TABLE parent(id INTEGER PRIMARY KEY, name NOT NULL);
         INSERT INTO parent SELECT * FROM kept;
         DROP TABLE kept",
    ];
    let db = connect(&path).migrations(list).await.unwrap();
    let broken = db.query("PRAGMA foreign_key_check", ()).await.unwrap();
    assert!(broken.is_empty());
    let children: i64 = db
        .query_as("SELECT count(*) FROM child", ())
        .one()
        .await
        .unwrap();
    assert_eq!(children, 2);
    let error = db
        .execute("DELETE FROM parent WHERE id = 1", ())
        .await
        .unwrap_err();
    assert!(error.is_constraint(), "{error}");
}

async fn reopened(path: &Path, list: Migrations) -> Connection {
    let db = connect(path).migrations(list);
    watchdog::future("the file after a cut", db.into_future())
        .await
        .unwrap_or_else(|error| panic!("after a cut: {error}"))
}

async fn cut_everywhere(mode: JournalMode) {
    fn list() -> Migrations {
        Migrations::new()
            .sql(TABLE)
            .sql("INSERT INTO steps VALUES (1); INSERT INTO steps VALUES (2)")
            .step(Append)
            .step(Append)
            .sql("INSERT INTO steps VALUES (5)")
    }
    let cutting = cuts::every(format!("connect().migrations(…), {mode:?}"))
        .world(async move || (tempfile::tempdir().unwrap(), mode))
        .except(
            Fate::Leak,
            "a leaked opening keeps its lock as long as the process lives",
        )
        .run(
            async |(dir, mode)| {
                let db = connect(dir.path().join("m.db")).journal_mode(*mode);
                let db = db.migrations(list()).await.unwrap();
                db.close().await.unwrap();
            },
            async |(dir, _), cut| {
                let path = dir.path().join("m.db");
                let db = reopened(&path, list()).await;
                db.close().await.unwrap();
                assert_eq!(state(&path), (5, vec![1, 2, 3, 4, 5]), "{cut:?}");
            },
        );
    tokio::task::LocalSet::new().run_until(cutting).await;
}

#[tokio::test]
async fn migrations_cut_anywhere_are_whole_when_they_have_run_again() {
    cut_everywhere(JournalMode::Wal).await;
    cut_everywhere(JournalMode::Delete).await;
}

#[tokio::test]
async fn a_process_that_is_killed_in_a_step_leaves_the_version_before_it() {
    let list = |last: Stands| Migrations::from([TABLE, ONE]).step(last);
    if let Some((_, path)) = child::part() {
        let standing = Arc::new(tokio::sync::Notify::new());
        let opening = connect(path)
            .journal_mode(JournalMode::Wal)
            .migrations(list(Stands(standing.clone())));
        let opening = tokio::spawn(opening.into_future());
        standing.notified().await;
        println!("\nstanding in its step");
        let _ = opening.await;
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let test = "migrate::a_process_that_is_killed_in_a_step_leaves_the_version_before_it";
    let mut other = child::Other::start(test, "stand", &path);
    other.says("standing in its step");
    other.kill();
    assert_eq!(state(&path), (2, vec![1]));
    let db = reopened(&path, Migrations::from([TABLE, ONE, TWO])).await;
    db.close().await.unwrap();
    assert_eq!(state(&path), (3, vec![1, 2]));
}
