//! Power cuts under the program, on ext4 and xfs.
//!
//! `AIO_CUTS=150 cargo test -p aio-files --test faults -- power --nocapture`
//! makes 300 cuts of each kind; without the variable there are a few.

use chaos::power::{self, After, Cuts, FileSystem, Report};
use libtest_mimic::Trial;

use crate::aftermath::{look, succeed};
use crate::trial;
use crate::writer::{Way, Writer};

pub(crate) fn trials() -> Vec<Trial> {
    let cut = |name: &str, run: fn()| {
        Trial::test(name, move || {
            if !power::skips() {
                run();
            }
            Ok(())
        })
    };
    vec![
        cut("power::a_commit_loses_nothing", right),
        cut("power::a_folder_that_is_not_synced_loses", unsynced),
        trial("power::syncs_that_are_a_lie_lose", || {
            if !power::skips() {
                lie();
            }
        }),
    ]
}

fn cut(cuts: Cuts, way: Way, check: fn(&After) -> usize) -> Report {
    let writer = Writer { way, times: None };
    cuts.run(|folder| writer.command(folder), check)
}

fn lost(after: &After) -> usize {
    let found = look(&after.folder).unwrap();
    succeed(&after.folder);
    found.lost(&after.acks).len()
}

fn right() {
    for file_system in FileSystem::ALL {
        let cuts = power::cuts("aio-files, replace", file_system);
        let report = cut(cuts, Way::Right, lost);
        assert_eq!(report.lost, 0, "{report}");
    }
}

/// What was never synced may be damaged as well.
fn lost_or_damaged(after: &After) -> usize {
    match look(&after.folder) {
        Ok(found) => found.lost(&after.acks).len(),
        Err(_) => after.acks.len(),
    }
}

/// Whether the newest name had reached the disk is a matter of luck each time.
fn unsynced() {
    const TRIES: usize = 10;
    for file_system in FileSystem::ALL {
        let losing = (0..TRIES).any(|try_| {
            let cuts = power::cuts(format!("without the folder's sync, {try_}"), file_system);
            cut(cuts, Way::FolderUnsynced, lost_or_damaged).losing > 0
        });
        assert!(losing, "{}", file_system.name());
    }
}

fn lie() {
    for file_system in FileSystem::ALL {
        let cuts = power::cuts("aio-files, feigned syncs", file_system);
        let report = cut(cuts.without_sync(), Way::Right, lost_or_damaged);
        assert!(report.losing > 0, "{report}");
    }
}
