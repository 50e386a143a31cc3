//! SIGKILL before every file-changing system call of the program.

use chaos::acks;
use chaos::inject::Victim;
use libtest_mimic::Trial;

use crate::aftermath::{check, writes_again};
use crate::trial;
use crate::writer::{Runtime, Way, Writer};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("killed::anywhere_on_a_current_thread_runtime", || {
            nothing_lost(Runtime::CurrentThread);
        }),
        trial("killed::anywhere_on_two_threads", || {
            nothing_lost(Runtime::TwoThreads);
        }),
        trial("killed::an_early_acknowledgement_is_caught", || {
            caught(Way::Early, "acknowledged and lost");
        }),
        trial("killed::two_rows_without_a_transaction_are_caught", || {
            caught(Way::Apart, "is there 1 times, not 2");
        }),
    ]
}

/// What came of one program killed at each of its points.
struct Campaign {
    points: usize,
    acks: usize,
    /// The first thing that was wrong.
    wrong: Option<String>,
}

fn campaign(writer: Writer) -> Campaign {
    let mut campaign = Campaign {
        points: 0,
        acks: 0,
        wrong: None,
    };
    for point in 1.. {
        let folder = chaos::scratch::folder();
        let path = folder.path().join("killed.db");
        let run = Victim::kill_at(writer.victim(&path), point).run();
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

fn nothing_lost(runtime: Runtime) {
    let campaign = campaign(Writer::new(Way::Right, runtime));
    println!(
        "points={} faults={} acks={} lost=0 on {runtime:?}",
        campaign.points, campaign.points, campaign.acks
    );
    assert_eq!(campaign.wrong, None);
    assert!(campaign.points > 50 && campaign.acks > 0);
}

fn caught(way: Way, problem: &str) {
    let campaign = campaign(Writer::new(way, Runtime::CurrentThread));
    let wrong = campaign.wrong.expect("a wrong writer is caught");
    assert!(wrong.contains(problem), "{wrong}");
}
