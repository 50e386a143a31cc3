//! Files that are damaged: what comes is what SQLite itself says of them, as
//! rows or as an error, and nothing panics or hangs.
//!
//! SQLite keeps no checksum of a database's pages, so it can't tell every
//! damaged row from a good one. What these tests ask of us is to say of a file
//! exactly what a plain rusqlite connection says of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aio_sqlite::{Error, Row, Session, ValueRef, connect};
use chaos::watchdog;

const MUTATIONS: u64 = 1_000;
const PAGE: usize = 512;

/// Numbers that look random and are the same each time (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// A database and its write-ahead log, as bytes.
#[derive(Clone)]
struct Files {
    db: Vec<u8>,
    wal: Option<Vec<u8>>,
    journal: Option<Vec<u8>>,
}

/// Small pages, so that there are many: tables, an index, overflow, a
/// write-ahead log with commits that are not in the database yet.
fn sound(name: &str, page: usize, rows: i64) -> Files {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sound.db");
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch(&format!(
        "PRAGMA page_size = {page}; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
         CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT, n REAL, UNIQUE (body));
         CREATE TABLE child(t REFERENCES t(id), data BLOB);
         CREATE VIEW v AS SELECT t.id, body, data FROM t JOIN child ON child.t = t.id;
         CREATE TRIGGER tr AFTER DELETE ON t BEGIN DELETE FROM child WHERE t = old.id; END;"
    ))
    .unwrap();
    let fill = |from: i64, to: i64| {
        for id in from..to {
            let body = format!("{name} {id} ").repeat(1 + id as usize % 7);
            raw.execute("INSERT INTO t VALUES (?1, ?2, ?1 / 3.0)", (id, &body))
                .unwrap();
            let data = vec![id as u8; id as usize * 37 % 1_700];
            raw.execute("INSERT INTO child VALUES (?1, ?2)", (id, data))
                .unwrap();
        }
    };
    fill(1, rows / 2);
    raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
        .unwrap();
    raw.execute_batch("BEGIN").unwrap();
    fill(rows / 2, rows * 3 / 4);
    raw.execute_batch("COMMIT; BEGIN").unwrap();
    fill(rows * 3 / 4, rows);
    raw.execute_batch("COMMIT").unwrap();
    // Copied while it is open: closing would move the log into the database.
    Files {
        db: std::fs::read(&path).unwrap(),
        wal: Some(std::fs::read(dir.path().join("sound.db-wal")).unwrap()),
        journal: None,
    }
}

/// The same in one file.
fn checkpointed(files: &Files) -> Files {
    let dir = tempfile::tempdir().unwrap();
    let path = files.write(dir.path());
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.pragma_update(None, "journal_mode", "delete").unwrap();
    drop(raw);
    Files {
        db: std::fs::read(&path).unwrap(),
        wal: None,
        journal: None,
    }
}

impl Files {
    fn write(&self, dir: &Path) -> PathBuf {
        let path = dir.join("m.db");
        std::fs::write(&path, &self.db).unwrap();
        for (ending, bytes) in [("m.db-wal", &self.wal), ("m.db-journal", &self.journal)] {
            match bytes {
                Some(bytes) => std::fs::write(dir.join(ending), bytes).unwrap(),
                None => drop(std::fs::remove_file(dir.join(ending))),
            }
        }
        drop(std::fs::remove_file(dir.join("m.db-shm")));
        path
    }
}

fn flip(bytes: &mut [u8], from: usize, to: usize, numbers: &mut Numbers) {
    for _ in 0..=numbers.below(8) {
        let at = from + numbers.below(to - from);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << numbers.below(8);
        }
    }
}

/// Damages the files in one of many ways and says which.
fn damage(files: &mut Files, other: &Files, numbers: &mut Numbers) -> &'static str {
    let size = files.db.len();
    let pages = size / PAGE;
    let in_log = files.wal.is_some();
    let wal = files.wal.get_or_insert_default();
    let what = match numbers.below(if in_log { 22 } else { 14 }) {
        0 | 1 => {
            flip(&mut files.db, 100, size, numbers);
            "bits flipped"
        }
        2 => {
            flip(&mut files.db, 0, 100, numbers);
            "bits of the header flipped"
        }
        3 => {
            files.db.truncate(numbers.below(size));
            "cut short"
        }
        4 => {
            files.db.truncate(numbers.below(pages) * PAGE);
            "pages cut off"
        }
        5 => {
            let at = numbers.below(pages) * PAGE;
            let noise = numbers.bytes(PAGE);
            files.db[at..at + PAGE].copy_from_slice(&noise);
            "a page of noise"
        }
        6 => {
            let at = numbers.below(pages) * PAGE;
            files.db[at..at + PAGE].fill(0);
            "a page of nothing"
        }
        7 => {
            let (from, to) = (numbers.below(pages) * PAGE, numbers.below(pages) * PAGE);
            files.db.copy_within(from..from + PAGE, to);
            "a page in another's place"
        }
        8 => {
            // The page size is what byte 16 and 17 say.
            files.db[16..18].copy_from_slice(&(1u16 << numbers.below(16)).to_be_bytes());
            "another page size"
        }
        9 => {
            // The first bytes of a page of a tree: its kind, and where its cells are.
            let at = numbers.below(pages) * PAGE;
            let at = if at == 0 { 100 } else { at };
            let noise = numbers.bytes(12);
            files.db[at..at + 12].copy_from_slice(&noise);
            "a page's header of noise"
        }
        10 => {
            files.db = match numbers.below(5) {
                0 => Vec::new(),
                1 => "a text that somebody wrote\n".repeat(100).into_bytes(),
                2 => numbers.bytes(size),
                3 => b"SQLite format 3\0".to_vec(),
                _ => [b"\x7fELF".as_slice(), &numbers.bytes(5_000)].concat(),
            };
            "a file of another kind"
        }
        11 => {
            let more = numbers.below(5_000);
            files.db.extend(numbers.bytes(more));
            "noise behind the end"
        }
        12 => {
            let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
            let more = numbers.below(3_000);
            journal.extend(numbers.bytes(more));
            files.journal = Some(journal);
            "a journal of noise"
        }
        13 => {
            *wal = other.wal.clone().unwrap_or_default();
            "another file's log"
        }
        14..=16 => {
            let size = wal.len();
            flip(wal, 32, size, numbers);
            "bits of the log flipped"
        }
        17 => {
            flip(wal, 0, 32, numbers);
            "bits of the log's header flipped"
        }
        18 => {
            let length = numbers.below(wal.len());
            wal.truncate(length);
            "the log cut short"
        }
        19 => {
            let length = numbers.below(10_000);
            *wal = numbers.bytes(length);
            "a log of noise"
        }
        20 => {
            files.db = other.db.clone();
            "another file beside the log"
        }
        _ => {
            flip(&mut files.db, 0, size, numbers);
            let size = wal.len();
            flip(wal, 0, size, numbers);
            "bits of both flipped"
        }
    };
    if files.wal.as_ref().is_some_and(Vec::is_empty) && !in_log {
        files.wal = None;
    }
    what
}

/// What is asked of each file. The statements of one group see what those
/// before them did.
const QUERIES: [&str; 7] = [
    "SELECT id, body, n FROM t",
    "SELECT id FROM t WHERE body > 'm' ORDER BY body",
    "SELECT * FROM v ORDER BY id DESC",
    "SELECT count(*), sum(length(data)) FROM child",
    "SELECT type, name, sql FROM sqlite_schema",
    "PRAGMA integrity_check(5)",
    "PRAGMA foreign_key_check",
];

const WRITES: [&str; 5] = [
    "INSERT INTO t VALUES (10001, 'a new row', 1.5)",
    "UPDATE t SET n = n + 1 WHERE id % 3 = 0",
    "DELETE FROM t WHERE id % 5 = 0",
    "CREATE TABLE another AS SELECT body FROM t",
    "INSERT INTO child SELECT id, zeroblob(id) FROM t",
];

/// The rows of an answer, each as text, and the error behind them.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    rows: Vec<String>,
    code: Option<i32>,
}

fn shown(value: ValueRef<'_>) -> String {
    format!("{value:?}")
}

fn by_rusqlite(raw: &rusqlite::Connection, sql: &str) -> Answer {
    let mut answer = Answer {
        rows: Vec::new(),
        code: None,
    };
    let outcome = (|| {
        let mut statement = raw.prepare(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|at| shown(row.get_ref_unwrap(at)));
            answer.rows.push(values.collect::<Vec<_>>().join("|"));
        }
        rusqlite::Result::Ok(())
    })();
    answer.code = outcome.err().map(|error| code(&error));
    answer
}

fn code(error: &rusqlite::Error) -> i32 {
    match error {
        rusqlite::Error::SqlInputError { error, .. } => error.extended_code,
        other => other.sqlite_error().map_or(-1, |e| e.extended_code),
    }
}

/// An error must be SQLite's own, and name what it is about.
fn ours(error: &Error) -> i32 {
    let (Error::Open { source, .. } | Error::Sqlite { source, .. }) = error else {
        panic!("no error of SQLite's: {error:?}");
    };
    let text = error.to_string();
    assert!(text.len() > 10 && text.len() < 1_000, "{text}");
    code(source)
}

async fn by_stream(session: &Session, sql: &str) -> Answer {
    let mut answer = Answer {
        rows: Vec::new(),
        code: None,
    };
    let mut rows = session.query(sql, ()).stream();
    while let Some(row) = rows.next().await {
        match row {
            Ok(row) => answer.rows.push(text_of(&row)),
            Err(error) => answer.code = Some(ours(&error)),
        }
    }
    answer
}

fn text_of(row: &Row) -> String {
    let values = (0..row.len()).map(|at| shown(row.value(at).unwrap()));
    values.collect::<Vec<_>>().join("|")
}

/// Awaits the whole, which has no rows where it has an error.
async fn by_await(session: &Session, sql: &str) -> Result<Vec<String>, i32> {
    let rows = session.query(sql, ()).await;
    rows.map(|rows| rows.iter().map(text_of).collect())
        .map_err(|error| ours(&error))
}

#[derive(Default, Debug)]
struct Counts {
    refused: u32,
    failing: u32,
    sound: u32,
    rows: usize,
    errors: usize,
}

/// Asks everything of a file, of us and of rusqlite, and compares.
async fn compared(name: &str, session: &Session, raw: &rusqlite::Connection, counts: &mut Counts) {
    let mut errors = 0;
    for sql in QUERIES {
        let expected = by_rusqlite(raw, sql);
        let streamed = by_stream(session, sql).await;
        assert_eq!(streamed, expected, "{name}: {sql}");
        let awaited = by_await(session, sql).await;
        counts.rows += expected.rows.len();
        match expected.code {
            None => assert_eq!(awaited, Ok(expected.rows), "{sql}"),
            Some(code) => {
                errors += 1;
                assert_eq!(awaited, Err(code), "{name}: {sql}");
            }
        }
    }
    match errors {
        0 => counts.sound += 1,
        _ => counts.failing += 1,
    }
    counts.errors += errors;
}

/// The writes by one connection to one file, each by itself.
async fn writes(session: &Session) -> Vec<Option<i32>> {
    let mut outcomes = Vec::new();
    for sql in WRITES {
        let outcome = session.execute(sql, ()).await;
        outcomes.push(outcome.err().map(|error| ours(&error)));
    }
    outcomes
}

fn raw(path: &Path) -> rusqlite::Result<rusqlite::Connection> {
    let raw = rusqlite::Connection::open(path)?;
    raw.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
    raw.pragma_update(None, "foreign_keys", true)?;
    // Each of its few commits would wait for the disk.
    raw.pragma_update(None, "synchronous", "off")?;
    Ok(raw)
}

#[tokio::test]
async fn a_connection_says_of_a_damaged_file_what_sqlite_says() {
    let logged = sound("message", PAGE, 70);
    let plain = checkpointed(&logged);
    let other = sound("another", 1_024, 50);
    let mut counts = Counts::default();
    for seed in 0..MUTATIONS {
        let numbers = &mut Numbers(seed);
        let mut files = if seed % 2 == 0 { &logged } else { &plain }.clone();
        let what = damage(&mut files, &other, numbers);
        // Each its own copy, since to open a file can change it.
        let (mine, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (mine, theirs) = (files.write(mine.path()), files.write(theirs.path()));
        let name = format!("mutation {seed}, {what}");
        watchdog::future(&name, async {
            let opened = connect(&mine)
                .synchronous(aio_sqlite::options::Synchronous::Off)
                .await;
            let raw = match (opened, raw(&theirs)) {
                (Err(error), Err(expected)) => {
                    assert_eq!(ours(&error), code(&expected), "{name}: {error}");
                    counts.refused += 1;
                    return;
                }
                (Ok(db), Ok(raw)) => (db, raw),
                (Err(error), Ok(_)) => panic!("{name}: rusqlite opens it: {error}"),
                (Ok(_), Err(error)) => panic!("{name}: rusqlite does not open it: {error}"),
            };
            let (db, raw) = raw;
            compared(&name, &db, &raw, &mut counts).await;
            let mine = writes(&db).await;
            let theirs = WRITES.map(|sql| raw.execute(sql, ()).err().map(|error| code(&error)));
            assert_eq!(mine, theirs, "{name}");
            compared(&name, &db, &raw, &mut counts).await;
            db.close()
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        })
        .await;
    }
    println!("mutations={MUTATIONS} differences=0 {counts:?}");
    assert!(counts.refused > 20 && counts.failing > 200 && counts.sound > 200);
}

#[tokio::test]
async fn a_database_of_a_damaged_file_answers_everything_and_closes() {
    let logged = sound("message", PAGE, 70);
    let plain = checkpointed(&logged);
    let other = sound("another", 1_024, 50);
    let (mut refused, mut rows, mut errors) = (0, 0, 0);
    let mutations = MUTATIONS / 4;
    for seed in 0..mutations {
        let numbers = &mut Numbers(seed + 1_000_000);
        let mut files = if seed % 2 == 0 { &logged } else { &plain }.clone();
        let what = damage(&mut files, &other, numbers);
        let dir = tempfile::tempdir().unwrap();
        let path = files.write(dir.path());
        let name = format!("mutation {seed}, {what}");
        watchdog::future(&name, async {
            let opening = aio_sqlite::open(&path)
                .readers(2)
                .busy_timeout(Duration::from_secs(20))
                .durability(aio_sqlite::options::Durability::Relaxed);
            let db = match opening.await {
                Ok(db) => db,
                Err(error) => {
                    ours(&error);
                    refused += 1;
                    return;
                }
            };
            // Reads, a stream, writes in a group and a transaction, at once.
            let reading = async {
                let mut answers = Vec::new();
                for sql in QUERIES {
                    answers.push(by_stream(&db, sql).await);
                }
                answers
            };
            let grouped =
                futures_util::future::join_all(WRITES.map(|sql| db.execute(sql, ()).into_future()));
            let transaction = db.begin().with(async |tx| {
                tx.execute("UPDATE t SET body = body || 'x' WHERE id < 9", ())
                    .await
            });
            let mut half = db.query("SELECT * FROM t JOIN child", ()).stream();
            drop(half.next().await);
            let (answers, grouped, begun) = tokio::join!(reading, grouped, transaction);
            drop(half);
            for answer in answers {
                rows += answer.rows.len();
                errors += usize::from(answer.code.is_some());
            }
            for outcome in grouped.into_iter().chain([begun]) {
                if let Err(error) = outcome {
                    match &error {
                        // What the transaction met ended it.
                        Error::Aborted { .. } => {}
                        _ => drop(ours(&error)),
                    }
                    errors += 1;
                }
            }
            db.close()
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        })
        .await;
    }
    println!("mutations={mutations} refused={refused} rows={rows} errors={errors} hung=0");
    assert!(refused > 5 && errors > 100 && rows > 1_000);
}
