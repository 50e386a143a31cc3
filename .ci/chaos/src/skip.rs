//! Tests that can't run on this machine say so, and may not where all must run.

use std::io::Write;

/// Set by `.ci/run`, which installs what the tests need.
const REQUIRE_ALL: &str = "AIO_REQUIRE_ALL";

/// Says that the test at hand is skipped, and why. Return from the test after it.
///
/// ```no_run
/// if let Err(why) = chaos::inject::available() {
///     return chaos::skip::because(why);
/// }
/// ```
///
/// # Panics
/// When `AIO_REQUIRE_ALL` is set: then a test that can't run has failed.
pub fn because(why: &str) {
    assert!(
        std::env::var_os(REQUIRE_ALL).is_none_or(|value| value == "0" || value.is_empty()),
        "SKIPPED under {REQUIRE_ALL}: {why}"
    );
    say(why);
}

/// Says so, also where everything must run.
pub(crate) fn say(why: &str) {
    // Not `eprintln!`, which the test harness keeps to itself when a test passes.
    writeln!(std::io::stderr(), "SKIPPED: {why}").ok();
}
