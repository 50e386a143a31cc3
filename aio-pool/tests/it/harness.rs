//! What every test runs in.

use libtest_mimic::Trial;

/// Runs a test on a fresh runtime, under the watchdog.
pub(crate) fn trial(name: &'static str, test: impl AsyncFnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        runtime().block_on(chaos::watchdog::future(name, test()));
        Ok(())
    })
}

/// The plainest runtime: the pool must not need more.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Lists the tests of a module. One that is forgotten is a warning: unused.
macro_rules! trials {
    ($($test:ident),* $(,)?) => {
        pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
            vec![$(crate::harness::trial(
                concat!(module_path!(), "::", stringify!($test)).split_once("::").map_or("", |name| name.1),
                $test,
            )),*]
        }
    };
}
pub(crate) use trials;
