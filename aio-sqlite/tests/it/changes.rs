//! Committed changes, one by one.

use aio_sqlite::changes::Change;
use aio_sqlite::{Database, Error};
use chaos::{Gate, cuts, woken};
use futures_util::FutureExt;

use crate::watched::Told;

const SCHEMA: &str = "
    CREATE TABLE t(id INTEGER PRIMARY KEY, k UNIQUE, v);
    CREATE TABLE wide(k PRIMARY KEY, v) WITHOUT ROWID;
    CREATE TABLE child(id INTEGER PRIMARY KEY, t REFERENCES t ON DELETE CASCADE);
    CREATE TABLE log(line);
    CREATE TRIGGER logs AFTER UPDATE OF v ON t WHEN new.v > 100 BEGIN
        INSERT INTO log VALUES (new.v);
    END;
    INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2);
    INSERT INTO child VALUES (5, 1), (6, 2);
    INSERT INTO wide VALUES ('a', 1), ('b', 2);
    INSERT INTO log VALUES ('begun');
";

async fn database() -> Database {
    let db = aio_sqlite::open(":memory:").await.unwrap();
    db.execute_script(SCHEMA).await.unwrap();
    db
}

#[tokio::test]
async fn each_row_is_told_or_its_table() {
    for closure in [false, true] {
        for (sql, expected) in [
            ("INSERT INTO t VALUES (7, 'x', 0), (8, 'y', 0)", "+t:7 +t:8"),
            ("UPDATE t SET v = v + 1", "~t:1 ~t:2"),
            ("UPDATE t SET id = 9 WHERE id = 2 AND 0", ""),
            ("DELETE FROM child WHERE id = 5", "-child:5"),
            // A cascade and a trigger, in SQLite's order.
            ("DELETE FROM t WHERE id = 1", "-t:1 -child:5"),
            ("UPDATE t SET v = 101 WHERE id = 1", "~t:1 +log:2"),
            (
                "INSERT INTO t VALUES (1, 'z', 3) ON CONFLICT DO UPDATE SET v = 3",
                "~t:1",
            ),
            // What SQLite keeps to itself.
            ("INSERT INTO wide VALUES ('c', 3)", "wide?"),
            ("UPDATE wide SET v = 9", "wide?"),
            ("DELETE FROM log", "log?"),
            (
                "REPLACE INTO t VALUES (7, 'two', 0)",
                "-child:6 +t:7 child? t?",
            ),
            (
                "INSERT OR FAIL INTO t VALUES (7, 'x', 0), (7, 'y', 0)",
                "+t:7",
            ),
            ("INSERT INTO t VALUES (7, 'x', 0), (7, 'y', 0)", ""),
        ] {
            let db = database().await;
            let mut changes = Told::new(&db);
            // Some fail, and what they keep is told.
            match closure {
                false => drop(db.execute(sql, ()).await),
                true => {
                    let write = db.write(move |tx| Ok(tx.execute(sql, ()).is_ok()));
                    write.await.unwrap();
                }
            }
            assert_eq!(changes.so_far(), expected, "{sql}, in a closure: {closure}");
        }
    }
}

#[tokio::test]
async fn what_a_trigger_clears_and_fills_again_is_told_as_a_table_too() {
    let db = database().await;
    db.execute_script(
        "CREATE TABLE source(n);
         CREATE TRIGGER refills AFTER INSERT ON source BEGIN
             DELETE FROM log;
             INSERT INTO log VALUES (new.n);
             UPDATE wide SET v = new.n;
         END;",
    )
    .await
    .unwrap();
    let mut changes = Told::new(&db);
    db.execute("INSERT INTO source VALUES (1)", ())
        .await
        .unwrap();
    assert_eq!(changes.so_far(), "+source:1 +log:1 wide? log?");
}

#[tokio::test]
async fn only_what_is_committed_is_told_and_then_at_once() {
    let db = database().await;
    let mut changes = Told::new(&db);
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t(id) VALUES (10)", ())
        .await
        .unwrap();
    let savepoint = tx.savepoint().await.unwrap();
    savepoint
        .execute("INSERT INTO t(id) VALUES (11)", ())
        .await
        .unwrap();
    savepoint.execute("DELETE FROM wide", ()).await.unwrap();
    savepoint.rollback().await.unwrap();
    let savepoint = tx.savepoint().await.unwrap();
    savepoint
        .execute("INSERT INTO t(id) VALUES (12)", ())
        .await
        .unwrap();
    savepoint.commit().await.unwrap();
    assert_eq!(changes.so_far(), "");
    tx.commit().await.unwrap();
    assert_eq!(changes.so_far(), "+t:10 +t:12");
    let tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t(id) VALUES (13)", ())
        .await
        .unwrap();
    tx.rollback().await.unwrap();
    db.execute_many("INSERT INTO log VALUES (?1)", [[1], [2]])
        .await
        .unwrap();
    assert_eq!(changes.so_far(), "+log:2 +log:3");
}

#[tokio::test]
async fn who_comes_in_the_middle_is_told_the_tables() {
    let db = database().await;
    let tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t(id) VALUES (10)", ())
        .await
        .unwrap();
    let mut changes = Told::new(&db);
    tx.execute("INSERT INTO t(id) VALUES (11)", ())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(changes.so_far(), "t? +t:11");
    // Where a closure wrote that nobody listened to, all tables.
    drop(changes);
    let gate = Gate::new("in a closure");
    let step = gate.step();
    let write = db.write(move |tx| {
        let done = tx.execute("INSERT INTO t(id) VALUES (12)", ())?;
        step.pass();
        Ok(done)
    });
    let watch = async {
        gate.reached().await;
        let changes = Told::new(&db);
        gate.open();
        changes
    };
    let (done, mut changes) = tokio::join!(write, watch);
    done.unwrap();
    let all = changes.so_far();
    let mut all: Vec<&str> = all.split(' ').collect();
    all.sort_unstable();
    assert_eq!(all, ["child?", "log?", "t?", "wide?"]);
}

#[tokio::test]
async fn the_schema_and_a_call_are_told_by_tables() {
    let db = database().await;
    let mut changes = Told::new(&db);
    db.execute("CREATE TABLE new(n)", ()).await.unwrap();
    db.execute("ALTER TABLE new ADD COLUMN m", ())
        .await
        .unwrap();
    db.execute("DROP TABLE log", ()).await.unwrap();
    assert_eq!(changes.so_far(), "new? new? log?");
    db.call(|raw| raw.query_row("SELECT 1", (), |_| Ok(())))
        .await
        .unwrap();
    assert_eq!(changes.so_far(), "");
    db.call(|raw| raw.execute("INSERT INTO new VALUES (1, 2)", ()))
        .await
        .unwrap();
    assert!(changes.so_far().contains("new?"));
    db.execute("INSERT INTO new VALUES (1, 2)", ())
        .await
        .unwrap();
    assert_eq!(changes.so_far(), "+new:2");
}

#[tokio::test]
async fn a_replay_of_a_group_is_told_once() {
    let db = database().await;
    let insert = "INSERT INTO t(id) VALUES (?1)";
    let bad = "INSERT OR ROLLBACK INTO t(id) VALUES (?1), (?1)";
    db.execute(insert, [9]).await.unwrap();
    db.execute(bad, [9]).await.unwrap_err();
    let mut changes = Told::new(&db);
    let gate = Gate::new("the call before the group");
    let step = gate.step();
    let call = db.call(move |_| {
        step.pass();
        Ok(())
    });
    // Texts that are known go straight to the writer, in this order.
    let first = db.execute(insert, [10]);
    let bad = db.execute(bad, [11]);
    let last = db.execute(insert, [12]);
    let open = async {
        gate.reached().await;
        gate.open();
    };
    let (call, first, bad, last, ()) = tokio::join!(call, first, bad, last, open);
    call.unwrap();
    first.unwrap();
    last.unwrap();
    bad.unwrap_err();
    // Texts that are new are looked at by whichever readers are free, and queue
    // up when they have been.
    let told = changes.so_far();
    let either = ["+t:10 +t:12", "+t:12 +t:10"];
    assert!(either.contains(&&*told), "{told}");
}

#[tokio::test]
async fn a_consumer_that_stops_reading_costs_bounded_memory() {
    let db = database().await;
    let mut changes = Told::new(&db);
    let series = "INSERT INTO log WITH RECURSIVE c(n) AS
        (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < 50000) SELECT n FROM c";
    for _ in 0..3 {
        db.execute(series, ()).await.unwrap();
        db.execute("INSERT INTO t(k) VALUES (random())", ())
            .await
            .unwrap();
    }
    let rest = changes.so_far();
    assert!(rest.starts_with("log? "), "{}", &rest[..40.min(rest.len())]);
    assert!(rest.split(' ').count() <= 65_537);
    // From then on each row is told again.
    db.execute("INSERT INTO log VALUES ('x')", ())
        .await
        .unwrap();
    assert_eq!(changes.so_far(), "+log:150002");
}

#[tokio::test]
async fn a_consumer_is_woken_and_told_of_the_end() {
    let db = database().await;
    let mut changes = woken::probe_stream("changes", db.changes().stream());
    changes.pending();
    db.execute("UPDATE t SET v = 1 WHERE 0", ()).await.unwrap();
    changes.asleep();
    db.execute("INSERT INTO t(id) VALUES (10)", ())
        .await
        .unwrap();
    changes.woken();
    assert!(matches!(changes.ready(), Some(Ok(Change::Row { .. }))));
    changes.pending();
    db.execute("INSERT INTO t(id) VALUES (11)", ())
        .await
        .unwrap();
    db.close().await.unwrap();
    changes.woken();
    assert!(matches!(changes.ready(), Some(Ok(Change::Row { .. }))));
    assert!(matches!(changes.ready(), Some(Err(Error::Closed))));
    assert!(changes.ready().is_none());
}

#[tokio::test]
async fn next_that_is_cut_has_taken_nothing() {
    let report = cuts::every("changes")
        .world(async || {
            let db = database().await;
            let changes = db.changes().stream();
            (db, changes, Vec::new())
        })
        .run(
            async |(db, changes, seen)| {
                for id in 10..13 {
                    db.execute("INSERT INTO t(id) VALUES (?1)", [id])
                        .await
                        .unwrap();
                    seen.push(changes.next().await.unwrap().unwrap());
                }
            },
            async |(db, mut changes, mut seen), cut| {
                db.execute("INSERT INTO log VALUES ('last')", ())
                    .await
                    .unwrap();
                while let Some(change) = changes.next().now_or_never() {
                    seen.push(change.unwrap().unwrap());
                }
                let rows = db
                    .query_as::<i64>("SELECT id FROM t WHERE id >= 10", ())
                    .await
                    .unwrap();
                assert_eq!(seen.len(), rows.len() + 1, "after {cut:?}");
                db.close().await.unwrap();
            },
        )
        .await;
    assert!(report.cuts > 0);
}
