//! Many futures or streams at once, as Python's `asyncio` has it: the functions and their types.

mod gather;

pub use gather::{Gather, GatherFuture, Outputs, gather};
