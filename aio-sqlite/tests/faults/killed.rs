//! SIGKILL before, and in the middle of, every file-changing system call of the
//! program, and of the one that finds what it has left.
//!
//! `AIO_STRIDE=1 cargo test -p aio-sqlite --test faults -- killed --nocapture`
//! kills the second one after every death of the first; without the variable it
//! is every sixteenth.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use chaos::acks;
use chaos::inject::Victim;
use libtest_mimic::Trial;

use crate::aftermath::{check, writes_again};
use crate::trial;
use crate::writer::{Runtime, Way, Writer};

const NAME: &str = "killed.db";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("killed::anywhere_on_a_current_thread_runtime", || {
            nothing_lost(Runtime::CurrentThread, Victim::kill_at);
        }),
        trial("killed::anywhere_on_two_threads", || {
            nothing_lost(Runtime::TwoThreads, Victim::kill_at);
        }),
        trial("killed::in_the_middle_of_a_write", || {
            nothing_lost(Runtime::CurrentThread, Victim::tear_at);
        }),
        trial("killed::again_while_the_next_program_recovers", twice),
        trial("killed::an_early_acknowledgement_is_caught", || {
            caught(Way::Early, "acknowledged and lost");
        }),
        trial("killed::two_rows_without_a_transaction_are_caught", || {
            caught(Way::Apart, "is there 1 times, not 2");
        }),
        trial("killed::a_lost_log_is_caught", lost_log_is_caught),
        trial("killed::a_damaged_file_is_caught", damage_is_caught),
    ]
}

/// What came of one program killed at each of its points.
struct Campaign {
    points: usize,
    acks: usize,
    /// The first thing that was wrong.
    wrong: Option<String>,
}

type Kill = fn(Victim, usize) -> Victim;

fn campaign(writer: Writer, kill: Kill) -> Campaign {
    let mut campaign = Campaign {
        points: 0,
        acks: 0,
        wrong: None,
    };
    for point in 1.. {
        let folder = chaos::scratch::folder();
        let path = folder.path().join(NAME);
        let run = kill(writer.victim(&path), point).run();
        let acks = acks::read(&run.stdout);
        campaign.acks += acks.len();
        if let Err(wrong) = check(&path, &acks) {
            campaign.wrong = Some(format!("killed at {point}, {:?}: {wrong}", run.hit));
            break;
        }
        writes_again(&path).unwrap_or_else(|error| panic!("killed at {point}: {error}"));
        // The groups differ from run to run, and so does the number of points.
        if run.hit.is_none() {
            assert!(run.status.success(), "{run:?}");
            break;
        }
        campaign.points = point;
    }
    campaign
}

fn nothing_lost(runtime: Runtime, kill: Kill) {
    let campaign = campaign(Writer::new(Way::Right, runtime), kill);
    println!(
        "points={} faults={} acks={} lost=0 on {runtime:?}",
        campaign.points, campaign.points, campaign.acks
    );
    assert_eq!(campaign.wrong, None);
    assert!(campaign.points > 50 && campaign.acks > 0);
}

fn caught(way: Way, problem: &str) {
    let campaign = campaign(Writer::new(way, Runtime::CurrentThread), Victim::kill_at);
    let wrong = campaign.wrong.expect("a wrong writer is caught");
    assert!(wrong.contains(problem), "{wrong}");
}

/// The check is about what is in the files, not about how the program ended.
fn lost_log_is_caught() {
    let writer = Writer::new(Way::Right, Runtime::CurrentThread);
    let folder = chaos::scratch::folder();
    let path = folder.path().join(NAME);
    // By then there are some commits, and the log is still all there is of them.
    let run = writer.victim(&path).kill_at(100).run();
    let acks = acks::read(&run.stdout);
    assert!(!acks.is_empty());
    fs::remove_file(folder.path().join(format!("{NAME}-wal"))).unwrap();
    let wrong = check(&path, &acks).unwrap_err();
    assert!(wrong.contains("acknowledged and lost"), "{wrong}");
}

fn damage_is_caught() {
    let folder = chaos::scratch::folder();
    let path = folder.path().join(NAME);
    let run = Writer::new(Way::Right, Runtime::CurrentThread)
        .victim(&path)
        .run();
    check(&path, &acks::read(&run.stdout)).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(&[0xAA; 64], 2 * 4096).unwrap();
    let wrong = check(&path, &[]).unwrap_err();
    assert!(wrong.contains("malformed"), "{wrong}");
}

/// A program is killed, and the next one while it recovers what is there.
fn twice() {
    let stride = std::env::var("AIO_STRIDE").map_or(16, |stride| stride.parse().unwrap());
    let writer = Writer::new(Way::Right, Runtime::CurrentThread);
    let successor = Writer::new(Way::Successor, Runtime::CurrentThread);
    let mut faults = 0;
    for first in (1..).step_by(stride) {
        let folder = chaos::scratch::folder();
        let run = writer
            .victim(&folder.path().join(NAME))
            .kill_at(first)
            .run();
        let acks = acks::read(&run.stdout);
        for second in 1.. {
            let copy = chaos::scratch::folder();
            copy_files(folder.path(), copy.path());
            let path = copy.path().join(NAME);
            let next = successor.victim(&path).kill_at(second).run();
            check(&path, &acks)
                .and_then(|()| writes_again(&path).map_err(|error| error.to_string()))
                .unwrap_or_else(|wrong| {
                    panic!("killed at {first} and at {second}, {:?}: {wrong}", next.hit)
                });
            if next.hit.is_none() {
                assert!(next.status.success() && next.stderr.is_empty(), "{next:?}");
                break;
            }
            faults += 1;
        }
        if run.hit.is_none() {
            break;
        }
    }
    println!("faults={faults} lost=0");
    assert!(faults > 50);
}

fn copy_files(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
