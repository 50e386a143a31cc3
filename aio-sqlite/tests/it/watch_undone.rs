//! Live queries and what SQLite undoes inside a transaction that is committed,
//! or leaves undone.

use crate::watched::{Told, Watched, world};

/// SQLite undoes a failed statement of a transaction, but for one that came to a
/// value which a STRICT table refuses: the rows before that stay, uncounted.
#[tokio::test]
async fn what_a_failed_statement_leaves_is_told() {
    for (table, sql) in [
        ("strict", "INSERT INTO strict VALUES (1, 1), (2, 'x')"),
        (
            "strict",
            "UPDATE strict SET v = CASE k WHEN 7 THEN 9 ELSE 'x' END",
        ),
        (
            "wider",
            "UPDATE wider SET v = CASE k WHEN 7 THEN 9 ELSE 'x' END",
        ),
    ] {
        for way in ["statement", "script", "query", "closure"] {
            let world = world().await;
            let db = &world.db;
            db.execute_script(
                "CREATE TABLE strict(k INTEGER, v INTEGER) STRICT;
                 CREATE TABLE wider(k INTEGER PRIMARY KEY, v INTEGER) STRICT, WITHOUT ROWID;
                 INSERT INTO strict VALUES (7, 7), (8, 8);
                 INSERT INTO wider VALUES (7, 7), (8, 8);",
            )
            .await
            .unwrap();
            let total = format!("SELECT total(v) FROM {table}");
            let mut live = Watched::new(db, &total.replace("total", "sum"));
            let mut other = Watched::new(db, "SELECT count(*) FROM other");
            if way == "closure" {
                let write = db.write(move |tx| Ok(tx.execute(sql, ()).unwrap_err()));
                write.await.unwrap();
            } else {
                let tx = db.begin().await.unwrap();
                match way {
                    "statement" => drop(tx.execute(sql, ()).await.unwrap_err()),
                    "script" => drop(tx.execute_script(sql).await.unwrap_err()),
                    _ => drop(tx.query(sql, ()).await.unwrap_err()),
                }
                tx.commit().await.unwrap();
            }
            let now = db.query_as::<f64>(&total, ()).one().await.unwrap();
            assert_ne!(now, 15.0, "it leaves nothing any more: {way}, {sql}");
            println!("{way}: {sql}");
            assert_eq!(live.once(), [now as i64]);
            other.silent();
        }
    }
}

#[tokio::test]
async fn savepoints_of_the_statements_themselves_are_seen() {
    for script in [false, true] {
        let world = world().await;
        let db = &world.db;
        let mut t = Watched::new(db, "SELECT count(*) FROM t");
        let mut wide = Watched::new(db, "SELECT count(*) FROM wide");
        let mut told = Told::new(db);
        let statements = [
            "INSERT INTO other VALUES (1)",
            "SAVEPOINT aio_one", // ours begin with the same letters
            "INSERT INTO t(id) VALUES (8)",
            "ROLLBACK TO aio_one",
            "INSERT INTO other VALUES (2)",
            "SAVEPOINT two",
            "DELETE FROM wide",
            "INSERT INTO log VALUES (1)",
            "rollback transaction to savepoint \"AIO_one\"",
            "INSERT INTO child(id) VALUES (3)",
            "SAVEPOINT one",
            "INSERT INTO child(id) VALUES (4)",
            "RELEASE one",
            "ROLLBACK TO aio_one",
            "INSERT INTO child(id) VALUES (5)",
            "RELEASE SAVEPOINT aio_one",
        ];
        // A second time, when all of them are cached.
        for round in 0..2 {
            let tx = db.begin().await.unwrap();
            match script {
                true => tx.execute_script(statements.join(";")).await.unwrap(),
                false => {
                    for sql in statements {
                        tx.execute(sql, ()).await.unwrap();
                    }
                }
            }
            tx.execute("DELETE FROM child WHERE id = 5", ())
                .await
                .unwrap();
            tx.commit().await.unwrap();
            t.silent();
            wide.silent();
            let expected = format!("+other:{} +child:5 -child:5", round + 1);
            assert_eq!(told.so_far(), expected);
        }
    }
}
