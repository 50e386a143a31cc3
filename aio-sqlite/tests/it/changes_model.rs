//! Committed changes against the tables themselves: random writes, of which some
//! fail, and whoever applies what is told has what is there.

use std::collections::{BTreeMap, BTreeSet};

use aio_sqlite::Database;
use aio_sqlite::changes::{Change, Changes, Op};
use futures_util::FutureExt;
use proptest::prelude::*;

use crate::random_writes::{Step, apply, on_a_database, step};

const TABLES: &[&str] = &["t", "child", "other", "log", "strict", "refilled"];

type Rowids = BTreeMap<&'static str, BTreeSet<i64>>;

async fn rowids(db: &Database) -> Rowids {
    let mut all = Rowids::new();
    for table in TABLES {
        let sql = format!("SELECT rowid FROM {table}");
        let rows = db.query_as::<i64>(sql, ()).await.unwrap();
        all.insert(table, rows.into_iter().collect());
    }
    all
}

/// Applies what is told; of a table without its rows, those that are there.
fn follow(known: &mut Rowids, changes: &mut Changes, now: &Rowids) {
    let mut unclear = BTreeSet::new();
    while let Some(change) = changes.next().now_or_never() {
        let change = change.unwrap().unwrap();
        let Some((&name, rows)) = known.iter_mut().find(|(name, _)| **name == change.table())
        else {
            continue;
        };
        match change {
            Change::Row { op, rowid, .. } => {
                let as_expected = match op {
                    Op::Insert => rows.insert(rowid),
                    Op::Update => rows.contains(&rowid),
                    Op::Delete => rows.remove(&rowid),
                };
                assert!(
                    as_expected || unclear.contains(name) || REPLACED.contains(&name),
                    "{op:?} {name} {rowid}"
                );
            }
            Change::Table { .. } => {
                unclear.insert(name);
            }
            other => panic!("{other:?}"),
        }
    }
    for name in unclear {
        known.insert(name, now[name].clone());
    }
}

/// Where rows that made room were not told before what followed them.
const REPLACED: &[&str] = &["t", "child", "log"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whoever_applies_what_is_told_has_what_is_there(
        steps in proptest::collection::vec(step(), 1..12)
    ) {
        on_a_database(async |db| {
            let mut changes = db.changes().stream();
            let mut known = rowids(db).await;
            for step in steps {
                if let Step::Leave = step {
                    drop(changes);
                    changes = db.changes().stream();
                }
                apply(db, step.clone()).await;
                let now = rowids(db).await;
                follow(&mut known, &mut changes, &now);
                assert_eq!(known, now, "after {step:?}");
            }
        });
    }
}
