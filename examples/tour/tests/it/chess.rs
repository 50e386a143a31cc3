//! The day of the champion, by arithmetic.

use crate::program::{Program, program};

/// A time as the program prints it.
fn clock(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match seconds % 60 {
        0 => format!("{hours} h {minutes} min"),
        rest => format!("{hours} h {minutes} min {rest} s"),
    }
}

/// What it prints for this size, but for the real time.
fn expected(boards: u64, moves: u64, own: u64, other: u64) -> String {
    let one_after_another = boards * moves * (own + other);
    // Either she is never idle, and the last opponent answers her last move, or the
    // last board, at which she arrives after the others, plays without waiting.
    let busy = boards * moves * own + other;
    let waiting = (boards - 1) * own + moves * (own + other);
    let at_once = busy.max(waiting);
    let thought = boards * moves * own;
    format!(
        "{boards} boards, {moves} moves of each side at a board;\n\
         a move takes the champion {own} s, and an opponent {other} s:\n\
         one after another: {}\n\
         all at once:       {}\n\
         in both, the champion thinks for {}\n\
         and waits for {}, or for {}\n\
         {:.1} hours against {:.1} hours\n",
        clock(one_after_another),
        clock(at_once),
        clock(thought),
        clock(one_after_another - thought),
        clock(at_once - thought),
        one_after_another as f64 / 3600.0,
        at_once as f64 / 3600.0,
    )
}

/// What it prints, and the milliseconds that it took.
#[track_caller]
fn play(program: &Program, args: &[&str]) -> (String, f64) {
    let out = program.run(args).ok();
    let (day, real) = out
        .split_once("by the clock on the wall, both took ")
        .expect("the real time");
    let (real, hours) = real.split_once(" ms\n").expect("its unit");
    (format!("{day}{hours}"), real.parse().expect("a figure"))
}

#[test]
fn twelve_hours_become_one_in_under_a_second() {
    let program = program!("chess");
    let is_soon = |_| {
        let (day, real) = play(&program, &[]);
        assert_eq!(day, expected(24, 30, 5, 55));
        assert!(day.contains("one after another: 12 h 0 min\n"), "{day}");
        // The last opponent thinks after the champion's last move.
        assert!(day.contains("all at once:       1 h 0 min 55 s\n"), "{day}");
        assert!(day.ends_with("\n12.0 hours against 1.0 hours\n"), "{day}");
        real < 1000.0
    };
    // A machine that is busy with other tests can only make it slower.
    assert!((0..5).any(is_soon), "it took a second, five times");
}

#[test]
fn the_times_follow_boards_moves_and_seconds() {
    let program = program!("chess");
    let sizes = [
        (1, 1, 5, 55),   // nobody to go on to
        (10, 30, 5, 55), // too few boards to keep her busy
        (12, 7, 5, 55),  // just enough
        (100, 2, 30, 1), // more than enough
        (3, 4, 0, 9),    // she moves at once
        (3, 4, 9, 0),    // they do
        (5, 5, 0, 0),
    ];
    for (boards, moves, own, other) in sizes {
        let args = [
            format!("--boards={boards}"),
            format!("--moves={moves}"),
            format!("--own={own}"),
            format!("--other={other}"),
        ];
        let (day, _) = play(&program, &args.each_ref().map(String::as_str));
        assert_eq!(day, expected(boards, moves, own, other), "{args:?}");
    }
}

#[test]
fn no_boards_and_endless_games_are_refused() {
    let program = program!("chess");
    for (option, value, range) in [
        ("--boards", "0", "1..=100"),
        ("--boards", "101", "1..=100"),
        ("--moves", "0", "1..=100"),
        ("--moves", "4294967296", "1..=100"),
        ("--own", "3601", "0..=3600"),
        ("--other", "-1", "0..=3600"),
    ] {
        let line = program.run(&[&format!("{option}={value}")]).error(2);
        let why = format!("{value} is not in {range} (see --help)\n");
        assert!(line.ends_with(&why), "{line}");
    }
}
