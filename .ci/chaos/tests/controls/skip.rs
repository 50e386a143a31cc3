//! A skip is loud, and a failure where everything must run.

use std::process::{Command, Output};

#[test]
#[ignore = "is run by the tests below"]
fn skips() {
    chaos::skip::because("no such tool");
}

fn run(required: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "skip::skips", "--include-ignored"])
        .env("AIO_REQUIRE_ALL", required)
        .output()
        .unwrap()
}

#[test]
fn a_skip_is_seen_though_the_test_passes() {
    let output = run("");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"SKIPPED: no such tool\n", "{output:?}");
}

#[test]
fn a_skip_is_a_failure_where_all_must_run() {
    let output = run("1");
    assert!(!output.status.success(), "{output:?}");
}
