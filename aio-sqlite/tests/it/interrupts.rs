//! Work that is stopped in its middle, again and again, among neighbours that
//! must not notice. That the work has begun is said from inside it, by an SQL
//! function that it calls.

use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aio_sqlite::options::{JournalMode, Synchronous};
use aio_sqlite::{Connection, Database, Error, Session, connect};
use chaos::watchdog;
use rusqlite::functions::FunctionFlags;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::world::{ENDLESS, SERIES};

const CANCELS: usize = 10_000;

/// Numbers without an end; the first is given by the function that says so.
const BEGUN: &str =
    "WITH RECURSIVE c(n) AS (VALUES (begun()) UNION ALL SELECT n + 1 FROM c) SELECT n FROM c";

/// Endless in one step: no row comes.
fn rowless() -> String {
    format!("SELECT count(*) FROM ({BEGUN})")
}

/// Endless, and it writes.
fn writing() -> String {
    format!("INSERT INTO scratch {BEGUN}")
}

/// Told by the work when it has begun.
#[derive(Clone)]
struct Signal(Arc<Semaphore>);

impl Signal {
    fn new() -> Signal {
        Signal(Arc::new(Semaphore::new(0)))
    }

    fn install(&self, raw: &rusqlite::Connection) -> rusqlite::Result<()> {
        let told = self.0.clone();
        raw.create_scalar_function("begun", 0, FunctionFlags::SQLITE_UTF8, move |_| {
            told.add_permits(1);
            Ok(1)
        })
    }

    async fn begun(&self) {
        self.0.acquire().await.unwrap().forget();
    }

    /// Lets the work run until it has begun, and drops it.
    async fn cut<T>(&self, work: impl Future<Output = T>) {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            () = self.begun() => {}
            _ = work.as_mut() => panic!("endless work has an answer"),
        }
    }
}

/// Tasks that use a session beside others, until they are told to stop.
struct Neighbours {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Neighbours {
    fn none() -> Neighbours {
        Neighbours {
            stop: Arc::default(),
            done: Arc::default(),
            tasks: Vec::new(),
        }
    }

    /// Does one thing again and again; any error of it fails the test.
    fn doing<S, F>(&mut self, session: &S, mut thing: F)
    where
        S: Clone + Send + 'static,
        F: FnMut(S) -> Pin<Box<dyn Future<Output = aio_sqlite::Result<()>> + Send>>
            + Send
            + 'static,
    {
        let (stop, done, session) = (self.stop.clone(), self.done.clone(), session.clone());
        self.tasks.push(tokio::spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                thing(session.clone())
                    .await
                    .unwrap_or_else(|error| panic!("a neighbour was told: {error}"));
                done.fetch_add(1, Ordering::SeqCst);
            }
        }));
    }

    /// What any session can do: a query, a write, a transaction's worth of both.
    fn usual<S>(&mut self, session: &S)
    where
        S: Deref<Target = Session> + Clone + Send + Sync + 'static,
    {
        self.doing(session, |session| {
            Box::pin(async move {
                let n: i64 = session.query_as("SELECT 7 * 6", ()).one().await?;
                assert_eq!(n, 42);
                Ok(())
            })
        });
        let mut next = 0;
        self.doing(session, move |session| {
            next += 1;
            Box::pin(async move {
                let sql = "INSERT INTO kept(n) VALUES (?1)";
                let done = session.execute(sql, [next]).await?;
                assert_eq!(done.changes, 1);
                Ok(())
            })
        });
        self.doing(session, move |session| {
            Box::pin(async move {
                let mut rows = session.query_as::<i64>(SERIES, [300]).stream();
                let mut count = 0;
                while let Some(row) = rows.next().await {
                    match row {
                        Ok(_) => count += 1,
                        // As the documentation has it.
                        Err(Error::StreamEnded { by: "call" }) => return Ok(()),
                        Err(other) => return Err(other),
                    }
                }
                assert_eq!(count, 300);
                Ok(())
            })
        });
    }

    /// Stops them, and returns how many things they did.
    async fn stopped(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            watchdog::future("a neighbour", task).await.unwrap();
        }
        self.done.load(Ordering::SeqCst)
    }
}

/// Rows that neighbours wrote are there in full, each once.
async fn kept(session: &Session) -> i64 {
    let sql = "SELECT count(*), coalesce(max(n), 0) FROM kept";
    let (count, max): (i64, i64) = session.query_as(sql, ()).one().await.unwrap();
    assert_eq!(count, max);
    count
}

const TABLES: &str = "CREATE TABLE kept(n UNIQUE); CREATE TABLE scratch(n)";

async fn connection(dir: &tempfile::TempDir, signal: &Signal) -> Connection {
    let db = connect(dir.path().join("i.db"))
        .journal_mode(JournalMode::Wal)
        .synchronous(Synchronous::Off)
        .await
        .unwrap();
    db.execute_script(TABLES).await.unwrap();
    db.execute_script("CREATE TEMP TABLE mine(n); INSERT INTO temp.mine VALUES (1), (2)")
        .await
        .unwrap();
    let signal = signal.clone();
    db.call(move |raw| signal.install(raw)).await.unwrap();
    db
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_cancels_hit_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let signal = Signal::new();
    let db = connection(&dir, &signal).await;
    let mut neighbours = Neighbours::none();
    neighbours.usual(&db);
    neighbours.doing(&db, |db| {
        Box::pin(async move {
            // The connection is the same one all the time.
            let mine: i64 = db
                .query_as("SELECT sum(n) FROM temp.mine", ())
                .one()
                .await?;
            assert_eq!(mine, 3);
            Ok(())
        })
    });
    let begun = Instant::now();
    let storm = async {
        for k in 0..CANCELS {
            match k % 6 {
                0 => signal.cut(db.query(rowless(), ()).into_future()).await,
                1 => {
                    let mut rows = db.query(rowless(), ()).stream();
                    signal.cut(rows.next()).await;
                }
                2 => signal.cut(db.execute(writing(), ()).into_future()).await,
                3 => {
                    let script = format!("SELECT 1; {}; SELECT 2", rowless());
                    signal.cut(db.execute_script(script).into_future()).await;
                }
                4 => {
                    // A read that is stopped leaves the transaction.
                    let tx = db.begin().await.unwrap();
                    signal.cut(tx.query(rowless(), ()).into_future()).await;
                    tx.execute("INSERT INTO scratch VALUES (1)", ())
                        .await
                        .unwrap();
                    tx.commit().await.unwrap();
                }
                _ => {
                    let sql = rowless();
                    let work = move |raw: &mut rusqlite::Connection| {
                        raw.query_row(&sql, (), |row| row.get::<_, i64>(0))
                    };
                    signal.cut(db.call(work).into_future()).await;
                }
            }
        }
    };
    watchdog::future_within(Duration::from_secs(120), "ten thousand cancels", storm).await;
    let took = begun.elapsed();
    let done = neighbours.stopped().await;
    println!("cancels={CANCELS} neighbours' operations={done} interrupted=0 took={took:?}");
    assert!(done > 1_000, "{done} operations beside {CANCELS} cancels");
    let mine: i64 = db
        .query_as("SELECT sum(n) FROM temp.mine", ())
        .one()
        .await
        .unwrap();
    assert_eq!(mine, 3);
    assert!(kept(&db).await > 0);
    // Of what was stopped nothing is left, and all of what was not.
    let scratch: i64 = db
        .query_as("SELECT count(*) FROM scratch", ())
        .one()
        .await
        .unwrap();
    assert_eq!(scratch, (0..CANCELS).filter(|k| k % 6 == 4).count() as i64);
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancels_on_a_database_hit_neither_its_readers_nor_its_groups() {
    const CANCELS: usize = 3_000;
    let dir = tempfile::tempdir().unwrap();
    let signal = Signal::new();
    let db: Database = aio_sqlite::open(dir.path().join("d.db"))
        .readers(2)
        .durability(aio_sqlite::options::Durability::Relaxed)
        .await
        .unwrap();
    db.execute_script(TABLES).await.unwrap();
    let writers = signal.clone();
    db.call(move |raw| writers.install(raw)).await.unwrap();
    let mut neighbours = Neighbours::none();
    neighbours.usual(&db);
    neighbours.doing(&db, |db| {
        Box::pin(async move {
            let sql = "SELECT count(*) FROM kept";
            db.read(move |conn| conn.query_row(sql, (), |row| row.get::<_, i64>(0)))
                .await?;
            Ok(())
        })
    });
    let storm = async {
        for k in 0..CANCELS {
            match k % 4 {
                0 => {
                    // On whichever reader it comes to.
                    let sql = rowless();
                    let mine = signal.clone();
                    let read = db.read(move |conn| {
                        mine.install(conn)?;
                        conn.query_row(&sql, (), |row| row.get::<_, i64>(0))
                    });
                    signal.cut(read.into_future()).await;
                }
                1 => {
                    // A member of a group, if neighbours write meanwhile.
                    let sql = writing();
                    signal
                        .cut(db.write(move |tx| tx.execute(&sql, ())).into_future())
                        .await;
                }
                2 => {
                    let (first, second) = (writing(), writing());
                    let sql = "INSERT INTO scratch VALUES (2)";
                    let ((), kept) = tokio::join!(
                        signal.cut(db.write(move |tx| tx.execute(&first, ())).into_future()),
                        db.execute(sql, ()).into_future(),
                    );
                    kept.unwrap();
                    signal
                        .cut(db.write(move |tx| tx.execute(&second, ())).into_future())
                        .await;
                }
                _ => {
                    let tx = db.begin().await.unwrap();
                    signal.cut(tx.execute(writing(), ()).into_future()).await;
                    // A write that is stopped takes its transaction along.
                    let error = tx.commit().await.unwrap_err();
                    assert!(matches!(error, Error::Aborted { .. }), "{error}");
                }
            }
        }
    };
    let begun = Instant::now();
    watchdog::future_within(Duration::from_secs(120), "cancels on a database", storm).await;
    let took = begun.elapsed();
    let done = neighbours.stopped().await;
    println!("cancels={CANCELS} neighbours' operations={done} interrupted=0 took={took:?}");
    assert!(done > 1_000, "{done} operations beside {CANCELS} cancels");
    assert!(kept(&db).await > 0);
    let scratch: i64 = db
        .query_as("SELECT count(*) FROM scratch", ())
        .one()
        .await
        .unwrap();
    assert_eq!(scratch, (CANCELS / 4) as i64);
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_that_pass_are_told_to_their_caller_only() {
    const LIMITS: usize = 1_000;
    let dir = tempfile::tempdir().unwrap();
    let signal = Signal::new();
    let db = connection(&dir, &signal).await;
    let mut neighbours = Neighbours::none();
    neighbours.usual(&db);
    let (mut queued, mut running) = (0, 0);
    let storm = async {
        for k in 0..LIMITS {
            let limit = Duration::from_micros(200 + 2 * k as u64);
            let outcome = match k % 4 {
                0 => db.query(rowless(), ()).timeout(limit).await.map(drop),
                1 => db.execute(writing(), ()).timeout(limit).await.map(drop),
                2 => db.execute_script(rowless()).timeout(limit).await,
                _ => {
                    let sql = rowless();
                    let endless = move |raw: &mut rusqlite::Connection| {
                        raw.query_row(&sql, (), |row| row.get::<_, i64>(0))
                    };
                    db.call(endless).timeout(limit).await.map(drop)
                }
            };
            match outcome.unwrap_err() {
                Error::TimedOut { sql: Some(_), .. } => running += 1,
                Error::TimedOut { sql: None, .. } => queued += 1,
                other => panic!("a limit of {limit:?}: {other}"),
            }
        }
    };
    watchdog::future("many limits", storm).await;
    let done = neighbours.stopped().await;
    println!(
        "limits={LIMITS} while queued={queued} while running={running} \
         neighbours' operations={done} interrupted=0"
    );
    assert!(running > 100);
    assert!(kept(&db).await > 0);
    // In a transaction too: a read that is stopped leaves it.
    let tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO scratch VALUES (1)", ())
        .await
        .unwrap();
    let limit = Duration::from_millis(5);
    let error = tx.query(ENDLESS, ()).timeout(limit).await.unwrap_err();
    assert!(
        matches!(error, Error::TimedOut { sql: Some(_), .. }),
        "{error}"
    );
    tx.commit().await.unwrap();
    let scratch: i64 = db
        .query_as("SELECT count(*) FROM scratch", ())
        .one()
        .await
        .unwrap();
    assert_eq!(scratch, 1);
}

/// Whatever waits for another connection's lock, and is dropped, waits no more.
/// (One `execute` on a connection is in `cancel`.)
#[tokio::test]
async fn waits_for_a_lock_end_with_whoever_waited() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("locked.db");
    let for_ever = Duration::from_secs(3_600);
    let db = aio_sqlite::open(&path)
        .busy_timeout(for_ever)
        .await
        .unwrap();
    db.execute_script(TABLES).await.unwrap();
    let one = connect(&path).busy_timeout(for_ever).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    let mut cancelled = 0;
    for round in 0..50 {
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        // Each waits in SQLite, for as long as an hour.
        let sql = "INSERT INTO scratch VALUES (1)";
        let waiting: [Pin<Box<dyn Future<Output = aio_sqlite::Result<()>> + Send>>; 6] = [
            Box::pin(async { db.execute(sql, ()).await.map(drop) }),
            Box::pin(async { db.write(move |tx| tx.execute(sql, ())).await.map(drop) }),
            Box::pin(async { db.begin().await.map(drop) }),
            Box::pin(async { db.call(move |raw| raw.execute(sql, ())).await.map(drop) }),
            Box::pin(async { one.execute_many(sql, [()]).await.map(drop) }),
            Box::pin(async { one.begin().exclusive().await.map(drop) }),
        ];
        let waiting = waiting.into_iter().skip(round % 3).step_by(2);
        for mut each in waiting {
            assert!(futures_util::FutureExt::now_or_never(each.as_mut()).is_none());
            // A worker that gets this far waits in SQLite.
            tokio::task::yield_now().await;
            drop(each);
            cancelled += 1;
        }
        // Both workers are free, while the lock is held.
        watchdog::future("what comes behind a cancelled wait", async {
            db.call(|_| Ok(())).await.unwrap();
            one.query("SELECT 1", ()).await.unwrap();
        })
        .await;
        other.execute_batch("COMMIT").unwrap();
    }
    println!("waits cancelled={cancelled}");
    let written: i64 = db
        .query_as("SELECT count(*) FROM scratch", ())
        .one()
        .await
        .unwrap();
    assert_eq!(written, 0, "none of them ever had the lock");
    db.execute("INSERT INTO scratch VALUES (1)", ())
        .await
        .unwrap();
    one.close().await.unwrap();
    db.close().await.unwrap();
}
