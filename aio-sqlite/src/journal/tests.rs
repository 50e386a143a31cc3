//! What the journal tells of statements, savepoints and commits.

use proptest::prelude::*;

use super::*;
use crate::change::Change;
use crate::tables::Table;

fn footprint(writes: &[&str]) -> Footprint {
    let mut footprint = Footprint::default();
    for name in writes {
        footprint.writes.add_named(Some("main"), name);
    }
    footprint
}

fn names(tables: &Tables) -> Vec<String> {
    tables.named().iter().map(Table::to_name).collect()
}

fn changes(touched: &Touched) -> Vec<Change> {
    touched.log.entries().map(Entry::to_change).collect()
}

fn table(name: &str) -> Change {
    Change::Table { table: name.into() }
}

fn inserted(name: &str, rowid: i64) -> Change {
    Change::Row {
        table: name.into(),
        op: Op::Insert,
        rowid,
    }
}

fn watching(watching: Watching) -> Journal {
    Journal {
        watching,
        ..Journal::default()
    }
}

impl Journal {
    fn insert(&mut self, table: &str, rowid: i64) {
        self.row("main", table, Op::Insert, rowid);
    }

    fn whole(&mut self, footprint: &Footprint, changes: u64) {
        self.end(How::Whole, footprint, changes);
    }

    fn end(&mut self, how: How, footprint: &Footprint, changes: u64) {
        self.ran(Ran {
            how,
            footprint,
            changes,
            own: changes,
        });
    }

    fn commit(&mut self) -> Option<Touched> {
        self.committing();
        self.settle(true);
        self.take()
    }
}

#[test]
fn rows_that_are_reported_and_counted_tell_all() {
    let mut journal = watching(Watching::Rows);
    journal.insert("t", 1);
    journal.insert("t", 2);
    // Its trigger might have written `log` and did not.
    journal.whole(&footprint(&["t", "log"]), 2);
    let touched = journal.commit().unwrap();
    assert_eq!(names(&touched.surely), ["t"]);
    assert!(touched.perhaps.is_empty());
    assert_eq!(changes(&touched), [inserted("t", 1), inserted("t", 2)]);
}

#[test]
fn changes_that_no_row_tells_are_the_other_tables() {
    let mut journal = watching(Watching::Rows);
    journal.insert("t", 1);
    journal.whole(&footprint(&["t", "wide"]), 2);
    journal.whole(&footprint(&["bare"]), 7);
    let touched = journal.commit().unwrap();
    assert_eq!(names(&touched.surely), ["t", "wide", "bare"]);
    assert_eq!(
        changes(&touched),
        [inserted("t", 1), table("wide"), table("bare")]
    );
}

#[test]
fn rows_that_made_room_are_the_table() {
    let mut journal = watching(Watching::Rows);
    let replace = Footprint {
        replaces: true,
        ..footprint(&["t"])
    };
    for rowid in 1..=2 {
        journal.insert("t", rowid);
        journal.whole(&replace, 1);
    }
    let touched = journal.commit().unwrap();
    assert_eq!(
        changes(&touched),
        [inserted("t", 1), table("t"), inserted("t", 2)]
    );
}

#[test]
fn what_changes_nothing_is_silent() {
    let mut journal = watching(Watching::Rows);
    journal.whole(&footprint(&["t"]), 0);
    assert!(journal.commit().is_none());
    // Failed: its rows were reported, and undone.
    journal.insert("t", 1);
    journal.end(How::Failed, &footprint(&["t"]), 0);
    assert!(journal.commit().is_none());
    // A schema that failed to change.
    let create = Footprint {
        opaque: true,
        ..footprint(&["sqlite_master", "t"])
    };
    journal.end(How::Failed, &create, 0);
    assert!(journal.commit().is_none());
}

#[test]
fn a_failed_statement_that_kept_rows_tells_them() {
    let mut journal = watching(Watching::Rows);
    journal.insert("t", 1);
    journal.end(How::Failed, &footprint(&["t"]), 1);
    let touched = journal.commit().unwrap();
    assert_eq!(names(&touched.perhaps), ["t"]);
    assert_eq!(changes(&touched), [inserted("t", 1)]);
    // What its trigger did may have been undone with it, and is counted.
    journal.insert("t", 1);
    journal.insert("log", 1);
    journal.ran(Ran {
        how: How::Failed,
        footprint: &footprint(&["t", "log", "wide"]),
        changes: 1,
        own: 0,
    });
    let touched = journal.commit().unwrap();
    assert!(touched.surely.is_empty());
    assert_eq!(changes(&touched), [table("t"), table("log"), table("wide")]);
}

#[test]
fn of_anothers_statement_it_is_not_known_whether_it_failed() {
    let mut journal = watching(Watching::Tables);
    let written = footprint(&["t", "wide"]);
    let unknown = |changes, own| Ran {
        how: How::Unknown,
        footprint: &written,
        changes,
        own,
    };
    journal.insert("t", 1);
    journal.ran(unknown(1, 1));
    let touched = journal.commit().unwrap();
    assert_eq!(names(&touched.surely), ["t"]);
    assert!(touched.perhaps.is_empty());
    // Two rows, one of them a trigger's: undone, or of a view.
    for (rows, changes, own) in [(2, 1, 1), (1, 1, 0)] {
        for rowid in 0..rows {
            journal.insert("t", rowid);
        }
        journal.ran(unknown(changes, own));
        let touched = journal.commit().unwrap();
        assert!(touched.surely.is_empty());
        assert_eq!(names(&touched.perhaps), ["t", "wide"]);
    }
}

#[test]
fn changes_that_nothing_names_are_everything() {
    let mut journal = watching(Watching::Tables);
    journal.whole(&footprint(&[]), 1);
    let touched = journal.commit().unwrap();
    assert!(touched.perhaps.is_everything() && touched.unnamed);
}

#[test]
fn who_comes_in_the_middle_is_told_the_tables() {
    let mut journal = watching(Watching::Nothing);
    journal.whole(&footprint(&["early"]), 3);
    journal.watching = Watching::Rows;
    journal.insert("t", 1);
    journal.whole(&footprint(&["t"]), 1);
    let touched = journal.commit().unwrap();
    assert_eq!(names(&touched.perhaps), ["early"]);
    assert_eq!(changes(&touched), [table("early"), inserted("t", 1)]);
}

#[test]
fn a_savepoint_that_nobody_watched_may_have_been_kept() {
    let mut journal = watching(Watching::Nothing);
    journal.marked(1);
    journal.whole(&footprint(&["early"]), 3);
    journal.watching = Watching::Rows;
    journal.marked(2);
    journal.insert("t", 1);
    journal.whole(&footprint(&["t"]), 1);
    journal.released(2);
    journal.rolled_back_to(1); // and "t" with it, who knows
    let touched = journal.commit().unwrap();
    assert!(touched.surely.is_empty());
    assert_eq!(names(&touched.perhaps), ["early", "t"]);
    assert_eq!(changes(&touched), [table("early"), table("t")]);
}

#[test]
fn the_schema_is_everything_and_names_its_table() {
    let mut journal = watching(Watching::Rows);
    let drop = Footprint {
        opaque: true,
        ..footprint(&["sqlite_master", "t"])
    };
    journal.whole(&drop, 0);
    let touched = journal.commit().unwrap();
    assert!(touched.perhaps.is_everything());
    assert!(!touched.unnamed);
    assert_eq!(changes(&touched), [table("t")]);
}

#[test]
fn a_commit_that_fails_tells_nothing() {
    let mut journal = watching(Watching::Tables);
    journal.insert("t", 1);
    journal.whole(&footprint(&["t"]), 1);
    journal.committing();
    journal.settle(false); // busy: the transaction is still open
    assert!(journal.take().is_none());
    journal.committing();
    journal.rolled_back(); // the disk is full
    journal.settle(true);
    assert!(journal.take().is_none());
    journal.settle(true); // nothing comes later either
    assert!(journal.take().is_none());
}

#[test]
fn an_automatic_rollback_in_a_statement_forgets_the_statement_too() {
    let mut journal = watching(Watching::Rows);
    journal.insert("t", 1);
    journal.rolled_back();
    journal.end(How::Failed, &footprint(&["t"]), 1); // counted by a trigger
    journal.settle(true);
    assert!(journal.take().is_none());
}

/// One step of a transaction.
#[derive(Clone, Debug)]
enum Step {
    Write(u8),
    Mark,
    /// Of the savepoint so many levels up.
    Release(usize),
    RollBackTo(usize),
    Commit,
    RollBack,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u8..5).prop_map(Step::Write),
        2 => Just(Step::Mark),
        1 => (0usize..3).prop_map(Step::Release),
        1 => (0usize..3).prop_map(Step::RollBackTo),
        1 => Just(Step::Commit),
        1 => Just(Step::RollBack),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    /// Whatever the savepoints, a commit tells just the rows that are in it.
    #[test]
    fn a_commit_tells_what_is_in_it(steps in steps()) {
        let mut journal = watching(Watching::Rows);
        // The model: a list of rows for each level.
        let mut levels: Vec<(u64, Vec<(u8, i64)>)> = vec![(0, Vec::new())];
        let mut next = 1;
        for (at, step) in steps.into_iter().chain([Step::Commit]).enumerate() {
            let rowid = at as i64;
            let up = |levels: &Vec<_>, by: usize| {
                (levels.len() > 1).then(|| levels.len().saturating_sub(by + 1).max(1))
            };
            match step {
                Step::Write(table) => {
                    let name = format!("t{table}");
                    journal.insert(&name, rowid);
                    journal.whole(&footprint(&[&name]), 1);
                    journal.settle(false);
                    levels.last_mut().unwrap().1.push((table, rowid));
                }
                Step::Mark => {
                    journal.marked(next);
                    levels.push((next, Vec::new()));
                    next += 1;
                }
                Step::Release(by) => if let Some(to) = up(&levels, by) {
                    journal.released(levels[to].0);
                    let rows: Vec<_> = levels.drain(to..).flat_map(|(_, rows)| rows).collect();
                    levels.last_mut().unwrap().1.extend(rows);
                },
                Step::RollBackTo(by) => if let Some(to) = up(&levels, by) {
                    journal.rolled_back_to(levels[to].0);
                    levels.truncate(to);
                },
                Step::RollBack => {
                    journal.rolled_back();
                    journal.settle(true);
                    prop_assert!(journal.take().is_none());
                    levels = vec![(0, Vec::new())];
                }
                Step::Commit => {
                    let rows: Vec<_> = levels.drain(..).flat_map(|(_, rows)| rows).collect();
                    levels.push((0, Vec::new()));
                    let expected: Vec<Change> = rows
                        .iter()
                        .map(|(table, rowid)| inserted(&format!("t{table}"), *rowid))
                        .collect();
                    let touched = journal.commit().unwrap_or_default();
                    prop_assert_eq!(changes(&touched), expected);
                    let mut tables: Vec<String> =
                        rows.iter().map(|(table, _)| format!("t{table}")).collect();
                    tables.sort();
                    tables.dedup();
                    let mut surely = names(&touched.surely);
                    surely.sort();
                    prop_assert_eq!(surely, tables);
                }
            }
        }
    }
}

#[test]
fn of_statements_beside_each_other_the_rows_are_sure() {
    let mut journal = watching(Watching::Rows);
    journal.insert("t", 1);
    journal.end(How::Entangled, &footprint(&["t", "wide"]), 0);
    let touched = journal.commit().unwrap();
    assert_eq!(names(&touched.surely), ["t"]);
    assert_eq!(names(&touched.perhaps), ["wide"]);
    assert_eq!(changes(&touched), [inserted("t", 1), table("wide")]);
    // A count that is another's.
    journal.end(How::Entangled, &footprint(&[]), 3);
    assert!(journal.commit().is_none());
}

#[test]
fn a_failed_statement_may_have_left_what_nobody_counts() {
    let mut journal = watching(Watching::Rows);
    journal.insert("strict", 1);
    journal.end(How::Torn, &footprint(&["strict"]), 0);
    let touched = journal.commit().unwrap();
    assert!(touched.surely.is_empty());
    assert_eq!(names(&touched.perhaps), ["strict"]);
    assert_eq!(changes(&touched), [table("strict")]);
}

#[test]
fn savepoints_that_statements_set_are_doubtful_when_nobody_has_listened() {
    let mut journal = watching(Watching::Rows);
    journal.does(Mark::Set("one"));
    journal.insert("t", 1);
    journal.whole(&footprint(&["t"]), 1);
    journal.marked(5);
    journal.insert("t", 2);
    journal.whole(&footprint(&["t"]), 1);
    journal.forget_names();
    // Perhaps it has been released, and this fails; perhaps it undoes the first.
    journal.does(Mark::RollBackTo("one"));
    journal.rolled_back_to(5);
    let touched = journal.commit().unwrap();
    assert!(touched.surely.is_empty());
    assert_eq!(names(&touched.perhaps), ["t"]);
    assert_eq!(changes(&touched), [table("t")]);
}
