//! Six ways to wait between two words, and three styles for three steps.

use std::time::{Duration, Instant};

use crate::program::{Program, program};

/// The lines of its sections, each from a heading to the next.
fn sections(out: &str) -> Vec<(&str, Vec<&str>)> {
    out.split("\n\n")
        .map(|section| {
            let mut lines = section.lines();
            (lines.next().expect("a heading"), lines.collect())
        })
        .collect()
}

#[track_caller]
fn check(program: &Program, args: &[&str], ms: u64) {
    let start = Instant::now();
    let out = program.run(args).ok();
    // Six waits, and three steps in each of three styles.
    let least = Duration::from_millis(ms * (6 + 3 * 3));
    assert!(start.elapsed() >= least, "{:?}", start.elapsed());

    let words = vec!["  hello", "  world"];
    let steps = vec![
        "  fetch(page)",
        "  parse(fetch(page))",
        "  save(parse(fetch(page)))",
    ];
    let (first, second) = (
        format!("two words, {ms} ms apart:"),
        format!("three steps, each {ms} ms after the one before:"),
    );
    let expected = [
        (first.as_str(), vec![]),
        ("1. a blocking call", words.clone()),
        ("2. callbacks", words.clone()),
        ("3. a generator", words.clone()),
        ("4. a future by hand", words.clone()),
        ("5. an async fn", words.clone()),
        ("6. a thread", words),
        (second.as_str(), vec![]),
        ("1. nested callbacks", steps.clone()),
        ("2. staged functions", steps.clone()),
        ("3. an async fn", steps),
    ];
    let sections: Vec<_> = sections(&out)
        .into_iter()
        .map(|(heading, lines)| {
            let name = heading.split_once(" (").map_or(heading, |(name, _)| name);
            (name, lines)
        })
        .collect();
    assert_eq!(sections, expected);
}

#[test]
fn six_ways_say_the_same_and_so_do_three_styles() {
    check(&program!("how"), &[], 100);
}

#[test]
fn the_wait_follows_its_argument() {
    check(&program!("how"), &["--ms", "0"], 0);
    check(&program!("how"), &["--ms", "30"], 30);
}

#[test]
fn each_way_waits_before_its_second_word_and_each_style_before_every_step() {
    let mut waits = 0;
    for (line, read) in program!("how").timed(&["--ms", "40"]) {
        if line == "  world" || line.ends_with(')') {
            waits += 1;
            // Each line comes as it is said, and none before all waits so far.
            let least = Duration::from_millis(40 * waits);
            assert!(read >= least, "{line} after {waits} waits");
        }
    }
    assert_eq!(waits, 6 + 3 * 3);
}

#[test]
fn a_wait_without_end_and_what_is_no_number_are_refused() {
    let program = program!("how");
    program.refuses("--ms", &["5001", "soon", "1.5"]);
    let line = program.run(&["--ms", "-1"]).error(2);
    assert!(
        line.starts_with("error: unexpected argument '-1'"),
        "{line}"
    );
}
