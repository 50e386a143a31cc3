//! The program: reads the command line, runs it, and says how it went by its
//! exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use message_store::cli::Cli;
use message_store::output::Visible;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match message_store::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads us has seen enough, as `head` has: nothing is wrong.
        Err(error) if error.is_closed_output() => ExitCode::SUCCESS,
        Err(error) => {
            // A path can hold anything, and an error is one line. If even
            // stderr is gone, the exit code is all that is left to say.
            let line = error.to_string();
            let _ = writeln!(std::io::stderr(), "message-store: {}", Visible(&line));
            ExitCode::FAILURE
        }
    }
}
