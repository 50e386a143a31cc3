//! SIGKILL before, and in the middle of, every file-changing system call of the
//! program.

use chaos::acks;
use chaos::inject::Victim;
use libtest_mimic::Trial;

use crate::aftermath::{check, succeed};
use crate::trial;
use crate::writer::{Way, Writer};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("killed::anywhere", || nothing_lost(Victim::kill_at)),
        trial("killed::in_the_middle_of_a_write", || {
            nothing_lost(Victim::tear_at);
        }),
        trial("killed::an_early_acknowledgement_is_caught", || {
            caught(Way::Early, Victim::kill_at, "acknowledged and lost");
        }),
        trial("killed::writing_in_place_is_caught", || {
            caught(Way::InPlace, Victim::kill_at, "is not whole: 0 bytes");
            caught(Way::InPlace, Victim::tear_at, "is not whole");
        }),
    ]
}

/// What came of one program killed at each of its points.
struct Campaign {
    points: usize,
    acks: usize,
    /// How many temporary files were left in all.
    left: usize,
    /// The first thing that was wrong.
    wrong: Option<String>,
}

type Kill = fn(Victim, usize) -> Victim;

fn campaign(writer: Writer, kill: Kill) -> Campaign {
    let mut campaign = Campaign {
        points: 0,
        acks: 0,
        left: 0,
        wrong: None,
    };
    for point in 1.. {
        let folder = chaos::scratch::folder();
        let run = kill(writer.victim(folder.path()), point).run();
        let acks = acks::read(&run.stdout);
        campaign.acks += acks.len();
        match check(folder.path(), &acks) {
            Ok(left) => campaign.left += left,
            Err(wrong) => {
                campaign.wrong = Some(format!("killed at {point}, {:?}: {wrong}", run.hit));
                break;
            }
        }
        succeed(folder.path());
        if run.hit.is_none() {
            assert!(run.status.success(), "{run:?}");
            break;
        }
        campaign.points = point;
    }
    campaign
}

fn nothing_lost(kill: Kill) {
    let writer = Writer::new(Way::Right);
    let campaign = campaign(writer, kill);
    println!(
        "points={} faults={} acks={} swept={} lost=0 torn=0",
        campaign.points, campaign.points, campaign.acks, campaign.left
    );
    assert_eq!(campaign.wrong, None);
    // Create, three writes, sync, rename, sync: at least, for each number.
    assert!(campaign.points >= 7 * 6 && campaign.acks > 0);
    assert!(
        campaign.left > campaign.points / 2,
        "most places are between"
    );
}

fn caught(way: Way, kill: Kill, problem: &str) {
    let campaign = campaign(Writer::new(way), kill);
    let wrong = campaign.wrong.expect("a wrong writer is caught");
    assert!(wrong.contains(problem), "{wrong}");
}
