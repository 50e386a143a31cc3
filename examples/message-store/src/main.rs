//! The program: reads the command line, runs it, and says how it went by its
//! exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use message_store::Ending;
use message_store::cli::Cli;
use message_store::output::Visible;

fn main() -> ExitCode {
    // A worker that reads mail is this program again, and stays in here.
    aio_pool::init();
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(message_store::run(cli)),
        Err(error) => return failure(&format!("this process can't begin: {error}")),
    };
    match outcome {
        Ok(Ending::Well) => ExitCode::SUCCESS,
        Ok(Ending::Rejected) => ExitCode::from(3),
        Ok(Ending::Failed) => ExitCode::FAILURE,
        Ok(Ending::Interrupted) => {
            say("interrupted");
            ExitCode::from(130)
        }
        // Whoever reads us has seen enough, as `head` has: nothing is wrong.
        Err(error) if error.is_closed_output() => ExitCode::SUCCESS,
        Err(error) => failure(&error.to_string()),
    }
}

fn failure(line: &str) -> ExitCode {
    say(line);
    ExitCode::FAILURE
}

/// Says what is wrong. A path can hold anything, and an error is one line. If
/// even stderr is gone, the exit code is all that is left to say.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "message-store: {}", Visible(line));
}
