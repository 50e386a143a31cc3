//! `generators`: values out and in.

use std::iter;

use crate::figures::assert_at_least;
use crate::program::program;

fn list(values: impl Iterator<Item = i64>) -> String {
    values.map(|value| format!(" {value}")).collect()
}

/// What each form of the generator prints: its answers to next, send 2, next and send -1
/// as far as they are below its end, and the rest.
fn range(who: &str, up_to: i64) -> String {
    let values: Vec<i64> = [0, 2, 3, 2]
        .into_iter()
        .take_while(|value| *value < up_to)
        .collect();
    let ends = iter::repeat_n(" end", 4 - values.len()).collect::<String>();
    let rest = match values.len() {
        4 => list(3..up_to),
        _ => String::new(),
    };
    let values = list(values.into_iter());
    format!("{who}:{values}{ends}\niterated to its end:{rest}\n")
}

#[track_caller]
fn gives(args: &[&str], up_to: i64) {
    let countdown = list((1..=up_to).rev());
    let least = format!(
        "a range up to {up_to}, asked by next, send 2, next, send -1:\n{}{}\
         \na countdown from {up_to}:\n\
         a closure that keeps its place:{countdown}\n\
         a range in reverse:{countdown}\n\
         a stream!, which waits before each:{countdown}\n\
         which took {} ms\n",
        range("a machine by hand", up_to),
        range("an async fn", up_to),
        10 * up_to,
    );
    assert_at_least(&program!("generators").run(args).ok(), &least);
}

#[test]
fn next_send_2_next_send_minus_1_give_0_2_3_2_by_hand_and_by_the_compiler() {
    assert!(range("it", 5).starts_with("it: 0 2 3 2\n"));
    gives(&[], 5);
    gives(&["--up-to", "9"], 9);
}

#[test]
fn a_range_that_has_ended_stays_so_whatever_is_sent() {
    for up_to in 0..=4 {
        gives(&["--up-to", &up_to.to_string()], up_to);
    }
}

#[test]
fn a_range_is_up_to_100_at_most() {
    gives(&["--up-to", "100"], 100);
    for up_to in ["101", "-1"] {
        let error = program!("generators")
            .run(&[&format!("--up-to={up_to}")])
            .error(2);
        let cause = format!("'{up_to}' for '--up-to <UP_TO>': {up_to} is not in 0..=100");
        assert_eq!(
            error,
            format!("error: invalid value {cause} (see --help)\n")
        );
    }
}
