//! The three forms, their figures, and what they say of each other.

use crate::program::{Program, program};

/// What one form says of itself.
#[derive(Debug)]
struct Form {
    runs: f64,
    seconds: f64,
    msec: f64,
}

/// What the program says.
#[derive(Debug)]
struct Figures {
    serial: Form,
    threads: Form,
    processes: Form,
    /// How many times as fast as serial.
    by_threads: f64,
    by_processes: f64,
}

/// The figure between two texts.
#[track_caller]
fn figure(line: &str, before: &str, after: &str) -> f64 {
    let from = line.split_once(before).map(|(_, rest)| rest);
    let text = from.and_then(|rest| rest.split_once(after));
    let (text, _) = text.unwrap_or_else(|| panic!("{before:?} and {after:?} in {line:?}"));
    text.parse().expect("a figure")
}

#[track_caller]
fn form(line: &str, heading: &str) -> Form {
    Form {
        runs: figure(line, heading, " runs of fibp in "),
        seconds: figure(line, " runs of fibp in ", "s: "),
        msec: figure(line, "s: ", " msec per run"),
    }
}

/// Runs it, and compares all that is no measurement.
#[track_caller]
fn compute(program: &Program, n: u32, seconds: &str, workers: usize) -> Figures {
    let out = program
        .run(&[
            &format!("--n={n}"),
            &format!("--seconds={seconds}"),
            &format!("--workers={workers}"),
        ])
        .ok();
    let lines: Vec<&str> = out.lines().collect();
    let [
        number,
        serial,
        threads,
        processes,
        by_threads,
        by_processes,
        all,
        "",
        but,
        crash,
        after,
    ] = lines[..]
    else {
        panic!("not eleven lines: {out}");
    };
    assert_eq!(number, format!("fibp({n}) has {} digits:", digits(n)));
    let serial = form(serial, "serial, on one thread: ");
    let threads = form(threads, &format!("threads, {workers} of them: "));
    let processes = form(processes, &format!("processes, {workers} of them: "));
    assert_eq!(but, "a crash in a process costs its call:");
    let pid = figure(crash, "  worker ", " was lost");
    assert_eq!(
        crash,
        format!("  worker {pid} was lost while running task fib::crash: killed by signal 6")
    );
    assert_eq!(after, "  and the next call is answered as before");
    let runs = serial.runs + threads.runs + processes.runs;
    assert_eq!(all, format!("the numbers of all {runs} runs are equal"));
    Figures {
        serial,
        threads,
        processes,
        by_threads: figure(by_threads, "threads ", " × as fast as serial"),
        by_processes: figure(by_processes, "processes ", " × as fast as serial"),
    }
}

/// How many decimal digits the n-th Fibonacci number has, by Binet's formula.
fn digits(n: u32) -> u32 {
    let golden = (1.0 + 5_f64.sqrt()) / 2.0;
    (f64::from(n) * golden.log10() - 5_f64.log10() / 2.0).floor() as u32 + 1
}

#[test]
fn each_form_runs_for_the_time_that_it_is_given() {
    let program = program!("fib");
    for (n, seconds, workers) in [(500, "0.1", 1), (2_000, "0.3", 3)] {
        let figures = compute(&program, n, seconds, workers);
        let least: f64 = seconds.parse().expect("a time");
        for form in [&figures.serial, &figures.threads, &figures.processes] {
            assert!(form.seconds >= least, "{figures:?}");
            // The seconds are rounded to a tenth.
            let [low, high] = [-0.05, 0.05].map(|error| form.seconds + error);
            let seconds = form.runs * form.msec / 1000.0;
            let rounded = form.runs * 0.005 / 1000.0;
            assert!(seconds >= low - rounded, "{figures:?}");
            assert!(seconds <= high + rounded, "{figures:?}");
        }
        // One thread after another would take the time of each.
        if workers > 1 {
            assert!(
                figures.threads.seconds < least * workers as f64,
                "{figures:?}"
            );
        }
        for (times, form) in [
            (figures.by_threads, &figures.threads),
            (figures.by_processes, &figures.processes),
        ] {
            let (serial, each) = (figures.serial.msec, form.msec);
            let low = (serial - 0.005) / (each + 0.005) - 0.05;
            let high = (serial + 0.005) / (each - 0.005) + 0.05;
            assert!(low - 1e-9 <= times && times <= high + 1e-9, "{figures:?}");
        }
    }
}

#[test]
fn a_run_that_is_longer_than_its_time_is_made_once_by_each() {
    let program = program!("fib");
    for workers in [1, 3] {
        let figures = compute(&program, 20_000, "0.001", workers);
        assert_eq!(figures.serial.runs, 1.0);
        assert_eq!(figures.threads.runs, workers as f64);
        // They take from the same inputs, and may have taken the next ones.
        let most = 2.0 * workers as f64;
        assert!(
            (1.0..=most).contains(&figures.processes.runs),
            "{figures:?}"
        );
    }
}

#[test]
fn the_number_is_the_nth_and_not_one_beside_it() {
    let program = program!("fib");
    // The last of 1 and of 2 digits, and the first of 2 and of 3.
    for (n, number) in [(6, 8), (7, 13), (11, 89), (12, 144)] {
        assert_eq!(digits(n), number.to_string().len() as u32);
        compute(&program, n, "0.001", 1);
    }
}

#[test]
fn what_is_no_size_or_no_time_is_refused() {
    let program = program!("fib");
    for (option, value, why) in [
        ("--n", "0", "0 is not in 1..=100000"),
        ("--n", "100001", "100001 is not in 1..=100000"),
        ("--workers", "0", "0 is not in 1..=256"),
        ("--workers", "257", "257 is not in 1..=256"),
        ("--seconds", "0", "not from 0.001 to 3600 seconds"),
        ("--seconds", "-1", "not from 0.001 to 3600 seconds"),
        ("--seconds", "inf", "not from 0.001 to 3600 seconds"),
        ("--seconds", "soon", "not a number"),
    ] {
        let line = program.run(&[&format!("{option}={value}")]).error(2);
        assert!(line.ends_with(&format!("{why} (see --help)\n")), "{line}");
    }
}
