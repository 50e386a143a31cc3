//! Whether to look again before going to sleep.

use serde::{Deserialize, Serialize};

/// What the pool's threads, here and in the workers, do when they have nothing
/// to do: [`Start::spin`](crate::Start::spin).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Spin {
    /// They look for something for at most 50 microseconds more, where that has
    /// paid lately, and let others have the processor between two looks. Calls
    /// that follow each other then take a fraction of the time. With one
    /// processor it is the same as [`Off`](Self::Off).
    #[default]
    Adaptive,
    /// They sleep at once.
    Off,
}
