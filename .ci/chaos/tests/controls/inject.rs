//! The injector, on a program that writes a file rightly, and on each wrong way
//! to do it, which it must catch.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use chaos::acks;
use chaos::inject::{self, Call, Errno, Fate, Kind, Run, Span, Victim};

use crate::caught;

/// How often the victim writes its value.
const TIMES: &str = "3";

/// A right write is: open, write, sync, rename, sync of the folder.
const POINTS: usize = 15;

macro_rules! need_injector {
    () => {
        if let Err(why) = inject::available() {
            return chaos::skip::because(why);
        }
    };
}

fn victim(way: &str, folder: &Path) -> Victim {
    let mut program = Command::new(env!("CARGO_BIN_EXE_chaos-victim"));
    program.arg(way).arg(folder).arg(TIMES);
    Victim::new(program)
}

fn counted(way: &str) -> Run {
    let folder = chaos::scratch::folder();
    let run = victim(way, folder.path()).run();
    assert!(run.status.success(), "{run:?}");
    run
}

/// What is in the folder after a run: nothing acknowledged may be lost, and no
/// value may be there by half.
pub(crate) fn check(folder: &Path, acks: &[u64]) -> Result<(), String> {
    let last = acks.last().copied().unwrap_or(0);
    let path = folder.join("value");
    if last == 0 && !path.exists() {
        return Ok(());
    }
    let value = fs::read_to_string(&path).map_err(|error| format!("ack {last}: {error}"))?;
    let numbers: Vec<&str> = value.split_whitespace().collect();
    if numbers.len() != 1_000 || numbers.iter().any(|number| *number != numbers[0]) {
        return Err(format!("torn after {} numbers", numbers.len()));
    }
    let number: u64 = numbers[0].parse().unwrap();
    match number >= last {
        true => Ok(()),
        false => Err(format!("lost: ack {last}, and there is {number}")),
    }
}

/// Every fault of one kind, until the victim has run past all of them.
fn campaign(way: &str, fault: impl Fn(Victim, usize) -> Victim) -> Result<usize, String> {
    for point in 1.. {
        let folder = chaos::scratch::folder();
        let run = fault(victim(way, folder.path()), point).run();
        check(folder.path(), &acks::read(&run.stdout))
            .map_err(|problem| format!("{way} at {point}: {problem}"))?;
        if run.hit.is_none() {
            return Ok(point - 1);
        }
    }
    unreachable!("it returns at the first fault that meets nothing")
}

/// The order that makes an acknowledgement true: the file is synced after its
/// last byte, renamed, and its folder synced, all before the acknowledgement.
fn ordered(run: &Run) -> Result<usize, String> {
    let mut said = 0;
    for ack in run.trace.iter().filter(|call| call.kind == Kind::Output) {
        let before = |call: &&Call| call.begun < ack.begun;
        let rename = run
            .trace
            .iter()
            .filter(before)
            .rfind(|call| call.kind == Kind::Rename)
            .ok_or("acknowledged, and nothing was renamed")?;
        let write = run
            .trace
            .iter()
            .rfind(|call| call.kind == Kind::Write && call.begun < rename.begun)
            .ok_or("renamed, and nothing was written")?;
        let synced = |path: &Path, after: &Call, until: &Call| {
            run.trace.iter().any(|call| {
                call.kind == Kind::Sync
                    && call.path == path
                    && call.fate == Fate::Done
                    && call.begun > after.begun
                    && call.ended.is_some_and(|ended| ended < until.begun)
            })
        };
        if !synced(&write.path, write, rename) {
            return Err("renamed before the file was synced".into());
        }
        if !synced(rename.path.parent().unwrap(), rename, ack) {
            return Err("acknowledged before the folder was synced".into());
        }
        said += 1;
    }
    match said {
        0 => Err("nothing was acknowledged".into()),
        said => Ok(said),
    }
}

#[test]
fn every_call_is_a_point_and_is_in_the_trace() {
    need_injector!();
    let run = counted("right");
    println!("points={}", run.points);
    assert_eq!(run.points, POINTS);
    let first: Vec<(&str, Kind)> = run
        .trace
        .iter()
        .take(6)
        .map(|call| (call.name, call.kind))
        .collect();
    assert_eq!(
        first,
        [
            ("openat", Kind::Create),
            ("write", Kind::Write),
            ("fsync", Kind::Sync),
            ("rename", Kind::Rename),
            ("fsync", Kind::Sync),
            ("write", Kind::Output),
        ]
    );
    let [_, write, _, rename, ..] = &run.trace[..] else {
        unreachable!()
    };
    assert!(write.is_of("/value.tmp") && write.len == 10_000, "{write}");
    assert_eq!(write.bytes.len(), 10_000);
    assert!(rename.to.as_ref().unwrap().ends_with("value"), "{rename}");
    assert_eq!(run.trace[5].bytes, b"ack 1\n");
    assert_eq!(acks::read(&run.stdout), [1, 2, 3]);
}

#[test]
fn the_calls_of_every_thread_are_seen() {
    need_injector!();
    let run = counted("ack-beside-sync");
    let threads: BTreeSet<u32> = run.trace.iter().map(|call| call.thread).collect();
    // The main one, and one for each of the syncs.
    assert_eq!(threads.len(), 4, "{run:?}");
}

#[test]
fn killed_at_every_point_the_right_way_loses_nothing() {
    need_injector!();
    let faults = campaign("right", Victim::kill_at).unwrap();
    println!("faults={faults} lost=0");
    assert_eq!(faults, POINTS);
}

/// A kill leaves the page cache, so a missing sync is for the trace and the power cut to find.
#[test]
fn killed_at_every_point_the_wrong_ways_are_caught() {
    need_injector!();
    let said = campaign("no-rename", Victim::kill_at).unwrap_err();
    assert!(said.contains("no-rename at 2: torn after 0"), "{said}");
    let said = campaign("early-ack", Victim::kill_at).unwrap_err();
    assert!(
        said.contains("early-ack at 1: ack 1: No such file"),
        "{said}"
    );
}

#[test]
fn a_write_torn_by_a_kill_hurts_only_the_wrong_way() {
    need_injector!();
    let faults = campaign("right", Victim::tear_at).unwrap();
    println!("faults={faults} lost=0");
    assert_eq!(faults, POINTS);
    let said = campaign("no-rename", Victim::tear_at).unwrap_err();
    assert!(said.contains("no-rename at 2: torn after 500"), "{said}");
}

#[test]
fn a_short_write_is_written_on_by_the_right_way_only() {
    need_injector!();
    let faults = campaign("right", Victim::short_at).unwrap();
    println!("faults={faults} lost=0");
    // One point more for the other half of a write.
    assert!((POINTS..=POINTS + 1).contains(&faults), "{faults}");
    // The next value hides the half of one, so the last one shows it.
    let said = campaign("short", Victim::short_at).unwrap_err();
    assert!(said.contains("short at 12: torn after 500"), "{said}");
}

#[test]
fn failed_at_every_point_the_right_way_says_nothing_false() {
    need_injector!();
    let mut faults = 0;
    for (errno, span) in [
        (Errno::IO, Span::Once),
        (Errno::IO, Span::ForEver),
        (Errno::NOSPC, Span::Once),
        (Errno::NOSPC, Span::ForEver),
        (Errno::INTR, Span::Once),
    ] {
        faults += campaign("right", |victim, at| victim.fail_from(at, errno, span)).unwrap();
    }
    println!("faults={faults} lost=0");
    // What fails ends the victim, and what is interrupted is tried again, so
    // that there is a point more.
    assert!(faults >= 5 * POINTS, "{faults}");
}

#[test]
fn failed_at_every_point_the_deaf_way_is_caught() {
    need_injector!();
    for (span, problem) in [
        // The next value hides that one is missing, so the last one shows it.
        (Span::Once, "deaf at 11: lost: ack 3, and there is 2"),
        (Span::ForEver, "deaf at 1: ack 3: No such file"),
    ] {
        let said = campaign("deaf", |victim, at| {
            victim.fail_from(at, Errno::NOSPC, span)
        })
        .unwrap_err();
        assert!(said.contains(problem), "{said}");
    }
}

#[test]
fn the_trace_shows_the_order_of_the_right_way() {
    need_injector!();
    assert_eq!(ordered(&counted("right")), Ok(3));
}

#[test]
fn the_trace_shows_what_is_wrong_with_the_wrong_ways() {
    need_injector!();
    for (way, problem) in [
        ("no-sync", "renamed before the file was synced"),
        (
            "no-folder-sync",
            "acknowledged before the folder was synced",
        ),
        ("no-rename", "acknowledged, and nothing was renamed"),
        ("early-ack", "acknowledged, and nothing was renamed"),
    ] {
        assert_eq!(ordered(&counted(way)), Err(problem.into()), "{way}");
    }
}

#[test]
fn a_sync_that_is_a_lie_is_none() {
    need_injector!();
    let folder = chaos::scratch::folder();
    let run = victim("right", folder.path()).without_sync().run();
    assert_eq!(acks::read(&run.stdout), [1, 2, 3]);
    assert_eq!(run.points, POINTS);
    assert_eq!(
        ordered(&run),
        Err("renamed before the file was synced".into())
    );
}

#[test]
fn a_sync_of_everything_is_a_lie_too() {
    need_injector!();
    let run = Victim::new(Command::new("sync")).without_sync().run();
    let fates: Vec<_> = run
        .trace
        .iter()
        .map(|call| (call.name, call.fate))
        .collect();
    assert_eq!(fates, [("sync", Fate::Feigned)]);
}

#[test]
fn a_held_sync_holds_the_acknowledgement() {
    need_injector!();
    let folder = chaos::scratch::folder();
    let running = victim("right", folder.path()).hold_at(5).start().unwrap();
    let held = running.held().unwrap();
    assert_eq!((held.name, held.path.as_path()), ("fsync", folder.path()));
    assert_eq!(running.stdout(), b"");
    running.release();
    let run = running.wait();
    assert_eq!(acks::read(&run.stdout), [1, 2, 3]);
}

#[test]
fn an_acknowledgement_that_does_not_wait_comes_while_the_sync_is_held() {
    need_injector!();
    let folder = chaos::scratch::folder();
    let running = victim("ack-beside-sync", folder.path())
        .hold_at(4)
        .start()
        .unwrap();
    assert_eq!(running.held().unwrap().name, "fsync");
    assert!(running.wait_stdout(|said| acks::read(said) == [1]));
    running.release();
    assert!(running.wait().status.success());
}

#[test]
fn a_victim_that_hangs_is_named_and_killed() {
    need_injector!();
    let folder = chaos::scratch::folder();
    let said = caught(|| {
        let held = victim("right", folder.path()).hold_at(2);
        held.limit(Duration::from_millis(200)).run();
    });
    assert!(said.contains("chaos-victim"), "{said}");
    assert!(said.contains("Hold(2) hung for 200ms"), "{said}");
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    need_injector!();
    let error = Victim::new(Command::new("/no-such-program"))
        .start()
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}
