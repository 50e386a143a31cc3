//! The command line of a program, and the times on it.

use std::io::{self, Write};
use std::panic;
use std::time::Duration;

use clap::Parser;

/// The longest time that a program can be told to take, in seconds.
const LONGEST: f64 = 3600.0;

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

/// Returns the time that a text such as `0.5` gives in seconds, for clap's
/// `value_parser`.
///
/// # Errors
///
/// What is not a number, zero, negative, under a millisecond, or over an hour.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if !(0.001..=LONGEST).contains(&seconds) {
        return Err(format!("not from 0.001 to {LONGEST} seconds"));
    }
    Ok(Duration::from_secs_f64(seconds))
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

    #[test]
    fn seconds_are_a_time() {
        assert_eq!(seconds("0.001"), Ok(Duration::from_millis(1)));
        assert_eq!(seconds("1"), Ok(Duration::from_secs(1)));
        assert_eq!(seconds("3600"), Ok(Duration::from_secs(3600)));
    }

    #[test]
    fn what_is_no_sensible_time_is_refused() {
        for text in ["0", "-1", "0.0009", "3600.1", "1e300", "inf", "-inf", "NaN"] {
            let error = seconds(text).unwrap_err();
            assert_eq!(error, "not from 0.001 to 3600 seconds", "{text}");
        }
        for text in ["", "one", "1s", "0,5"] {
            assert_eq!(seconds(text).unwrap_err(), "not a number", "{text}");
        }
    }
}
