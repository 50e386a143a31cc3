//! Power cuts, on a program that writes a file rightly, which must lose nothing,
//! and on wrong ways, which must.

use std::fs;
use std::path::Path;
use std::process::Command;

use chaos::power::{self, After, Cuts, FileSystem, Report};

use crate::caught;
use crate::inject::check;

/// More than the victim gets to before its power is cut.
const TIMES: &str = "1000000";

fn run(cuts: Cuts, way: &'static str, check: impl Fn(&After) -> usize + Send) -> Report {
    cuts.run(
        |folder| {
            let mut program = Command::new(env!("CARGO_BIN_EXE_chaos-victim"));
            program.arg(way).arg(folder).arg(TIMES);
            program
        },
        check,
    )
}

/// One value holds them all: the newest acknowledgement is lost, or none is.
fn newest(after: &After) -> usize {
    usize::from(check(&after.folder, &after.acks).is_err())
}

#[test]
fn the_right_way_loses_nothing() {
    if power::skips() {
        return;
    }
    for file_system in FileSystem::ALL {
        let report = run(power::cuts("right", file_system), "right", |after| {
            check(&after.folder, &after.acks).unwrap();
            0
        });
        assert!(report.acks >= report.cuts, "{report}");
        assert_eq!(report.lost, 0, "{report}");
    }
}

#[test]
fn the_right_way_with_syncs_that_are_a_lie_loses() {
    if power::skips() {
        return;
    }
    for file_system in FileSystem::ALL {
        let cuts = power::cuts("right, feigned syncs", file_system);
        let report = run(cuts.without_sync(), "right", newest);
        assert!(report.losing > 0, "{report}");
    }
}

#[test]
fn no_sync_loses() {
    if power::skips() {
        return;
    }
    for file_system in FileSystem::ALL {
        let report = run(power::cuts("no-sync", file_system), "no-sync", newest);
        assert!(report.losing > 0, "{report}");
    }
}

/// It loses in a third to a half of the cuts, so that it takes some to be sure.
#[test]
fn no_sync_of_the_folder_loses() {
    if power::skips() {
        return;
    }
    let loses = (0..10).any(|seed| {
        let cuts = power::cuts("no-folder-sync", FileSystem::Ext4).times(10);
        run(cuts.seed(seed), "no-folder-sync", newest).losing > 0
    });
    assert!(loses);
}

#[test]
fn a_program_that_fails_is_not_taken_for_one_that_was_cut() {
    if power::skips() {
        return;
    }
    let said = caught(|| {
        run(
            power::cuts("no way", FileSystem::Ext4),
            "no-such-way",
            |_| 0,
        );
    });
    assert!(said.contains("acknowledged nothing"), "{said}");
    assert!(said.contains("no way"), "{said}");
}

/// Also when the check panics: the mounts are gone with their namespace, and
/// the loop devices with the mounts.
#[test]
fn nothing_stays_behind() {
    if power::skips() {
        return;
    }
    let place = std::sync::Mutex::new(None);
    let said = caught(|| {
        run(power::cuts("panics", FileSystem::Ext4), "right", |after| {
            assert!(after.folder.join("value").exists());
            *place.lock().unwrap() = Some(after.folder.clone());
            panic!("its own words");
        });
    });
    assert_eq!(said, "its own words");
    let folder = place.into_inner().unwrap().unwrap();
    let disk: &Path = folder.ancestors().nth(2).unwrap();
    assert!(disk.starts_with(std::env::temp_dir()) && !disk.exists());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains("chaos-disk-"), "{mounts}");
}
