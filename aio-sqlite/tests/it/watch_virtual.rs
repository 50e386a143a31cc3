//! Live queries on virtual tables, which read and write tables that the query
//! and the write don't name.

use crate::watched::{Told, Watched, world};

/// A full-text index that takes its texts out of another table.
const EXTERNAL: &str = "
    CREATE TABLE texts(id INTEGER PRIMARY KEY, body);
    CREATE VIRTUAL TABLE found USING fts5(body, content = 'texts', content_rowid = 'id');
    CREATE TRIGGER finds AFTER INSERT ON texts BEGIN
        INSERT INTO found(rowid, body) VALUES (new.id, new.body);
    END;
";

#[tokio::test]
async fn what_a_virtual_table_reads_is_seen_at_each_run() {
    let world = world().await;
    let db = &world.db;
    db.execute_script(EXTERNAL).await.unwrap();
    db.execute("INSERT INTO texts VALUES (1, 10)", ())
        .await
        .unwrap();
    let mut first = Watched::new(db, "SELECT body FROM found");
    for body in 11..14 {
        db.execute("UPDATE texts SET body = ?1", [body])
            .await
            .unwrap();
        assert_eq!(first.next(), [body]);
    }
    // The virtual table's own statements have been prepared by then.
    let mut second = Watched::new(db, "SELECT -body FROM found");
    db.execute("UPDATE texts SET body = 50", ()).await.unwrap();
    assert_eq!(first.next(), [50]);
    assert_eq!(second.next(), [-50]);
    db.execute("INSERT INTO other VALUES (1)", ())
        .await
        .unwrap();
    first.silent();
    second.silent();
}

#[tokio::test]
async fn the_words_of_an_index_are_watched() {
    let world = world().await;
    let db = &world.db;
    db.execute(
        "CREATE VIRTUAL TABLE words USING fts5vocab(docs, 'row')",
        (),
    )
    .await
    .unwrap();
    let mut words = Watched::new(db, "SELECT count(*) FROM words");
    for (known, word) in (5..).zip(["that", "is", "the"]) {
        db.execute("INSERT INTO docs VALUES (?1)", [word])
            .await
            .unwrap();
        assert_eq!(words.next(), [known]);
    }
}

#[tokio::test]
async fn an_index_that_triggers_and_commands_write_is_watched() {
    let world = world().await;
    let db = &world.db;
    db.execute_script(EXTERNAL).await.unwrap();
    let insert = "INSERT INTO texts(body) VALUES ('a word')";
    let mut live = Watched::new(db, "SELECT rowid FROM found WHERE found MATCH 'word'");
    for round in 0..3 {
        db.execute(insert, ()).await.unwrap();
        assert_eq!(live.once().len(), 3 * round + 1);
        db.write(move |tx| tx.execute(insert, ())).await.unwrap();
        assert_eq!(live.once().len(), 3 * round + 2);
        let many = "INSERT INTO texts(body) VALUES (?1)";
        db.execute_many(many, [["a word"], ["two"]]).await.unwrap();
        assert_eq!(live.once().len(), 3 * round + 3);
    }
    for (command, found) in [("delete-all", 0), ("rebuild", 9)] {
        db.execute("INSERT INTO found(found) VALUES (?1)", [command])
            .await
            .unwrap();
        assert_eq!(live.once().len(), found, "{command}");
    }
}

/// The index writes what it has gathered when a savepoint is set, beside any
/// statement.
#[tokio::test]
async fn what_an_index_writes_at_a_savepoint_hides_no_rows() {
    let world = world().await;
    let db = &world.db;
    let mut data = Watched::new(db, "SELECT sum(length(block)) FROM docs_data");
    let mut told = Told::new(db);
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO docs VALUES ('one two')", ())
        .await
        .unwrap();
    let savepoint = tx.savepoint().await.unwrap();
    savepoint
        .execute("INSERT INTO t(id) VALUES (8)", ())
        .await
        .unwrap();
    savepoint.commit().await.unwrap();
    let undone = tx.savepoint().await.unwrap();
    undone.execute("DELETE FROM other", ()).await.unwrap();
    undone.rollback().await.unwrap();
    tx.execute("INSERT INTO t(id) VALUES (9)", ())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let told = told.so_far();
    let rows: Vec<&str> = told.split(' ').collect();
    assert!(rows.contains(&"+t:8") && rows.contains(&"+t:9"), "{told}");
    assert!(!rows.contains(&"t?"), "{told}");
    data.once();
}
