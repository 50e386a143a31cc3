//! The behaviour of aio-itertools through its public interface.
#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test fails the test as the test itself does"
)]

mod as_completed;
mod auto_traits;
mod batched;
mod batches_in_time;
mod before_and_after;
mod by_hand;
mod consumer_entries;
mod consumer_laws;
mod consumer_mutants;
mod consumers;
mod cuts;
mod doors;
mod entries;
mod errors;
mod gather;
mod gather_iter;
mod gather_laws;
mod iter;
mod laws;
mod limits;
mod map_spawned;
mod merge;
mod merge_laws;
mod merge_sorted;
mod mutants;
mod neighbours;
mod next;
mod panics;
mod paused;
mod pipeline;
mod pipeline_laws;
mod prefetch;
mod preludes;
mod python;
mod random;
mod runs;
mod scripted;
mod several;
mod slices;
mod snoozing;
mod sources;
mod spawned;
mod task_group;
mod tasks;
mod tee;
#[cfg(feature = "testing")]
mod testing;
mod tidy;
mod try_gather;
mod wait;
mod wait_for;
