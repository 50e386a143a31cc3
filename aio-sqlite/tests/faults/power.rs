//! Power cuts under the program, on ext4 and xfs.
//!
//! `AIO_CUTS=150 cargo test -p aio-sqlite --test faults -- power --nocapture`
//! makes 300 cuts of each kind; without the variable there are a few.

use chaos::power::{self, After, Cuts, FileSystem, Report};
use libtest_mimic::Trial;

use crate::aftermath::{look, writes_again};
use crate::trial;
use crate::writer::{Runtime, Way, Writer};

const NAME: &str = "cut.db";

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
        cut("power::durable_loses_nothing", durable),
        cut("power::relaxed_loses_whole_transactions_at_most", relaxed),
        trial("power::syncs_that_are_a_lie_lose", || {
            if !power::skips() {
                lie();
            }
        }),
    ]
}

fn cut(cuts: Cuts, way: Way, check: fn(&After) -> usize) -> Report {
    let writer = Writer {
        times: None,
        ..Writer::new(way, Runtime::TwoThreads)
    };
    cuts.run(|folder| writer.command(&folder.join(NAME)), check)
}

fn lost(after: &After) -> usize {
    let path = after.folder.join(NAME);
    let lost = look(&path).unwrap().lost(&after.acks);
    writes_again(&path).unwrap();
    lost.len()
}

fn durable() {
    for file_system in FileSystem::ALL {
        let cuts = power::cuts("aio-sqlite, durable", file_system);
        let report = cut(cuts, Way::Right, lost);
        assert_eq!(report.lost, 0, "{report}");
    }
}

/// It may lose what was acknowledged, and says so; but nothing is there by half.
fn relaxed() {
    for file_system in FileSystem::ALL {
        cut(
            power::cuts("aio-sqlite, relaxed", file_system),
            Way::Relaxed,
            lost,
        );
    }
}

fn lie() {
    for file_system in FileSystem::ALL {
        let cuts = power::cuts("aio-sqlite, feigned syncs", file_system);
        let report = cut(cuts.without_sync(), Way::Right, |after| {
            match look(&after.folder.join(NAME)) {
                Ok(found) => found.lost(&after.acks).len(),
                // What was never synced may be damaged as well.
                Err(_) => after.acks.len(),
            }
        });
        assert!(report.losing > 0, "{report}");
    }
}
