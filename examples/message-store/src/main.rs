//! The program: reads the command line, runs it, and says how it went by its
//! exit code.

use std::process::ExitCode;

use clap::Parser;
use message_store::Ending;
use message_store::cli::Cli;
use message_store::report::say;

fn main() -> ExitCode {
    give_memory_back();
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
        Ok(ending) => {
            if ending == Ending::Interrupted {
                say("interrupted");
            }
            ExitCode::from(ending.code())
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

/// Has the allocator give a block of a long mail's size back to the system as
/// soon as it is free. By itself glibc keeps blocks of up to 32 MiB for later,
/// once one of that size was freed, and takes twice as much for the same mails.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "a setting of the C library, which has no safe wrapper"
)]
fn give_memory_back() {
    const BLOCK: libc::c_int = 1 << 20;
    // SAFETY: it takes two numbers, and no other thread is there yet. Where it
    // refuses, all is as it was.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, BLOCK) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_memory_back() {}
