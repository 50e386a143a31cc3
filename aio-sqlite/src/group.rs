//! What may share a commit, and who comes to what: group commit without SQLite.
//!
//! Writes that are independent of each other run one behind the other in one
//! transaction, and are acknowledged after its commit. One that fails is undone
//! by itself where it has a savepoint. Where it has none, or SQLite rolls back
//! the whole transaction, those that had succeeded are run again in a new one,
//! without the one that failed.
//!
//! The idea is old (DeWitt et al., *Implementation Techniques for Main Memory
//! Database Systems*, SIGMOD 1984, section 5.2): the wait for the disk is paid
//! once for many.

/// The connection that a group runs on.
pub(crate) trait Ground {
    /// Begins the transaction for these members, of which some may have run
    /// before; `false` where that fails for all of them.
    fn begin(&mut self, due: &[usize]) -> bool;

    /// Takes in one more member, if one has come.
    fn come(&mut self) -> bool;

    /// Runs a member. `others_wait` says that some have succeeded before it,
    /// which then wait for its end too.
    fn run(&mut self, member: usize, others_wait: bool) -> Ran;

    /// Tells whether the transaction has run for so long that it is time to
    /// commit.
    fn is_time(&self) -> bool;

    /// Commits; where it fails, nothing of the transaction is left.
    fn commit(&mut self) -> Commit;
}

/// What running one member came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It succeeded, and the transaction is open.
    Kept,
    /// It failed and has been undone; the transaction is open.
    Undone,
    /// It failed, and the transaction is gone.
    Lost,
    /// It was stopped because the others waited too long; the transaction is
    /// gone.
    Stopped,
    /// Nobody waits for it any more; it did not run.
    Gone,
}

/// What a commit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    Done,
    /// It failed in a way that may be one member's fault.
    Divisible,
    /// It failed for everybody.
    Failed,
}

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is in the database.
    Committed,
    /// It failed by its own fault.
    Failed,
    /// The transaction could not be begun.
    NotBegun,
    /// The commit failed.
    NotCommitted,
    /// Nobody waits for it.
    Gone,
    /// It comes again with the next group.
    Postponed,
    /// It comes again in a group of its own.
    Alone,
}

/// Replays of one group that go on with new members behind the survivors; after
/// that the survivors are committed and the rest is postponed.
const REPLAYS: usize = 1;

/// Runs a group, of so many members at first and of whoever comes meanwhile, and
/// says what becomes of each.
pub(crate) fn commit_together(count: usize, ground: &mut impl Ground) -> Vec<Fate> {
    // Whoever has no fate yet is to be run.
    let mut fates: Vec<Option<Fate>> = vec![None; count];
    let mut replays = 0;
    // Once it is set, those behind it have to wait for the next group.
    let mut last = None;
    loop {
        let due: Vec<usize> = (0..last.unwrap_or(fates.len()))
            .filter(|&member| fates[member].is_none())
            .collect();
        if !ground.begin(&due) {
            for member in due {
                fates[member] = Some(Fate::NotBegun);
            }
            return settle(fates, Fate::Postponed);
        }
        match attempt(&mut fates, due, last.is_none(), ground) {
            Attempt::Whole { kept } => {
                let fate = match ground.commit() {
                    Commit::Done => Fate::Committed,
                    Commit::Divisible if kept.len() > 1 => Fate::Alone,
                    Commit::Divisible | Commit::Failed => Fate::NotCommitted,
                };
                for member in kept {
                    fates[member] = Some(fate);
                }
                return settle(fates, Fate::Postponed);
            }
            Attempt::Lost { survivors, behind } => {
                replays += 1;
                if survivors == 0 && replays > REPLAYS {
                    return settle(fates, Fate::Postponed);
                }
                if replays > REPLAYS {
                    last = Some(behind);
                }
            }
            Attempt::Stopped { at } => last = Some(at),
        }
    }
}

enum Attempt {
    /// All that were to be run have run, or it is time to commit.
    Whole { kept: Vec<usize> },
    /// The transaction was lost when the member before `behind` ran.
    Lost { survivors: usize, behind: usize },
    /// The transaction was given up for those before this member.
    Stopped { at: usize },
}

/// Runs the members that are due, which are those that have no fate yet, and
/// where the group is open also those that come meanwhile.
fn attempt(
    fates: &mut Vec<Option<Fate>>,
    due: Vec<usize>,
    open: bool,
    ground: &mut impl Ground,
) -> Attempt {
    let mut kept = Vec::new();
    let mut due = due.into_iter();
    let mut somebody_waits = false;
    while !somebody_waits || !ground.is_time() {
        let member = match due.next() {
            Some(member) => member,
            None if open && ground.come() => {
                fates.push(None);
                fates.len() - 1
            }
            None => break,
        };
        let ran = ground.run(member, !kept.is_empty());
        somebody_waits |= ran != Ran::Gone;
        match ran {
            Ran::Kept => kept.push(member),
            Ran::Undone => fates[member] = Some(Fate::Failed),
            Ran::Gone => fates[member] = Some(Fate::Gone),
            Ran::Lost => {
                fates[member] = Some(Fate::Failed);
                return Attempt::Lost {
                    survivors: kept.len(),
                    behind: member + 1,
                };
            }
            Ran::Stopped => return Attempt::Stopped { at: member },
        }
    }
    Attempt::Whole { kept }
}

fn settle(fates: Vec<Option<Fate>>, rest: Fate) -> Vec<Fate> {
    fates.into_iter().map(|fate| fate.unwrap_or(rest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection made of lists: each member appends its number.
    #[derive(Default)]
    struct Lists {
        /// What a member does when it is run; default: it succeeds.
        scripts: Vec<Ran>,
        commits: Vec<Commit>,
        no_begin: bool,
        /// It is time after so many members of one transaction.
        time_after: Option<usize>,
        open: Option<Vec<usize>>,
        database: Vec<usize>,
        begun: usize,
        committed: usize,
        runs: usize,
        /// So many more come while the group runs.
        coming: usize,
    }

    impl Ground for Lists {
        fn begin(&mut self, due: &[usize]) -> bool {
            assert!(due.is_sorted());
            assert!(self.open.is_none(), "two transactions");
            if self.no_begin {
                return false;
            }
            self.begun += 1;
            self.open = Some(Vec::new());
            true
        }

        fn come(&mut self) -> bool {
            let comes = self.coming > 0;
            self.coming -= usize::from(comes);
            comes
        }

        fn run(&mut self, member: usize, others_wait: bool) -> Ran {
            self.runs += 1;
            let open = self.open.as_mut().expect("a member outside a transaction");
            assert_eq!(others_wait, !open.is_empty());
            let ran = match self.scripts.get(member) {
                Some(Ran::Stopped) if !others_wait => Ran::Kept,
                Some(&ran) => ran,
                None => Ran::Kept,
            };
            match ran {
                Ran::Kept => open.push(member),
                Ran::Undone | Ran::Gone => {}
                Ran::Lost | Ran::Stopped => self.open = None,
            }
            ran
        }

        fn is_time(&self) -> bool {
            let open = self.open.as_ref().map_or(0, Vec::len);
            self.time_after.is_some_and(|after| open >= after)
        }

        fn commit(&mut self) -> Commit {
            let members = self.open.take().expect("a commit without a transaction");
            let commit = if self.commits.is_empty() {
                Commit::Done
            } else {
                self.commits.remove(0)
            };
            if commit == Commit::Done {
                self.committed += 1;
                self.database.extend(members);
            }
            commit
        }
    }

    fn scripted(count: usize, at: usize, ran: Ran) -> Lists {
        let mut scripts = vec![Ran::Kept; count];
        scripts[at] = ran;
        Lists {
            scripts,
            ..Lists::default()
        }
    }

    #[test]
    fn one_commit_for_all() {
        let mut lists = Lists::default();
        let fates = commit_together(64, &mut lists);
        assert_eq!(fates, vec![Fate::Committed; 64]);
        assert_eq!(lists.database, (0..64).collect::<Vec<_>>());
        assert_eq!((lists.begun, lists.committed), (1, 1));
    }

    #[test]
    fn whoever_comes_while_the_group_runs_shares_its_commit() {
        let mut lists = Lists {
            coming: 62,
            ..Lists::default()
        };
        let fates = commit_together(2, &mut lists);
        assert_eq!(fates, vec![Fate::Committed; 64]);
        assert_eq!(lists.database, (0..64).collect::<Vec<_>>());
        assert_eq!((lists.begun, lists.committed), (1, 1));
    }

    #[test]
    fn nobody_comes_in_when_it_is_time_or_others_are_put_off() {
        let mut lists = Lists {
            coming: 62,
            time_after: Some(3),
            ..Lists::default()
        };
        assert_eq!(
            commit_together(2, &mut lists),
            [Fate::Committed; 3],
            "the group is as large as it may be"
        );
        let mut lists = Lists {
            coming: 62,
            ..scripted(2, 1, Ran::Stopped)
        };
        use Fate::{Committed, Postponed};
        assert_eq!(commit_together(2, &mut lists), [Committed, Postponed]);
        assert_eq!(lists.coming, 62, "they come behind the one that is put off");
    }

    #[test]
    fn one_that_fails_harms_itself_only() {
        for ran in [Ran::Undone, Ran::Lost, Ran::Gone] {
            for at in 0..64 {
                // Some are there at the beginning, the others come.
                let there = 1 + at % 3 * 20;
                let mut lists = scripted(64, at, ran);
                lists.coming = 64 - there;
                let fates = commit_together(there, &mut lists);
                for (member, fate) in fates.iter().enumerate() {
                    let expected = match ran {
                        _ if member != at => Fate::Committed,
                        Ran::Gone => Fate::Gone,
                        _ => Fate::Failed,
                    };
                    assert_eq!(*fate, expected, "{ran:?} at {at}: member {member}");
                }
                let others: Vec<usize> = (0..64).filter(|&member| member != at).collect();
                assert_eq!(lists.database, others);
                assert_eq!(lists.committed, 1);
            }
        }
    }

    #[test]
    fn a_member_that_keeps_others_waiting_comes_again_behind_them() {
        let mut lists = scripted(5, 2, Ran::Stopped);
        let fates = commit_together(5, &mut lists);
        use Fate::{Committed, Postponed};
        assert_eq!(
            fates,
            [Committed, Committed, Postponed, Postponed, Postponed]
        );
        assert_eq!(lists.database, [0, 1]);
    }

    #[test]
    fn replays_are_bounded() {
        let mut lists = Lists {
            scripts: (0..1000)
                .map(|n| if n % 2 == 1 { Ran::Lost } else { Ran::Kept })
                .collect(),
            ..Lists::default()
        };
        let fates = commit_together(1000, &mut lists);
        use Fate::{Committed, Failed, Postponed};
        assert_eq!(
            fates[..6],
            [Committed, Failed, Committed, Failed, Postponed, Postponed]
        );
        assert_eq!(lists.database, [0, 2]);
        assert!(lists.runs < 10, "{} runs", lists.runs);
    }

    #[test]
    fn nobody_is_kept_for_those_that_come_when_it_is_time() {
        let mut lists = Lists {
            time_after: Some(3),
            ..Lists::default()
        };
        let fates = commit_together(5, &mut lists);
        assert_eq!(fates[2..4], [Fate::Committed, Fate::Postponed]);
        assert_eq!(lists.database, [0, 1, 2]);
    }

    #[test]
    fn a_commit_that_fails_is_said_to_all_or_tried_one_by_one() {
        for (commit, count, expected) in [
            (Commit::Failed, 3, Fate::NotCommitted),
            (Commit::Divisible, 3, Fate::Alone),
            (Commit::Divisible, 1, Fate::NotCommitted),
        ] {
            let mut lists = Lists {
                commits: vec![commit],
                ..Lists::default()
            };
            assert_eq!(
                commit_together(count, &mut lists),
                vec![expected; count],
                "{commit:?}"
            );
            assert!(lists.database.is_empty());
        }
        let mut lists = Lists {
            no_begin: true,
            ..Lists::default()
        };
        assert_eq!(commit_together(2, &mut lists), [Fate::NotBegun; 2]);
    }

    #[test]
    fn whatever_happens_each_member_has_one_fate_and_lands_at_most_once() {
        // Every script of four members.
        let rans = [Ran::Kept, Ran::Undone, Ran::Lost, Ran::Stopped, Ran::Gone];
        for number in 0..rans.len().pow(4) {
            let scripts: Vec<Ran> = (0..4)
                .map(|place| rans[number / rans.len().pow(place) % rans.len()])
                .collect();
            let mut lists = Lists {
                scripts: scripts.clone(),
                ..Lists::default()
            };
            let fates = commit_together(4, &mut lists);
            let landed: Vec<usize> = (0..4).filter(|&m| fates[m] == Fate::Committed).collect();
            assert_eq!(lists.database, landed, "{scripts:?}");
            assert!(lists.open.is_none(), "{scripts:?}: left open");
            let first_postponed = fates.iter().position(|f| *f == Fate::Postponed);
            if let Some(first) = first_postponed {
                assert!(
                    landed.iter().all(|&member| member < first),
                    "{scripts:?}: the order is kept"
                );
            }
        }
    }
}
