//! `hello`: await, gather and tasks.

use std::time::{Duration, Instant};

use crate::figures::assert_at_least;
use crate::program::program;

/// The lines of both countdowns, one after another or in turn.
fn one_after_another(from: u32) -> String {
    let numbers = |name| {
        (1..=from)
            .rev()
            .map(move |number| format!("{name} {number}\n"))
    };
    numbers("A").chain(numbers("B")).collect()
}

fn in_turn(from: u32) -> String {
    let numbers = (1..=from).rev();
    numbers
        .map(|number| format!("A {number}\nB {number}\n"))
        .collect()
}

/// What it prints at least, and the times that the three forms took.
#[track_caller]
fn counts_down(args: &[&str], from: u32) -> [f64; 3] {
    let seconds = 0.1 * f64::from(from);
    let least = format!(
        "countdown was called twice, 0.1 s ago: nothing ran, these are futures of 1 bytes\n\
         \nawaited, one after another:\n{}{:.1} s, one task: B began when A had ended\n\
         \ngathered, both at once:\n{}{seconds:.1} s, \
         one task: gather gives the results, A and B\n\
         \nspawned, each as a task:\n\
         both are spawned: they start when this task waits for something\n{}{seconds:.1} s, \
         two tasks: both ran, although B was awaited first\n",
        one_after_another(from),
        2.0 * seconds,
        in_turn(from),
        in_turn(from),
    );
    let start = Instant::now();
    let printed = program!("hello").run(args).ok();
    let took = start.elapsed().as_secs_f64();
    assert!(took >= 0.1 + 4.0 * seconds, "{took} s: {printed}");
    match assert_at_least(&printed, &least)[..] {
        [_, _, awaited, gathered, spawned] => {
            // What is printed is rounded to tenths, and was not longer than the run.
            let sum = 0.1 + awaited + gathered + spawned;
            assert!(sum <= took + 0.16, "{took} s: {printed}");
            [awaited, gathered, spawned]
        }
        ref figures => panic!("{figures:?}"),
    }
}

#[test]
fn nothing_runs_before_it_is_awaited_then_in_order_and_then_interleaved() {
    counts_down(&[], 3);
    counts_down(&["--from", "1"], 1);
}

#[test]
fn each_line_is_said_after_the_waits_before_it() {
    let (mut tenths, mut form) = (1, 0);
    for (line, read) in program!("hello").timed(&["--from", "2"]) {
        assert!(
            read >= Duration::from_millis(100 * tenths),
            "{line}: {read:?}"
        );
        form += u32::from(line.is_empty());
        // In the first form A alone waits, and later both at once.
        let waits = line.starts_with("B ") || form == 1 && line.starts_with("A ");
        tenths += u64::from(waits);
    }
    assert_eq!(tenths, 1 + 4 + 2 + 2);
}

#[test]
fn both_at_once_take_less_time_than_one_after_another() {
    let [awaited, gathered, spawned] = counts_down(&["--from", "5"], 5);
    assert!(gathered < awaited, "{gathered} s, {awaited} s");
    assert!(spawned < awaited, "{spawned} s, {awaited} s");
}

#[test]
fn a_countdown_begins_with_a_number_from_1_to_50_said_once() {
    let hello = program!("hello");
    for (from, cause) in [
        ("0", "0 is not in 1..=50"),
        ("51", "51 is not in 1..=50"),
        (
            "99999999999999999999",
            "number too large to fit in target type",
        ),
        ("three", "invalid digit found in string"),
    ] {
        let error = hello.run(&["--from", from]).error(2);
        let expected = format!("error: invalid value '{from}' for '--from <FROM>': {cause}");
        assert_eq!(error, format!("{expected} (see --help)\n"));
    }
    let error = hello.run(&["--from=-1"]).error(2);
    assert!(error.contains("'-1'"), "{error}");
    let error = hello.run(&["--from", "1", "--from", "2"]).error(2);
    assert!(error.contains("cannot be used multiple times"), "{error}");
}
