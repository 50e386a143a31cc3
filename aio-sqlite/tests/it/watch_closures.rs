//! Live queries and closures, whose statements are told apart from outside.

use aio_sqlite::Database;

use crate::watched::{Told, Watched, world};

/// Reads the rows of a statement that writes while it writes to `other`.
async fn copy_rows(db: &Database, sql: &'static str) {
    let write = db.write(move |tx| {
        let mut statement = tx.prepare(sql)?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            tx.execute("INSERT INTO other VALUES (?1)", [row.get::<_, i64>(0)?])?;
        }
        Ok(())
    });
    write.await.unwrap();
}

#[tokio::test]
async fn rows_of_a_write_that_are_read_while_others_write_are_told() {
    for (sql, read, expected) in [
        (
            "INSERT INTO t(k) VALUES (random()), (random()) RETURNING id",
            "SELECT count(*) FROM t",
            "+t:6 +t:7 +other:3 +other:4",
        ),
        (
            "INSERT INTO wide VALUES (random(), 1), (random(), 1) RETURNING v",
            "SELECT count(*) FROM wide",
            "wide? +other:3 +other:4",
        ),
    ] {
        let world = world().await;
        let db = &world.db;
        let mut live = Watched::new(db, read);
        let mut other = Watched::new(db, "SELECT count(*) FROM other");
        let before = db.query_as::<i64>(read, ()).one().await.unwrap();
        copy_rows(db, sql).await;
        assert_eq!(live.once(), [before + 2]);
        assert_eq!(other.once(), [2]);
        let mut told = Told::new(db);
        copy_rows(db, sql).await;
        assert_eq!(live.once(), [before + 4]);
        assert_eq!(other.once(), [4]);
        assert_eq!(told.so_far(), expected);
    }
}

#[tokio::test]
async fn rows_of_a_write_that_nobody_reads_on_are_told() {
    let world = world().await;
    let db = &world.db;
    let mut live = Watched::new(db, "SELECT count(*) FROM t");
    let mut told = Told::new(db);
    db.write(|tx| {
        let sql = "INSERT INTO t(id) VALUES (8), (9) RETURNING id";
        let mut statement = tx.prepare(sql)?;
        let mut rows = statement.query(())?;
        rows.next()?;
        tx.query_row("SELECT 1", (), |_| Ok(()))
    })
    .await
    .unwrap();
    assert_eq!(live.once(), [5]);
    assert_eq!(told.so_far(), "+t:8 +t:9");
}

#[tokio::test]
async fn a_table_that_a_trigger_clears_while_rows_of_another_are_read_is_told() {
    let world = world().await;
    let db = &world.db;
    let trigger = "CREATE TRIGGER clears AFTER INSERT ON t BEGIN
        DELETE FROM log;
        INSERT INTO log VALUES ('begun');
    END";
    db.execute_script(trigger).await.unwrap();
    db.execute("INSERT INTO log VALUES (1), (2), (3)", ())
        .await
        .unwrap();
    let mut told = Told::new(db);
    db.write(|tx| {
        let mut statement = tx.prepare("INSERT INTO other VALUES (1), (2) RETURNING n")?;
        let mut rows = statement.query(())?;
        rows.next()?;
        tx.execute("INSERT INTO t(id) VALUES (8)", ())
    })
    .await
    .unwrap();
    assert_eq!(told.so_far(), "+other:1 +other:2 +t:8 +log:1 log?");
}

#[tokio::test]
async fn tables_of_which_no_rows_are_known_are_told_apart() {
    let world = world().await;
    let db = &world.db;
    db.execute("INSERT INTO log VALUES ('begun')", ())
        .await
        .unwrap();
    let mut told = Told::new(db);
    db.write(|tx| {
        tx.execute("UPDATE wide SET v = 9", ())?;
        tx.execute("DELETE FROM log", ())
    })
    .await
    .unwrap();
    assert_eq!(told.so_far(), "wide? log?");
    // And they are known from then on.
    let sql = "UPDATE wide SET v = 10";
    db.write(move |tx| {
        tx.prepare_cached("UPDATE wide SET v = 9")?.execute(())?;
        tx.prepare_cached(sql)?.execute(())
    })
    .await
    .unwrap();
    db.execute(sql, ()).await.unwrap();
    assert_eq!(told.so_far(), "wide? wide?");
}
