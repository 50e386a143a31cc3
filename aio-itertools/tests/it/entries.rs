//! The registry of the laws: one entry for each stream operator.

use crate::laws::Operator;

mod batches;
mod branches;
mod runs;
mod several;
mod slices;
mod sources;

/// Every stream operator of the crate.
pub(crate) fn all() -> Vec<Operator> {
    [
        batches::operators(),
        branches::operators(),
        runs::operators(),
        several::operators(),
        slices::operators(),
        sources::operators(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
