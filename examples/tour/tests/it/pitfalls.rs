//! How long a ticker stands still beside a plain call, and beside its remedy.

use std::time::{Duration, Instant};

use crate::program::program;

/// A line: what was waited for, how long the plain call stalled the ticker, and how
/// long it stood still beside each remedy, in milliseconds.
fn read(line: &str) -> (String, u64, Vec<(String, u64)>) {
    let ms = |text: &str| -> u64 {
        let number = text.strip_suffix(" ms").expect("a time with its unit");
        number.parse().expect("a number of milliseconds")
    };
    let mut parts = line.split("; ");
    let plain = parts.next().expect("the plain call");
    let (what, stalled) = plain.split_once(": stalled ").expect("a stall");
    let remedies = parts
        .map(|part| part.split_once(": ").expect("a remedy"))
        .map(|(remedy, time)| (remedy.to_owned(), ms(time)))
        .collect();
    (what.to_owned(), ms(stalled), remedies)
}

/// Runs it at a size: each plain call stalls the ticker as long as it takes, and what
/// it returns is how long the ticker stood still beside each remedy.
fn remedies(ms: u64) -> Vec<u64> {
    let begun = Instant::now();
    let program = program!("pitfalls");
    let out = program.run(&["--ms", &ms.to_string()]).ok();
    let took = begun.elapsed();
    let mut lines = out.lines();
    let heading = format!("the longest gap of a ticker beside calls of {ms} ms:");
    assert_eq!(lines.next(), Some(heading.as_str()));
    let mut times = Vec::new();
    for (what, names) in [
        ("computing", vec!["on another thread", "in another process"]),
        ("a locked database", vec!["with aio-sqlite"]),
        ("a late file", vec!["with aio-files"]),
    ] {
        let line = lines.next().and_then(|line| line.strip_prefix("  "));
        let (found, stalled, remedies) = read(line.expect("an indented line"));
        assert_eq!(found, what);
        assert!(stalled >= ms, "{out}");
        let found: Vec<&str> = remedies.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found, names);
        times.extend(remedies.iter().map(|(_, time)| time));
    }
    assert_eq!(lines.next(), None);
    // The remedies wait as long as the plain calls do, or they are none.
    assert!(took >= Duration::from_millis(7 * ms), "{took:?}");
    times
}

/// Runs it until each remedy has let the ticker tick meanwhile. A busy machine makes
/// gaps of its own, but a call that stalls makes one each time.
#[track_caller]
fn stalls_but_with_remedies(ms: u64) {
    let mut least = remedies(ms);
    for _ in 0..5 {
        if least.iter().all(|time| *time < ms / 2) {
            return;
        }
        let again = remedies(ms);
        least = least
            .into_iter()
            .zip(again)
            .map(|(a, b)| a.min(b))
            .collect();
    }
    panic!("a remedy stalls as well, with {ms} ms: {least:?}");
}

#[test]
fn pitfalls_stall_as_long_as_the_plain_call_takes_and_less_with_each_remedy() {
    stalls_but_with_remedies(100);
}

#[test]
fn pitfalls_stall_twice_as_long_beside_calls_of_twice_the_time() {
    stalls_but_with_remedies(200);
}

#[test]
fn pitfalls_refuses_no_time_and_too_much_of_it() {
    for (ms, why) in [
        ("0", "0 is not in 1..=3000"),
        ("3001", "3001 is not in 1..=3000"),
        ("1s", "invalid digit found in string"),
    ] {
        let line = program!("pitfalls").run(&["--ms", ms]).error(2);
        assert!(
            line.ends_with(&format!("'--ms <MS>': {why} (see --help)\n")),
            "{line}"
        );
    }
}
