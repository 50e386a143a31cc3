//! A program that writes under 64 tasks, killed, failed and cut off from power
//! at every place: what it acknowledged is there, and nothing is there by half.
//!
//! The program is this very binary, so that `cargo test` has built it; hence a
//! harness with a `main` of our own. Every campaign prints how many faults it
//! made, and has a control: a wrong writer, or a disk that lies, which the same
//! check must catch.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by unwrapping; without the built-in harness clippy does not see that it is one"
)]

#[cfg(target_os = "linux")]
mod aftermath;
#[cfg(target_os = "linux")]
mod failing;
#[cfg(target_os = "linux")]
mod held;
#[cfg(target_os = "linux")]
mod killed;
#[cfg(target_os = "linux")]
mod order;
#[cfg(target_os = "linux")]
mod power;
#[cfg(all(target_os = "linux", feature = "foreign-changes"))]
mod seen;
#[cfg(target_os = "linux")]
mod wal;
#[cfg(target_os = "linux")]
mod writer;

#[cfg(target_os = "linux")]
fn main() {
    writer::run_if_told();
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = [
        failing::trials(),
        held::trials(),
        killed::trials(),
        order::trials(),
        power::trials(),
        #[cfg(feature = "foreign-changes")]
        seen::trials(),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    chaos::skip::because("system calls are intercepted on Linux only");
}

/// A test by its name. One that needs the injector is skipped where there is none.
#[cfg(target_os = "linux")]
fn trial(name: &str, run: fn()) -> libtest_mimic::Trial {
    libtest_mimic::Trial::test(name, move || {
        match chaos::inject::available() {
            Ok(()) => run(),
            Err(why) => chaos::skip::because(why),
        }
        Ok(())
    })
}
