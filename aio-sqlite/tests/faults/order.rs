//! SIGKILL keeps the page cache, so durability is proved at the system call: the
//! sync of the write-ahead log has ended after the last frame of a commit was
//! written and before its acknowledgement was.

use chaos::acks;
use chaos::inject::{Fate, Kind, Run};
use libtest_mimic::Trial;

use crate::trial;
use crate::wal::frames;
use crate::writer::{Runtime, Way, Writer, text};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("order::sync_then_acknowledgement", || {
            right(Runtime::CurrentThread);
            right(Runtime::TwoThreads);
        }),
        trial("order::an_early_acknowledgement_is_caught", || {
            let said = ordered(&run(Way::Early)).unwrap_err();
            assert!(said.contains("before it was written"), "{said}");
        }),
        trial("order::relaxed_durability_is_caught", || {
            let said = ordered(&run(Way::Relaxed)).unwrap_err();
            assert!(said.contains("before the log was synced"), "{said}");
        }),
        trial("order::a_sync_that_is_a_lie_is_caught", || {
            let folder = chaos::scratch::folder();
            let writer = Writer::new(Way::Right, Runtime::CurrentThread);
            let run = writer.victim(&folder.path().join("lie.db")).without_sync();
            let said = ordered(&run.run()).unwrap_err();
            assert!(said.contains("before the log was synced"), "{said}");
        }),
    ]
}

fn run(way: Way) -> Run {
    run_on(way, Runtime::CurrentThread)
}

fn run_on(way: Way, runtime: Runtime) -> Run {
    let folder = chaos::scratch::folder();
    let run = Writer::new(way, runtime)
        .victim(&folder.path().join("order.db"))
        .run();
    assert!(run.status.success(), "{run:?}");
    run
}

/// What the trace held.
#[derive(Debug)]
struct Seen {
    acks: usize,
    commits: usize,
}

fn ordered(run: &Run) -> Result<Seen, String> {
    let frames = frames(&run.trace);
    let mut seen = Seen {
        acks: 0,
        commits: frames.iter().filter(|frame| frame.commits).count(),
    };
    for output in run.trace.iter().filter(|call| call.kind == Kind::Output) {
        for number in acks::read(&output.bytes) {
            let written = frames
                .iter()
                .position(|frame| frame.holds(&text(number)))
                .filter(|at| frames[*at].write.begun < output.begun)
                .ok_or_else(|| format!("{number} acknowledged before it was written"))?;
            let commit = frames[written..]
                .iter()
                .find(|frame| frame.commits)
                .ok_or_else(|| format!("{number} acknowledged and never committed"))?;
            let synced = run.trace.iter().any(|call| {
                call.kind == Kind::Sync
                    && call.is_of("-wal")
                    && call.fate == Fate::Done
                    && call.begun > commit.write.begun
                    && call.ended.is_some_and(|ended| ended < output.begun)
            });
            if !synced {
                return Err(format!("{number} acknowledged before the log was synced"));
            }
            seen.acks += 1;
        }
    }
    Ok(seen)
}

fn right(runtime: Runtime) {
    let run = run_on(Way::Right, runtime);
    let seen = ordered(&run).unwrap();
    println!(
        "points={} acks={} commits={} on {runtime:?}",
        run.points, seen.acks, seen.commits
    );
    assert_eq!(seen.acks, acks::read(&run.stdout).len());
    // If there were no groups, nothing would be said about them.
    assert!(seen.commits < seen.acks);
}
