//! Callers that go away while the system stands still inside a call of theirs,
//! and others that come to the same path meanwhile.

use chaos::acks;
use libtest_mimic::Trial;

use crate::aftermath::{check, succeed};
use crate::trial;
use crate::writer::{ENDING, GONE, Way, Writer};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("held::callers_go_while_any_call_is_held", || {
            assert_eq!(abandoned(Way::Impatient), None);
        }),
        trial("held::an_orphan_of_std_is_caught", || {
            let wrong = abandoned(Way::ImpatientInPlace).expect("a wrong writer is caught");
            assert!(wrong.contains("acknowledged and lost"), "{wrong}");
        }),
    ]
}

/// Every call, each held until its caller has gone and others have come: the
/// syncs of a commit among them. What follows at the same path is not undone by
/// what was dropped.
///
/// Returns the first thing that was wrong.
fn abandoned(way: Way) -> Option<String> {
    let writer = Writer::new(way);
    // The last number has the path of another one before it.
    let last = writer.times.unwrap();
    let acked = format!("ack {last}");
    // Where nothing keeps the order, the last one doesn't wait for what is held.
    let until = match way {
        Way::ImpatientInPlace => &acked,
        _ => ENDING,
    };
    let folder = chaos::scratch::folder();
    let points = writer.victim(folder.path()).run().points;
    let (mut faults, mut gone) = (0, 0);
    // The first is the link, made by std on the runtime's thread.
    for point in 2..=points {
        let folder = chaos::scratch::folder();
        let running = writer.victim(folder.path()).hold_at(point).start().unwrap();
        if running.held().is_some() {
            // A timer of the runtime says so, and what is held does not stop it.
            assert!(
                running.wait_stdout(|said| says(said, until)),
                "held at {point}"
            );
            running.release();
        }
        let run = running.wait();
        assert!(
            run.status.success() && run.stderr.is_empty(),
            "held at {point}: {run:?}"
        );
        let acks = acks::read(&run.stdout);
        if let Err(wrong) = check(folder.path(), &acks) {
            return Some(format!("held at {point}, {:?}: {wrong}", run.hit));
        }
        assert!(acks.contains(&last), "held at {point}, {:?}", run.hit);
        succeed(folder.path());
        faults += usize::from(run.hit.is_some());
        gone += String::from_utf8_lossy(&run.stdout)
            .lines()
            .filter(|line| line.starts_with(GONE))
            .count();
    }
    println!("faults={faults} gone={gone} lost=0 stale=0");
    assert!(faults >= 7 * 5 && gone >= faults);
    None
}

fn says(stdout: &[u8], word: &str) -> bool {
    String::from_utf8_lossy(stdout)
        .lines()
        .any(|line| line.starts_with(word))
}
