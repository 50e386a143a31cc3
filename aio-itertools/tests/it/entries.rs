//! The registry of the laws: one entry for each stream operator.

use crate::laws::Operator;

mod batches;
mod branches;
mod runs;
mod slices;
mod several;
mod sources;

/// Every stream operator of the crate.
pub(crate) fn all() -> Vec<Operator> {
    [
        batches::operators(),
        branches::operators(),
        runs::operators(),
        slices::operators(),
        several::operators(),
        sources::operators(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
