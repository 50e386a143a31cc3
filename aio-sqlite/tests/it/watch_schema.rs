//! Live queries while the schema changes under them.

use chaos::Gate;
use rusqlite::functions::FunctionFlags;

use crate::watched::{Told, Watched, world};

#[tokio::test]
async fn a_change_of_the_schema_is_news_where_it_shows() {
    let world = world().await;
    let db = &world.db;
    let mut view = Watched::new(db, "SELECT count(*) FROM seen");
    let mut t = Watched::new(db, "SELECT count(*) FROM t");
    let mut names = Watched::new(db, "SELECT count(*) FROM sqlite_schema");
    db.execute("CREATE TABLE new(n)", ()).await.unwrap();
    names.next();
    db.execute_script("DROP VIEW seen; CREATE VIEW seen AS SELECT n FROM new")
        .await
        .unwrap();
    assert_eq!(view.next(), [0]);
    // The view reads another table now, and another trigger writes another.
    db.execute("INSERT INTO new VALUES (1)", ()).await.unwrap();
    assert_eq!(view.next(), [1]);
    db.execute_script(
        "DROP TRIGGER logs;
         CREATE TRIGGER news AFTER UPDATE ON t BEGIN INSERT INTO new VALUES (new.v); END",
    )
    .await
    .unwrap();
    db.execute("UPDATE t SET v = 200 WHERE id = 1", ())
        .await
        .unwrap();
    assert_eq!(view.next(), [2]);
    assert_eq!(t.next(), [3]);
}

#[tokio::test]
async fn a_trigger_that_is_gone_is_forgotten() {
    let world = world().await;
    let db = &world.db;
    let trigger = "CREATE TRIGGER widens AFTER UPDATE ON wide BEGIN
        INSERT INTO log VALUES (new.v);
    END";
    let update = "UPDATE wide SET v = v + 1";
    let mut log = Watched::new(db, "SELECT count(*) FROM log");
    let mut wide = Watched::new(db, "SELECT count(*) FROM wide");
    db.execute(trigger, ()).await.unwrap();
    db.execute(update, ()).await.unwrap();
    assert_eq!(log.next(), [2]);
    db.execute("DROP TRIGGER widens", ()).await.unwrap();
    wide.next();
    log.settle(db).await;
    db.execute(update, ()).await.unwrap();
    wide.once();
    log.silent();
    // One that was never committed.
    let tx = db.begin().await.unwrap();
    tx.execute(trigger, ()).await.unwrap();
    tx.execute(update, ()).await.unwrap();
    tx.rollback().await.unwrap();
    db.execute(update, ()).await.unwrap();
    wide.once();
    log.silent();
}

#[tokio::test]
async fn a_trigger_of_another_connection_is_noticed() {
    let world = world().await;
    let db = &world.db;
    let update = "UPDATE t SET v = 7";
    let mut wide = Watched::new(db, "SELECT sum(v) FROM wide");
    db.execute(update, ()).await.unwrap();
    wide.silent();
    let other = rusqlite::Connection::open(db.path()).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER widens AFTER UPDATE ON t BEGIN
                UPDATE wide SET v = v + 1;
            END",
        )
        .unwrap();
    db.execute(update, ()).await.unwrap();
    assert_eq!(wide.next(), [9]);
}

#[tokio::test]
async fn a_trigger_of_another_connection_is_noticed_in_closures() {
    let world = world().await;
    let db = &world.db;
    let mut wide = Watched::new(db, "SELECT sum(v) FROM wide");
    let sql = "UPDATE t SET v = 7";
    let update = || db.write(move |tx| tx.prepare_cached(sql)?.execute(()));
    db.execute(sql, ()).await.unwrap();
    update().await.unwrap();
    wide.silent();
    let other = rusqlite::Connection::open(db.path()).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER widens AFTER UPDATE ON t BEGIN
                UPDATE wide SET v = v + 1 WHERE k = 'a';
            END",
        )
        .unwrap();
    // SQLite prepares the statement anew once, and it is cached from then on.
    for round in 1..4 {
        update().await.unwrap();
        assert_eq!(wide.next(), [3 + 6 * round - 3]);
        db.execute(sql, ()).await.unwrap();
        assert_eq!(wide.next(), [3 + 6 * round]);
    }
}

#[tokio::test]
async fn a_failed_run_is_an_item_and_the_stream_goes_on() {
    let world = world().await;
    let db = &world.db;
    let mut live = db.watch_as::<i64>("SELECT n FROM later", ()).stream();
    let error = live.next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("later"), "{error}");
    db.execute_script("CREATE TABLE later(n); INSERT INTO later VALUES (1)")
        .await
        .unwrap();
    // The table alone may have been seen first.
    let mut rows = live.next().await.unwrap().unwrap();
    if rows.is_empty() {
        rows = live.next().await.unwrap().unwrap();
    }
    assert_eq!(rows, [1]);
    db.execute("DROP TABLE later", ()).await.unwrap();
    live.next().await.unwrap().unwrap_err();
    db.execute_script("CREATE TABLE later(n); INSERT INTO later VALUES (2)")
        .await
        .unwrap();
    let mut rows = live.next().await.unwrap().unwrap();
    if rows.is_empty() {
        rows = live.next().await.unwrap().unwrap();
    }
    assert_eq!(rows, [2]);
}

/// The live query runs more than once after the change: what it reads is known
/// each time.
#[tokio::test]
async fn a_view_that_reads_another_table_is_followed_from_then_on() {
    // Where somebody else runs the same text first, SQLite has prepared it anew
    // for him.
    for somebody_else in [false, true] {
        let world = world().await;
        let db = &world.db;
        let sql = "SELECT count(*) FROM seen";
        db.execute("CREATE TABLE new(n)", ()).await.unwrap();
        let mut view = Watched::new(db, sql);
        db.execute_script("DROP VIEW seen; CREATE VIEW seen AS SELECT n FROM new")
            .await
            .unwrap();
        if somebody_else {
            db.query(sql, ()).await.unwrap();
        }
        assert_eq!(view.next(), [0]);
        for n in 1..4 {
            db.execute("INSERT INTO new VALUES (1)", ()).await.unwrap();
            assert_eq!(view.next(), [n]);
        }
        // And what the view read before is forgotten.
        db.execute("UPDATE t SET v = 6", ()).await.unwrap();
        view.silent();
    }
}

#[tokio::test]
async fn a_commit_while_a_changed_view_is_first_run_is_told() {
    let world = world().await;
    let db = &world.db;
    let gate = Gate::new("the first run of the changed view");
    let step = std::panic::AssertUnwindSafe(gate.step());
    db.read(move |conn| {
        conn.create_scalar_function("held", 1, FunctionFlags::SQLITE_UTF8, move |context| {
            let value: i64 = context.get(0)?;
            if value == 77 {
                step.pass();
            }
            Ok(value)
        })
    })
    .await
    .unwrap();
    db.execute_script("CREATE TABLE new(n); INSERT INTO new VALUES (77)")
        .await
        .unwrap();
    let mut view = Watched::new(db, "SELECT held(max(v)) FROM seen");
    db.execute_script("DROP VIEW seen; CREATE VIEW seen AS SELECT n AS v FROM new")
        .await
        .unwrap();
    view.probe.pending();
    gate.reached().await;
    // Its snapshot is taken. The run before it did not read this table.
    db.write(|tx| tx.execute("INSERT INTO new VALUES (78)", ()))
        .await
        .unwrap();
    gate.open();
    assert_eq!(view.next(), [77]);
    assert_eq!(view.next(), [78]);
}

#[tokio::test]
async fn a_vacuum_numbers_rows_anew_and_that_is_told() {
    let world = world().await;
    let db = &world.db;
    db.execute_script("INSERT INTO other VALUES (1), (2), (3); DELETE FROM other WHERE n = 2")
        .await
        .unwrap();
    let sql = "SELECT rowid FROM other";
    let mut rowids = Watched::new(db, sql);
    let mut values = Watched::new(db, "SELECT n FROM other");
    let mut told = Told::new(db);
    for _ in 0..2 {
        db.execute("VACUUM", ()).await.unwrap();
        let told = told.so_far();
        assert!(told.split(' ').any(|table| table == "other?"), "{told}");
        values.settle(db).await;
    }
    let now = db.query_as::<i64>(sql, ()).await.unwrap();
    assert_ne!(now, [1, 3], "SQLite keeps them by now");
    assert_eq!(rowids.next(), now);
}
