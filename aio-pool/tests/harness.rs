//! The feature `harness`: whatever runs the tests of a package, a worker never
//! does, so no test runs twice. And what happens without it: nothing is started.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps says what it expects by failing there"
)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use chaos::package::{Package, succeeded};

/// The tests of the fixture, as they write themselves down.
const TESTS: [&str; 6] = [
    "outside first",
    "outside forged",
    "outside panics",
    "outside second",
    "unit first",
    "unit second",
];
const DOCTESTS: [&str; 2] = ["doctest of an item", "doctest of the crate"];
const BENCHES: [&str; 1] = ["bench"];

/// A package whose every test uses a pool, in one setting of the feature.
struct Fixture {
    package: Package,
    features: &'static str,
    runs: PathBuf,
}

impl Fixture {
    fn new(features: &'static str) -> Self {
        let package = Package::fixture("harnessed", env!("CARGO_TARGET_TMPDIR"));
        let runs = package.folder().join("runs");
        Self {
            package,
            features,
            runs,
        }
    }

    /// Runs a line of cargo, in which everything must pass, and compares what
    /// ran with what is there. A name that came twice would be in it twice.
    /// Returns what the line printed.
    fn runs(&self, line: &str, expected: &[&[&str]]) -> String {
        let line = &format!("{line} {}", self.features);
        fs::write(&self.runs, "").unwrap();
        let mut shell = self.package.shell(line);
        shell.env("HARNESSED_RUNS", &self.runs);
        // Of the run around this one: they would change what this one does.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NEXTEST") {
                shell.env_remove(name);
            }
        }
        let said = succeeded(line, &shell.output().unwrap());
        let runs = fs::read_to_string(&self.runs).unwrap();
        let mut runs: Vec<_> = runs.lines().collect();
        runs.sort_unstable();
        let mut expected = expected.concat();
        expected.sort_unstable();
        assert_eq!(runs, expected, "`{line}`\n{said}");
        self.assert_nobody_left(line);
        said
    }

    /// Every process of the fixture has the name of the file in its environment.
    fn assert_nobody_left(&self, line: &str) {
        let wanted = format!("HARNESSED_RUNS={}", self.runs.display());
        for process in fs::read_dir("/proc").unwrap().flatten() {
            // Gone, or somebody else's.
            let Ok(environment) = fs::read(process.path().join("environ")) else {
                continue;
            };
            let ours = environment.split(|byte| *byte == 0);
            assert!(
                !ours.into_iter().any(|word| word == wanted.as_bytes()),
                "process {} is left of `{line}`",
                process.file_name().display()
            );
        }
    }

    /// Everything that runs tests. A worker that ran them would say `running`.
    fn everything(&self) {
        let said = self.runs("cargo test --quiet", &[&TESTS, &DOCTESTS]);
        let harnesses = said.lines().filter(|line| line.starts_with("running "));
        assert_eq!(harnesses.count(), 3, "{said}");
        self.runs("cargo test --quiet --doc", &[&DOCTESTS]);
        self.runs("cargo bench --quiet --profile dev", &[&BENCHES]);
        if !Command::new("cargo")
            .args(["nextest", "--version"])
            .output()
            .is_ok_and(|output| output.status.success())
        {
            return chaos::skip::because("there is no cargo-nextest");
        }
        self.runs("cargo nextest run", &[&TESTS]);
    }
}

#[test]
fn with_the_feature_every_test_runs_once_and_has_its_pool() {
    Fixture::new("--features harness").everything();
}

/// The tests of the fixture then expect an error, each in its only run.
#[test]
fn without_it_and_without_init_every_test_runs_once_and_has_an_error() {
    Fixture::new("").everything();
}

/// A line that writes a name down twice, as two runs of a test do, is caught.
#[test]
fn a_test_that_runs_twice_is_caught() {
    let fixture = Fixture::new("");
    let once = "echo unit first >> $HARNESSED_RUNS";
    fixture.runs(&format!("{once};"), &[&["unit first"]]);
    let twice = format!("{once}; {once};");
    let runs = || fixture.runs(&twice, &[&["unit first"]]);
    let panic = std::panic::catch_unwind(runs).unwrap_err();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(said.contains(r#"["unit first", "unit first"]"#), "{said}");
}

/// A process of the fixture that stays is caught.
#[test]
fn a_process_that_is_left_is_caught() {
    let fixture = Fixture::new("");
    // It ends with the pipe whose writing end the test holds.
    let (reader, writer) = std::io::pipe().unwrap();
    let mut left = Command::new("cat")
        .env("HARNESSED_RUNS", &fixture.runs)
        .stdin(reader)
        .spawn()
        .unwrap();
    let panic = std::panic::catch_unwind(|| fixture.runs("true", &[])).unwrap_err();
    drop(writer);
    left.wait().unwrap();
    let said = panic.downcast_ref::<String>().unwrap();
    assert_eq!(said, &format!("process {} is left of `true `", left.id()));
}
