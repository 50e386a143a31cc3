//! The command line of a program.

use std::io::{self, Write};
use std::panic;

use clap::Parser;

/// Reads the command line. A wrong one ends the program with code 2 and one line
/// on standard error; `--help` prints the help and ends it with 0.
///
/// It also lets the program end when nobody reads its output any more, as in
/// `hello | head -1`, and has a panic say its cause in one line: `println!` panics
/// where the disk is full, and a runtime where the system has no thread left.
pub fn read<A: Parser>() -> A {
    sigpipe::reset();
    panic::set_hook(Box::new(|panic| {
        let said = panic.to_string(); // where, and on the lines behind that the cause
        let cause = said.split_once('\n').map_or(&*said, |(_, cause)| cause);
        let cause = cause.replace('\n', " ");
        // Where this can't be written either, there is nobody to tell.
        let _ = writeln!(io::stderr(), "Error: {cause}");
    }));
    A::try_parse().unwrap_or_else(|error| {
        if !error.use_stderr() {
            error.exit();
        }
        eprintln!("{}", in_one_line(&error.to_string()));
        std::process::exit(2)
    })
}

/// What clap says in a paragraph, without the usage behind it.
fn in_one_line(said: &str) -> String {
    let cause = said.split("\n\nUsage:").next().unwrap_or(said);
    let cause = cause
        .split("\n\nFor more information")
        .next()
        .unwrap_or(cause);
    let words: Vec<&str> = cause.split_whitespace().collect();
    format!("{} (see --help)", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "hello")]
    struct Args {
        /// Where the countdown begins
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=9), required = true)]
        from: u32,
    }

    #[track_caller]
    fn says(args: &[&str], line: &str) {
        let error = Args::try_parse_from(args).unwrap_err();
        assert_eq!(in_one_line(&error.to_string()), line);
    }

    #[test]
    fn a_wrong_command_line_is_one_line() {
        says(
            &["hello", "--from", "x"],
            "error: invalid value 'x' for '--from <FROM>': invalid digit found in string (see --help)",
        );
        says(
            &["hello", "--from", "10"],
            "error: invalid value '10' for '--from <FROM>': 10 is not in 1..=9 (see --help)",
        );
        says(
            &["hello", "--form", "1"],
            "error: unexpected argument '--form' found tip: a similar argument exists: '--from' (see --help)",
        );
        says(
            &["hello"],
            "error: the following required arguments were not provided: --from <FROM> (see --help)",
        );
    }
}
