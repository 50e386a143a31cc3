//! The behaviour of the pool, through its public interface.
//!
//! A pool starts this very executable again, so `init` must come before the
//! test harness; hence a harness with a `main` of our own. Tests run one after
//! another: most of them look at all children and descriptors of the process.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by unwrapping; without the built-in harness clippy does not see that it is one"
)]

mod ahead;
mod attack_parent;
mod attack_worker;
mod call;
mod chaos;
mod context;
mod cuts;
mod death;
mod deeds;
mod effects;
mod env;
mod exclusive;
mod forge;
mod guard;
mod harness;
mod hostile;
mod initializer;
mod isolation;
mod large;
mod lifecycle;
mod limits;
mod line;
mod map;
mod matrix;
mod obedient;
mod orphans;
mod output;
mod polled;
mod pools;
mod process;
mod queue;
mod recycle;
mod results;
mod run_timeout;
#[cfg(feature = "sandbox")]
mod sandbox;
mod start;
mod stream_ends;
mod stream_tasks;
mod streams;
mod stuck;
mod tasks;
mod traits;
mod victims;
mod worker;

fn main() {
    victims::run_if_told();
    isolation::run_if_told();
    matrix::run_if_told();
    orphans::run_if_told();
    if cfg!(feature = "harness") {
        // Programs are started whose `main` calls it late, or not at all.
        return ::chaos::skip::because("the feature `harness` calls init before main");
    }
    aio_pool::init();
    let mut arguments = libtest_mimic::Arguments::from_args();
    arguments.test_threads = Some(1);
    let trials = [
        ahead::trials(),
        attack_parent::trials(),
        attack_worker::trials(),
        call::trials(),
        chaos::trials(),
        context::trials(),
        cuts::trials(),
        death::trials(),
        effects::trials(),
        env::trials(),
        exclusive::trials(),
        guard::trials(),
        hostile::trials(),
        initializer::trials(),
        isolation::trials(),
        large::trials(),
        lifecycle::trials(),
        limits::trials(),
        map::trials(),
        matrix::trials(),
        orphans::trials(),
        output::trials(),
        process::trials(),
        queue::trials(),
        recycle::trials(),
        results::trials(),
        run_timeout::trials(),
        #[cfg(feature = "sandbox")]
        sandbox::trials(),
        #[cfg(feature = "sandbox")]
        sandbox::programs::trials(),
        start::trials(),
        stream_ends::trials(),
        streams::trials(),
        stuck::trials(),
        traits::trials(),
        worker::trials(),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit();
}
