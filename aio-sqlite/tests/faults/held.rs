//! Callers that go away while the system stands still inside a call of theirs.

use chaos::acks;
use chaos::inject::Kind;
use libtest_mimic::Trial;

use crate::aftermath::{check, writes_again};
use crate::trial;
use crate::writer::{ENDING, GONE, Progress, READY, Runtime, Way, Writer, progress};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("held::callers_go_while_any_call_is_held", || {
            assert_eq!(abandoned(Way::Impatient), None);
        }),
        trial("held::two_rows_without_a_transaction_are_caught", || {
            let wrong = abandoned(Way::ImpatientApart).expect("a wrong writer is caught");
            assert!(wrong.contains("is there 1 times, not 2"), "{wrong}");
        }),
    ]
}

/// Every call after the table is there, each held until a caller has gone: the
/// sync of a commit among them. What was acknowledged is there, what was
/// dropped is there whole or not at all, and the next callers are served.
///
/// Returns the first thing that was wrong.
fn abandoned(way: Way) -> Option<String> {
    // One thread, so that a call that blocks it would stop the timers too.
    let writer = Writer::new(way, Runtime::CurrentThread);
    let folder = chaos::scratch::folder();
    let run = writer.victim(&folder.path().join("held.db")).run();
    let ready = run
        .trace
        .iter()
        .position(|call| call.kind == Kind::Output && call.bytes.starts_with(READY.as_bytes()))
        .unwrap();
    let first = run.trace[..ready].iter().rev().find_map(|call| call.point);

    let (mut faults, mut gone) = (0, 0);
    for point in first.unwrap() + 1..=run.points {
        let folder = chaos::scratch::folder();
        let path = folder.path().join("held.db");
        let running = writer.victim(&path).hold_at(point).start().unwrap();
        if running.held().is_some() {
            // A timer of the runtime says so, and what is held does not stop it.
            let seen = running.wait_stdout(|said| says(said, GONE) || says(said, ENDING));
            assert!(seen, "held at {point}");
            running.release();
        }
        let run = running.wait();
        let stderr = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "held at {point}: {stderr}");
        assert_eq!(stderr, "", "held at {point}, {:?}", run.hit);
        assert_eq!(progress(&run.stdout), Progress::WroteOn);
        if let Err(wrong) = check(&path, &acks::read(&run.stdout)) {
            return Some(format!("held at {point}, {:?}: {wrong}", run.hit));
        }
        writes_again(&path).unwrap();
        // Callers that go have not written, so that this run may have fewer points.
        faults += usize::from(run.hit.is_some());
        gone += String::from_utf8_lossy(&run.stdout)
            .lines()
            .filter(|line| line.starts_with(GONE))
            .count();
    }
    println!("faults={faults} gone={gone} lost=0");
    assert!(faults > 30 && gone > faults);
    None
}

fn says(stdout: &[u8], word: &str) -> bool {
    String::from_utf8_lossy(stdout)
        .lines()
        .any(|line| line.starts_with(word))
}
