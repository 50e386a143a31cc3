//! `crows`: wait, timeouts, cancellation and groups.

use std::time::Duration;

use crate::figures::{assert_at_least, figures};
use crate::program::program;

fn names(crows: impl Iterator<Item = u32>) -> String {
    crows
        .map(|crow| format!("crow {crow}"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn fly_off(crows: impl Iterator<Item = u32>) -> String {
    crows
        .map(|crow| format!("crow {crow} flies off without a caw\n"))
        .collect()
}

/// What is printed under each heading, with the heading.
fn sections(printed: &str) -> Vec<&str> {
    printed.split("\n\n").collect()
}

/// Of a flock of this size the sections without the one that waits for the first, of
/// which more than one may have cawed if the machine was busy.
fn least(crows: u32) -> String {
    let seconds = |steps: u32| f64::from(steps) / 10.0;
    let each: String = (1..=crows)
        .map(|step| format!("\ncrow {} after {:.2} s", crows + 1 - step, seconds(step)))
        .collect();
    format!(
        "crow {crows} caws after 0.1 s, each before it 0.1 s later\n\n\
         gather (all together; the results are in the order of the crows):\n\
         {} after {:.2} s\n\n\
         as_completed (each as it comes):{each}\n\n\
         wait with a timeout (no error, and nothing is cancelled):\n\
         done {{crow {crows}}}, pending {{{}}} after 0.15 s\n\
         then the pending are dropped, which cancels them\n\
         {}\n\
         wait_for, and tokio's timeout (an error, and the crow is cancelled):\n\
         crow 1 flies off without a caw\n\
         error: the future took longer than 100ms\n\
         crow 2 flies off without a caw\n\
         error: deadline has elapsed\n\n\
         a task, cancelled by hand:\n\
         crow 1 flies off without a caw\n\
         its handle gives an error, of which is_cancelled() is true\n\n\
         a group in which two fail (one error, and the others are cancelled):\n\
         {}error, 2 causes: crow 1 saw a cat, crow 2 saw a cat\n",
        names(1..=crows),
        seconds(crows),
        names(1..crows),
        fly_off(1..crows),
        fly_off(3..=crows),
    )
}

/// The crows in a set or a list.
fn numbers(text: &str) -> Vec<u32> {
    let words = text.split([' ', ',', '{', '}']);
    words.filter_map(|word| word.parse().ok()).collect()
}

/// The first that caws is in one set, the rest in the other; then the rest caws.
#[track_caller]
fn wait_for_the_first(section: &str, crows: u32) {
    let lines: Vec<&str> = section.lines().collect();
    let [heading, first, rest] = lines[..] else {
        panic!("{section}");
    };
    assert_eq!(
        heading,
        "wait for the first (the pending are given back, and go on when awaited):"
    );
    let (done, pending) = first.split_once(", pending ").expect("two sets");
    let (pending, first_after) = pending.split_once(" after ").expect("a time");
    let done = numbers(done.strip_prefix("done ").expect("a set"));
    assert_eq!(done.last(), Some(&crows), "{section}");
    let pending = numbers(pending);
    // Of many at least the slowest is late, however busy the machine.
    assert!(crows == 3 || !pending.is_empty(), "{section}");
    let rest = rest.strip_prefix("then ").expect("the rest");
    let (rest, rest_after) = rest.split_once(" after ").expect("a time");
    let rest = numbers(rest);
    assert_eq!(rest, pending);
    let all: Vec<u32> = rest.into_iter().chain(done).collect();
    assert_eq!(all, (1..=crows).collect::<Vec<_>>(), "{section}");
    let (_, first_after) = figures(first_after);
    let (_, rest_after) = figures(rest_after);
    assert!(first_after[0] >= 0.1, "{section}");
    assert!(rest_after[0] >= f64::from(crows) / 10.0, "{section}");
    assert!(rest_after[0] >= first_after[0], "{section}");
}

/// Which of several cancelled tasks is dropped first is chance.
fn in_order(group: &str) -> String {
    let (heading, lines) = group.split_once('\n').expect("a heading");
    let mut lines: Vec<&str> = lines.split_inclusive('\n').collect();
    let told = lines.len() - 1;
    lines[..told].sort_by_key(|line| numbers(line));
    format!("{heading}\n{}", lines.concat())
}

#[track_caller]
fn caw(args: &[&str], crows: u32) {
    let printed = program!("crows").run(args).ok();
    let mut sections = sections(&printed);
    assert_eq!(sections.len(), 8, "{printed}");
    wait_for_the_first(sections.remove(3), crows);
    let group = in_order(sections[6]);
    sections[6] = &group;
    let times = assert_at_least(&sections.join("\n\n"), &least(crows));
    // All together take less than they would one after another.
    let gathered = times[2];
    let sum = f64::from(crows * (crows + 1) / 2) / 10.0;
    assert!(gathered < sum, "{gathered} s of {sum} s: {printed}");
}

#[test]
fn three_crows_are_waited_for_in_each_way_and_the_late_are_cancelled() {
    caw(&[], 3);
}

#[test]
fn so_are_five() {
    caw(&["--crows", "5"], 5);
}

#[test]
fn each_line_is_said_after_the_waits_before_it() {
    // Of four crows, in hundredths of a second: a heading, and what is below it.
    let least: [&[u64]; 8] = [
        &[0],
        &[0, 40],                        // gather
        &[40, 50, 60, 70, 80],           // as_completed
        &[80, 90, 120],                  // the first, and the rest
        &[120, 135, 135, 135, 135, 135], // a timeout, and three that are dropped
        &[135, 145, 145, 155, 155],      // two timeouts that are errors
        &[155, 165, 165],                // a task
        &[165, 175, 175, 175],           // a group
    ];
    let lines = program!("crows").timed(&["--crows", "4"]);
    let lines: Vec<_> = lines.iter().filter(|(line, _)| !line.is_empty()).collect();
    let least = least.concat();
    assert_eq!(lines.len(), least.len(), "{lines:?}");
    for ((line, read), least) in lines.into_iter().zip(least) {
        assert!(
            *read >= Duration::from_millis(10 * least),
            "{line}: {read:?}"
        );
    }
}

#[test]
fn there_are_3_to_20_crows() {
    let crows = program!("crows");
    for count in ["0", "2", "21"] {
        let error = crows.run(&["--crows", count]).error(2);
        let cause = format!("'{count}' for '--crows <CROWS>': {count} is not in 3..=20");
        assert_eq!(
            error,
            format!("error: invalid value {cause} (see --help)\n")
        );
    }
}
