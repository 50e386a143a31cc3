//! A line that turns, and is clear afterwards.

use std::path::Path;
use std::time::{Duration, Instant};

use chaos::terminal::Terminal;

use crate::program::{Program, program};

const THREAD: &str = "the spinner on a thread, which ends when it is asked:\n";
const TASK: &str = "\nthe spinner as a task, which is cancelled:\n";
const COSTS: &str = "\nwhat one costs while it waits:\n";

/// What clears the line of `\ thinking!`.
const CLEAR: &str = "\r           \r";

/// How often it turned in each form, and what it says of the costs.
#[track_caller]
fn turns(out: &str) -> (usize, usize, &str) {
    let rest = out.strip_prefix(THREAD).expect("the first heading");
    let (thread, rest) = rest.split_once(TASK).expect("the second heading");
    let (task, costs) = rest.split_once(COSTS).expect("the third heading");
    (turns_of(thread), turns_of(task), costs)
}

/// How often it turned, the signs in turn, until its line was cleared for the answer.
#[track_caller]
fn turns_of(form: &str) -> usize {
    let mut rest = form;
    let mut turns = 0;
    for sign in ['|', '/', '-', '\\'].into_iter().cycle() {
        match rest.strip_prefix(&format!("\r{sign} thinking!")) {
            Some(next) => rest = next,
            None => break,
        }
        turns += 1;
    }
    assert_eq!(rest, format!("{CLEAR}Answer: 42\n"), "{form:?}");
    turns
}

/// Runs it with few tasks and threads to be measured.
#[track_caller]
fn spin(program: &Program, seconds: &str) -> (usize, usize) {
    let begun = Instant::now();
    let out = program
        .run(&["--tasks=1", "--threads=1", "--seconds", seconds])
        .ok();
    let took = begun.elapsed();
    let (thread, task, _) = turns(&out);
    // Each sign but the last of each form is seen for a tenth of a second.
    let least = Duration::from_millis(100) * (thread + task - 2) as u32;
    assert!(least <= took, "{thread} and {task} in {took:?}");
    (thread, task)
}

#[test]
fn the_line_turns_as_long_as_the_work_takes_and_is_cleared() {
    let program = program!("spinner");
    let (short, long) = (spin(&program, "0.05"), spin(&program, "0.8"));
    // Ten a second where the machine is idle: 1 against 8.
    for (short, long) in [(short.0, long.0), (short.1, long.1)] {
        assert!(short >= 1 && short < long, "{short} {long}");
    }
}

#[test]
fn a_terminal_shows_nothing_of_it_afterwards() {
    let program = program!("spinner");
    let terminal = Terminal::new();
    let args = ["--seconds=0.15", "--tasks=1", "--threads=1"];
    let child = terminal.start(&mut program.command(&args));
    let screen = terminal.screen();
    program.end(child).ok();
    turns(&screen);
    let seen: Vec<String> = screen.lines().take(5).map(seen).collect();
    let [thread, task] = [THREAD, TASK].map(str::trim);
    assert_eq!(seen, [thread, "Answer: 42", "", task, "Answer: 42"]);
}

/// What is seen of a line in the end, where each `\r` goes back to its beginning.
fn seen(line: &str) -> String {
    let mut shown = Vec::new();
    for part in line.split('\r') {
        for (place, sign) in part.chars().enumerate() {
            shown.resize(shown.len().max(place + 1), ' ');
            shown[place] = sign;
        }
    }
    String::from_iter(shown).trim_end().to_owned()
}

/// The figure that stands before a text.
#[track_caller]
fn before(line: &str, text: &str) -> u64 {
    let (front, _) = line.split_once(text).expect("the text");
    let word = front.rsplit(' ').next().expect("a word");
    word.parse().unwrap_or_else(|_| panic!("{text} in {line}"))
}

#[test]
fn a_thread_costs_pages_and_a_task_hundreds_of_bytes() {
    let program = program!("spinner");
    for (tasks, threads) in [(4_000, 30), (20_000, 90)] {
        let args = [
            "--seconds=0.001",
            &format!("--tasks={tasks}"),
            &format!("--threads={threads}"),
        ];
        let out = program.run(&args).ok();
        let (_, _, costs) = turns(&out);
        let lines: Vec<&str> = costs.lines().collect();
        let [task, thread, kernel] = lines[..] else {
            panic!("not three lines: {costs}");
        };
        let (future, stack) = (before(task, " bytes;"), before(thread, " bytes;"));
        if !Path::new("/proc/self/smaps_rollup").exists() {
            return chaos::skip::because("this system does not tell what is resident");
        }
        let (small, large) = (
            before(task, " bytes resident"),
            before(thread, " bytes resident"),
        );
        assert_eq!(
            task,
            format!("of {tasks} tasks, each: a future of {future} bytes; {small} bytes resident")
        );
        assert_eq!(
            thread,
            format!(
                "of {threads} threads, each: a stack of up to {stack} bytes; {large} bytes resident"
            )
        );
        assert_eq!(
            kernel,
            "  and the kernel's own stack for each, which a task doesn't need"
        );
        assert_eq!(stack, 2 << 20);
        // A task is its future and little else; a thread touches a page of its stack.
        assert!((future..4 * future).contains(&small), "{task}");
        assert!(large >= 4096 && large >= 4 * small, "{thread}");
    }
}

#[test]
fn what_is_no_size_or_no_time_is_refused() {
    let program = program!("spinner");
    for (option, value, why) in [
        ("--seconds", "0", "not from 0.001 to 3600 seconds"),
        ("--seconds", "1e9", "not from 0.001 to 3600 seconds"),
        ("--seconds", "NaN", "not from 0.001 to 3600 seconds"),
        ("--tasks", "0", "0 is not in 1..=100000"),
        ("--tasks", "100001", "100001 is not in 1..=100000"),
        ("--threads", "-1", "-1 is not in 1..=1000"),
        ("--threads", "1001", "1001 is not in 1..=1000"),
    ] {
        let line = program.run(&[&format!("{option}={value}")]).error(2);
        assert!(line.ends_with(&format!("{why} (see --help)\n")), "{line}");
    }
}
