//! Random cases for the laws: how many there are, and how much of them is `Pending`.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

/// Shares of polls that are `Pending`, in percent.
pub(crate) const SHARES: [u32; 4] = [0, 10, 50, 90];

/// Cases for each share.
pub(crate) const CASES: u32 = 256;

/// Runs `test` for so many random cases; the error has the smallest case that breaks it.
pub(crate) fn check<S: Strategy>(
    cases: u32,
    strategy: S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) -> Result<(), TestError<S::Value>> {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config).run(&strategy, test)
}

/// The same for each share of `Pending`, from which a case is made; it panics when one breaks.
pub(crate) fn at_every_share<S: Strategy>(
    name: &str,
    cases: u32,
    strategy: impl Fn(u32) -> S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    for share in SHARES {
        if let Err(broken) = check(cases, strategy(share), &test) {
            panic!("{name} at {share} % Pending: {broken}");
        }
        println!("{name} pending={share}% cases={cases}");
    }
}
