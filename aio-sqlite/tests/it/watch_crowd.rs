//! Observers that come and go while many write.

use aio_sqlite::options::Durability;
use chaos::watchdog;

use crate::watched::Told;

const WRITERS: i64 = 6;
const EACH: i64 = 60;
const ALL: i64 = WRITERS * EACH;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_in_a_crowd_misses_the_last_commit() {
    let dir = tempfile::tempdir().unwrap();
    let db = aio_sqlite::open(dir.path().join("crowd.db"))
        .readers(2)
        .durability(Durability::Relaxed)
        .await
        .unwrap();
    db.execute("CREATE TABLE t(n)", ()).await.unwrap();
    let mut told = Told::new(&db);
    let mut tasks = Vec::new();
    for at in 0..16 {
        let db = db.clone();
        tasks.push(tokio::spawn(async move {
            let watch = || db.watch_as::<i64>("SELECT count(*) FROM t", ()).stream();
            let mut live = watch();
            let mut last = -1;
            while last != ALL {
                let next = live.next().await.unwrap().unwrap()[0];
                assert!(next >= last, "{next} after {last}");
                last = next;
                if at % 4 == 0 {
                    live = watch();
                }
                if at % 4 == 1 {
                    drop(db.changes().stream());
                }
            }
        }));
    }
    for writer in 0..WRITERS {
        let db = db.clone();
        tasks.push(tokio::spawn(async move {
            for n in 0..EACH {
                let insert = "INSERT INTO t VALUES (?1)";
                match (writer + n) % 3 {
                    0 => db.execute(insert, [n]).await.map(drop).unwrap(),
                    1 => {
                        // In a group, one that fails may be replayed with others.
                        let bad = db.write(move |tx| {
                            tx.execute(insert, [-1])?;
                            tx.execute("INSERT INTO nowhere VALUES (1)", ())
                        });
                        let good = db.write(move |tx| tx.execute(insert, [n]));
                        let (bad, good) = tokio::join!(bad, good);
                        bad.unwrap_err();
                        good.unwrap();
                    }
                    _ => {
                        let tx = db.begin().await.unwrap();
                        tx.execute(insert, [n]).await.unwrap();
                        tx.execute("SAVEPOINT undone", ()).await.unwrap();
                        tx.execute(insert, [-1]).await.unwrap();
                        tx.execute("ROLLBACK TO undone", ()).await.unwrap();
                        tx.commit().await.unwrap();
                    }
                }
            }
        }));
    }
    for task in tasks {
        watchdog::future("one of the crowd", task).await.unwrap();
    }
    let told = told.so_far();
    let rows: std::collections::BTreeSet<&str> = told.split(' ').collect();
    let expected = db.query_as::<i64>("SELECT rowid FROM t", ()).await.unwrap();
    assert_eq!(told.split(' ').count(), expected.len());
    assert!(
        expected
            .iter()
            .all(|rowid| rows.contains(&*format!("+t:{rowid}")))
    );
}
