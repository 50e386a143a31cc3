//! A process for one test, whatever runs the tests.
//!
//! `cargo test` runs the tests of a binary as threads of one process, where a
//! look at all descriptors or threads sees the neighbours' too. nextest gives
//! each test a process already.

use std::process::Command;

/// Runs the rest of the test in a process of its own. Put it first in the test.
///
/// In the process that `cargo test` started, it runs the test binary again for
/// this test alone, passes its output on, fails if it fails, and returns from
/// the test.
///
/// ```no_run
/// #[test]
/// fn leaves_no_thread() {
///     chaos::alone!();
///     let before = chaos::Trace::take();
///     // …
///     before.wait_same();
/// }
/// ```
#[macro_export]
macro_rules! alone {
    () => {{
        fn here() {}
        if !$crate::alone::is_alone(::std::any::type_name_of_val(&here)) {
            return;
        }
    }};
}

const ALONE: &str = "CHAOS_ALONE";

/// Says whether this process is the test's own; if not, runs one that is.
#[doc(hidden)]
#[must_use]
pub fn is_alone(here: &str) -> bool {
    let test = test_name(here);
    if std::env::var("NEXTEST_EXECUTION_MODE").is_ok_and(|mode| mode == "process-per-test")
        || std::env::var(ALONE).is_ok_and(|alone| alone == test)
    {
        return true;
    }
    run(&test);
    false
}

/// Runs one test of this binary in a process of its own.
#[doc(hidden)]
pub fn run(test: &str) {
    let program = std::env::current_exe().expect("the test binary");
    let output = Command::new(program)
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env(ALONE, test)
        .output()
        .expect("the test binary runs again");
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{test} failed in its own process");
    // A name that matches no test would succeed with nothing run.
    assert!(
        said.contains("1 passed"),
        "{test} did not run in its own process"
    );
}

/// `krate::module::test::{{closure}}::here` is the test `module::test`.
fn test_name(here: &str) -> String {
    here.split("::")
        .skip(1)
        .filter(|part| *part != "here" && !part.starts_with("{{"))
        .collect::<Vec<_>>()
        .join("::")
}
