//! The thread that does the engine's work: starts workers, hears them, kills and
//! reaps them, and looks at the clock.
//!
//! It has a runtime of its own, so it works under any runtime of the caller's,
//! outlives it, and does not stop when the caller pauses the clock.

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::sleep_until;

use crate::blueprint::Blueprint;
use crate::engine::{Config, Effects, Engine, Hatchling, Link, Next, Started};
use crate::error::Error;
use crate::line::Switchboard;

mod attend;
mod outlet;
mod spawn;
mod spin;

use spawn::{Process, Spawned};
use spin::Spin;

/// Starts the thread. The receiver hears when every worker is ready, or why not.
pub(crate) fn start(
    config: Config,
    blueprint: Blueprint,
) -> Result<(Arc<Switchboard>, Started), Error> {
    let lost = |error: std::io::Error| Error::Supervisor {
        reason: format!("did not start: {error}"),
    };
    let (ready, started) = oneshot::channel();
    let switchboard = Switchboard::new(Engine::new(config, ready));
    let ending = Ending(Arc::clone(&switchboard));
    // The thread comes first: were it not to start, its runtime would be dropped
    // here, inside another, which tokio forbids.
    let (hand_over, handed) = std::sync::mpsc::channel::<Runtime>();
    std::thread::Builder::new()
        .name("aio-pool".to_owned())
        .spawn(move || {
            if let Ok(runtime) = handed.recv() {
                runtime.block_on(supervise(&ending.0, blueprint));
                // The reactor's descriptors go before anyone hears that all is gone.
                drop(runtime);
            }
            drop(ending);
        })
        .map_err(lost)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(lost)?;
    // It waits for nothing else, so it is there.
    let _ = hand_over.send(runtime);
    Ok((switchboard, started))
}

/// Whatever ends the supervisor, nobody waits for it any longer.
struct Ending(Arc<Switchboard>);

impl Drop for Ending {
    fn drop(&mut self) {
        let died = std::thread::panicking();
        let (result, waiting) = self.0.act(Engine::end);
        for finished in waiting {
            // Without an answer they know that it died.
            if !died {
                let _ = finished.send(result.clone());
            }
        }
    }
}

async fn supervise(switchboard: &Arc<Switchboard>, blueprint: Blueprint) {
    let spin = Spin::begin(blueprint.setup.spin);
    let next = |engine: &mut Engine, effects: &mut Effects| engine.next(Instant::now(), effects);
    loop {
        match switchboard.act(next) {
            Next::End => return,
            Next::Spawn(place) => spawn(switchboard, &spin, &blueprint, place),
            Next::Wait(None) => switchboard.woken().await,
            Next::Wait(Some(alarm)) => {
                tokio::select! {
                    () = switchboard.woken() => {}
                    () = sleep_until(alarm.into()) => {
                        // If this process was stopped for a while, what came in
                        // time is here, unread: the attendants read it before
                        // anybody is condemned for being late.
                        for _ in 0..3 {
                            tokio::task::yield_now().await;
                        }
                    }
                }
            }
        }
    }
}

fn spawn(switchboard: &Arc<Switchboard>, spin: &Arc<Spin>, blueprint: &Blueprint, place: usize) {
    let Spawned {
        process,
        ended,
        socket,
        marks,
        outlets,
    } = match Process::spawn(blueprint, place) {
        Ok(spawned) => spawned,
        Err(error) => {
            let reason = format!("/proc/self/exe does not start: {error}");
            return switchboard.act(|engine, effects| engine.stillborn(reason, effects));
        }
    };
    let link = Arc::new(Link::new(socket));
    let hatchling = Hatchling {
        pid: process.pid(),
        setup: blueprint.setup(place),
        link: Arc::clone(&link),
        marks,
    };
    let id = switchboard.act(|engine, effects| engine.hatched(hatchling, effects));
    tokio::spawn(attend::attend(
        id,
        process,
        ended,
        link,
        outlets,
        Arc::clone(switchboard),
        Arc::clone(spin),
    ));
}
