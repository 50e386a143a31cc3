//! The limit underneath: rusqlite called directly, on one thread, without a runtime.

#[path = "../../work.rs"]
mod work;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rusqlite::Connection;
use work::{Facts, Measure, SQL, STEPS, Work, key, message, point_sum, sql, wide_sum};

fn main() {
    let work = Work::from_arguments();
    match work.name.as_str() {
        "fill" => return fill(&work),
        "wake" => return wake(&work),
        _ => {}
    }
    let mut db = Connection::open(&work.path).expect("opens");
    db.pragma_update(None, "journal_mode", "wal").expect("WAL");
    db.pragma_update(None, "synchronous", "full").expect("FULL");
    let facts = Facts {
        version: text(&db, SQL.version),
        journal: text(&db, SQL.journal),
        synchronous: text(&db, SQL.synchronous),
    };
    once(&mut db, &work, work.warm_up()).expect("warms up");
    let measure = Measure::start();
    let mut sum = once(&mut db, &work, work.n).expect("works");
    let measured = measure.stop();
    if work.inserts() {
        sum += text(&db, SQL.stored).parse::<i64>().expect("a number");
    }
    measured.print(sum, &facts);
}

fn text(db: &Connection, sql: &str) -> String {
    db.query_row(sql, (), |row| row.get(0)).expect("a text")
}

fn once(db: &mut Connection, work: &Work, n: usize) -> rusqlite::Result<i64> {
    let mut sum = 0;
    match work.parts().0 {
        "select" => {
            for n in 0..n {
                let mut select = db.prepare_cached(SQL.select)?;
                let (id, body) = select
                    .query_row([key(n)], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
                sum += point_sum(id, &body);
            }
        }
        // One commit each.
        "insert" => {
            for n in 0..n {
                sum += count(db.prepare_cached(SQL.insert)?.execute(message(n))?);
            }
        }
        // One commit for all, where each can fail alone.
        "savepoints" => {
            let tx = db.transaction()?;
            for n in 0..n {
                tx.prepare_cached("SAVEPOINT one")?.execute(())?;
                sum += count(tx.prepare_cached(SQL.insert)?.execute(message(n))?);
                tx.prepare_cached("RELEASE one")?.execute(())?;
            }
            tx.commit()?;
        }
        // One commit for all, or none.
        "many" => {
            let tx = db.transaction()?;
            let mut insert = tx.prepare_cached(SQL.insert)?;
            for n in 0..n {
                sum += count(insert.execute(message(n))?);
            }
            drop(insert);
            tx.commit()?;
        }
        "compute" => {
            for _ in 0..n {
                let mut compute = db.prepare_cached(SQL.compute)?;
                sum += compute.query_row([STEPS], |row| row.get::<_, i64>(0))?;
            }
        }
        "stream" => {
            let mut stream = db.prepare_cached(SQL.stream)?;
            let mut rows = stream.query([count(n)])?;
            while let Some(row) = rows.next()? {
                let (sender, body): (String, String) = (row.get(1)?, row.get(2)?);
                sum += wide_sum(row.get(0)?, &sender, &body, row.get(3)?);
            }
        }
        "borrow" => {
            let mut stream = db.prepare_cached(SQL.stream)?;
            let mut rows = stream.query([count(n)])?;
            while let Some(row) = rows.next()? {
                let text = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str()?);
                sum += wide_sum(row.get(0)?, text(1)?, text(2)?, row.get(3)?);
            }
        }
        other => panic!("no work {other}"),
    }
    Ok(sum)
}

fn count(changed: usize) -> i64 {
    i64::try_from(changed).expect("a small number")
}

/// Makes the file that the others read or copy: RUNTIME is the table's name.
fn fill(work: &Work) {
    let db = Connection::open(&work.path).expect("opens");
    db.pragma_update(None, "journal_mode", "wal").expect("WAL");
    let table = work.runtime.as_str();
    db.execute_batch(sql(table)).expect("makes the table");
    if work.n > 0 {
        let fill = format!("fill {table}");
        db.execute(sql(&fill), [count(work.n)])
            .expect("fills the table");
    }
    let rows = format!("SELECT count(*) FROM {table}");
    let rows: i64 = db.query_row(&rows, (), |row| row.get(0)).expect("counts");
    assert_eq!(rows, count(work.n));
}

/// Measures what it costs to wake a thread that sleeps while nothing else runs:
/// two threads wake each other in turn, so that one wake-up is half a round.
fn wake(work: &Work) {
    let turn = AtomicUsize::new(0);
    let rounds = work.n / 2;
    let player = |me: usize, other: &thread::Thread| {
        for round in 0..rounds {
            while turn.load(Ordering::Acquire) != 2 * round + me {
                thread::park();
            }
            turn.store(2 * round + me + 1, Ordering::Release);
            other.unpark();
        }
    };
    let main = thread::current();
    let (measured, db) = thread::scope(|scope| {
        let player = &player;
        let other = scope.spawn(move || player(1, &main));
        let measure = Measure::start();
        player(0, other.thread());
        other.join().expect("no panic");
        (measure.stop(), Connection::open_in_memory().expect("opens"))
    });
    let facts = Facts {
        version: text(&db, SQL.version),
        journal: "none".into(),
        synchronous: "none".into(),
    };
    measured.print(count(work.n), &facts);
}
