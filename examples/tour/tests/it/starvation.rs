//! Who keeps the loop from all others.

use crate::program::program;

/// The longest gap in seconds that the ticker saw beside a task that does this, and
/// the ticks as they are drawn.
#[track_caller]
fn gap<'a>(out: &'a str, does: &str) -> (f64, &'a str) {
    let line = out
        .lines()
        .find_map(|line| line.strip_prefix(&format!("  {does:20} longest gap ")))
        .unwrap_or_else(|| panic!("nothing {does}: {out}"));
    let (seconds, ticks) = line.split_once(" s  ").expect("ticks");
    (seconds.parse().expect("seconds"), ticks)
}

/// Fails unless the longest gap is the one that is drawn, a column for each 0.1 s, and
/// what is drawn goes on for as long as the task does.
#[track_caller]
fn is_drawn(longest: f64, ticks: &str, seconds: f64) {
    let at: Vec<usize> = ticks.match_indices('|').map(|(column, _)| column).collect();
    let drawn = at.windows(2).map(|two| two[1] - two[0]).max();
    let drawn = drawn.expect("two ticks") as f64 / 10.0;
    // Either tick is rounded to its column, and the gap to a tenth.
    assert!((longest - drawn).abs() < 0.16, "{longest} s: {ticks}");
    assert!(ticks.len() as f64 / 10.0 >= seconds, "{ticks}");
}

/// What the counters said on this line, such as `A 1`.
#[track_caller]
fn counted(out: &str, how: &str) -> Vec<String> {
    let line = out
        .lines()
        .find_map(|line| line.strip_prefix(&format!("  {how:15} ")))
        .unwrap_or_else(|| panic!("nothing {how}: {out}"));
    let words: Vec<&str> = line.split_whitespace().collect();
    words.chunks(2).map(|two| two.join(" ")).collect()
}

#[track_caller]
fn check(block_ms: u32, counts: u32) {
    let args = [
        "--block-ms",
        &block_ms.to_string(),
        "--counts",
        &counts.to_string(),
    ];
    let out = program!("starvation").run(&args).ok();

    let seconds = f64::from(block_ms) / 1000.0;
    assert!(
        out.starts_with(&format!(
            "a ticker, due every 0.1 s, beside a task that for {seconds:.1} s:\n"
        )),
        "{out}"
    );
    let (waits, beside) = gap(&out, "waits");
    let (blocks, kept) = gap(&out, "blocks");
    let (off, elsewhere) = gap(&out, "blocks off the loop");
    for (longest, ticks) in [(waits, beside), (blocks, kept), (off, elsewhere)] {
        is_drawn(longest, ticks, seconds);
    }
    assert!(waits >= 0.1 && off >= 0.1, "{out}");
    assert!(blocks >= seconds, "{out}");
    assert!(waits < blocks && off < blocks, "{out}");
    let hole = " ".repeat(block_ms as usize / 100 - 1);
    assert!(kept.starts_with(&format!("|{hole}")), "{out}");
    assert!(
        !beside.contains(&hole) && !elsewhere.contains(&hole),
        "{out}"
    );
    assert!(kept.ends_with('|') && beside.ends_with('|'), "{out}");

    let grouped: Vec<String> = ["A", "B", "C"]
        .iter()
        .flat_map(|name| (1..=counts).map(move |count| format!("{name} {count}")))
        .collect();
    assert!(
        out.contains(&format!("\nthree tasks that count to {counts}:\n")),
        "{out}"
    );
    assert_eq!(counted(&out, "without a yield"), grouped);
    // In rounds, each in an order that tokio may choose.
    let mut rounds = counted(&out, "with yield_now");
    for round in rounds.chunks_mut(3) {
        round.sort();
    }
    let expected: Vec<String> = (1..=counts)
        .flat_map(|count| ["A", "B", "C"].map(|name| format!("{name} {count}")))
        .collect();
    assert_eq!(rounds, expected);
}

#[test]
fn a_task_that_blocks_stops_the_ticker_and_one_that_counts_stops_the_others() {
    check(500, 3);
}

#[test]
fn the_gap_and_the_counts_follow_the_arguments() {
    check(900, 5);
}

#[test]
fn what_cannot_be_seen_and_what_never_ends_is_refused() {
    let program = program!("starvation");
    program.refuses("--block-ms", &["0", "99", "10001"]);
    program.refuses("--counts", &["0", "101", "all"]);
}
