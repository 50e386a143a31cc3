//! What holds for each program.

use std::fs;
use std::path::Path;

use crate::program::Program;

/// Two screens of code, and what stands above them.
const LINES: usize = 140;

macro_rules! programs {
    ($($name:literal),* $(,)?) => {
        [$(($name, env!(concat!("CARGO_BIN_EXE_", $name)))),*]
    };
}

pub(crate) const PROGRAMS: [(&str, &str); 16] = programs![
    "hello",
    "crows",
    "generators",
    "sync",
    "how",
    "fib",
    "randint_server",
    "randint_clients",
    "starvation",
    "http_randint",
    "contexts",
    "spinner",
    "flags",
    "chess",
    "pitfalls",
    "shapes"
];

#[test]
fn each_answers_help_and_refuses_what_it_does_not_know_in_one_line() {
    for (name, path) in PROGRAMS {
        let program = Program::at(name, path);
        let help = program.run(&["--help"]).ok();
        assert!(help.contains(&format!("Usage: {name}")), "{help}");
        let line = program.run(&["--nonsense"]).error(2);
        assert!(
            line.starts_with("error: unexpected argument '--nonsense'"),
            "{line}"
        );
        let line = program.run(&["nonsense"]).error(2);
        assert!(
            line.starts_with("error: unexpected argument 'nonsense'"),
            "{line}"
        );
    }
}

/// Where a program that prints has no room for it.
#[cfg(target_os = "linux")]
#[test]
fn each_says_in_one_line_that_its_output_has_no_room() {
    for (name, path) in PROGRAMS {
        let args: &[&str] = match name {
            "fib" => &["--n=1", "--seconds=0.001", "--workers=1"],
            "randint_server" => &["--addr=127.0.0.1:0"],
            _ => &[],
        };
        let program = Program::at(name, path);
        let full = fs::File::create("/dev/full").expect("a device that is full");
        let mut command = program.command(args);
        // A backtrace that is asked for would be many lines more.
        command.stdout(full).env("RUST_BACKTRACE", "1");
        let line = program.end(command.spawn().expect("it starts")).error(101);
        assert!(
            line.starts_with("Error: failed printing to stdout: No space left"),
            "{name}: {line}"
        );
    }
}

#[test]
fn each_begins_with_the_command_that_runs_it_and_is_short() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin");
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("the programs") {
        let path = entry.expect("a program").path();
        let name = path.file_stem().expect("a name").display().to_string();
        let text = fs::read_to_string(&path).expect("a text");
        let first = text.lines().next();
        assert_eq!(
            first,
            Some(format!("//! cargo run -p tour --bin {name}").as_str())
        );
        let lines = text.lines().count();
        assert!(lines <= LINES, "{name} has {lines} lines");
        assert!(
            PROGRAMS.iter().any(|(known, _)| *known == name),
            "{name} is not tested"
        );
        files += 1;
    }
    assert_eq!(files, PROGRAMS.len());
}
