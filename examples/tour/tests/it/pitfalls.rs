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

/// Runs it at a size, and compares each remedy with its plain call.
fn stalls_and_remedies(ms: u64) {
    let begun = Instant::now();
    let program = program!("pitfalls");
    let out = program.run(&["--ms", &ms.to_string()]).ok();
    let took = begun.elapsed();
    let mut lines = out.lines();
    let heading = format!("the longest gap of a ticker beside calls of {ms} ms");
    assert_eq!(lines.next(), Some(heading.as_str()));
    let known = [
        ("computing", vec!["in another thread", "in another process"]),
        ("a locked table", vec!["with aio-sqlite"]),
        ("a locked file", vec!["with aio-files"]),
    ];
    for (what, names) in known {
        let (found, stalled, remedies) = read(lines.next().expect("a line"));
        assert_eq!(found, what);
        assert!(stalled >= ms, "{out}");
        let found: Vec<&str> = remedies.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found, names);
        for (remedy, time) in remedies {
            assert!(time < ms, "{what} {remedy}: {out}");
        }
    }
    assert_eq!(lines.next(), None);
    // The remedies waited as long as the plain calls did, or they helped nothing.
    assert!(took >= Duration::from_millis(7 * ms), "{took:?}");
}

#[test]
fn pitfalls_stall_as_long_as_the_plain_call_and_less_with_each_remedy() {
    stalls_and_remedies(150);
}

#[test]
fn pitfalls_stall_twice_as_long_beside_calls_of_twice_the_time() {
    stalls_and_remedies(300);
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
