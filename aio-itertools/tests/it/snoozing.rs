//! What is said to snooze does, and what is said to finish finishes.

/// The files whose cards say "snoozes"; each is shown to below.
pub(crate) const SHOWN: [&str; 1] = ["asyncio/gather.rs"];
