//! Many futures or streams at once, as Python's `asyncio` has it: the functions and their types.

mod as_completed;
mod gather;
mod gather_iter;
mod merge;
#[cfg(feature = "spawn")]
mod task_group;
mod try_gather;
mod wait;
#[cfg(feature = "time")]
mod wait_for;

pub use crate::slots::Unfinished;
#[cfg(feature = "spawn")]
pub use crate::tasks::{OwnedTask, SpawnEach};
pub use as_completed::{AsCompleted, Completed, Pending, as_completed};
#[cfg(feature = "time")]
pub use as_completed::{CompletedWithin, DeadlineElapsed, Within};
pub use gather::{Gather, GatherFuture, Outputs, gather};
pub use gather_iter::{GatherIter, GatherIterFuture, GatherIterOutputs, gather_iter};
pub use merge::{CollectErrors, FailFast, Merge, as_generated, merge};
#[cfg(feature = "spawn")]
pub use task_group::{
    GroupError, GroupTask, NoValue, OpenTaskGroup, Spawner, TaskGroup, task_group,
};
pub use try_gather::{TryGather, TryGatherFuture, TryOutputs, try_gather};
pub use wait::{Wait, WaitFuture, wait};
#[cfg(feature = "time")]
pub use wait_for::{Elapsed, WaitFor, wait_for};
