//! The most memory that processes have had.

use std::collections::BTreeMap;
use std::fmt;

use crate::process::peak_kib;

/// The peak of each of some processes, in KiB, as far as they were looked at.
#[derive(Debug)]
pub(super) struct Peaks(BTreeMap<u32, u64>);

impl Peaks {
    pub(super) fn of(pids: Vec<u32>) -> Peaks {
        Peaks(pids.into_iter().map(|pid| (pid, 0)).collect())
    }

    /// Looks at those that are still there. A peak stays known to the system, so
    /// that only what comes after the last look is missed.
    pub(super) fn look(&mut self) {
        for (pid, peak) in &mut self.0 {
            *peak = peak_kib(*pid).unwrap_or(*peak);
        }
    }

    #[track_caller]
    pub(super) fn are_below(&self, most_kib: u64) {
        for (pid, peak) in &self.0 {
            let is_little = (1..most_kib).contains(peak);
            assert!(is_little, "process {pid}: {peak} KiB of {self}");
        }
    }
}

impl fmt::Display for Peaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> = self.0.values().map(|kib| (kib >> 10).to_string()).collect();
        let sum = self.0.values().sum::<u64>() >> 10;
        write!(f, "VmHWM {} = {sum} MiB", each.join(" + "))
    }
}
