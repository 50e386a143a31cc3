//! A task that computes.

/// Steps that take about 10 ms: each waits for the one before it.
const STEPS: u32 = 5_000_000;

/// Mixes a number so often that it takes a while. The same everywhere.
#[inline(never)]
pub fn burn(number: u64) -> u64 {
    let mut state = number;
    for step in 0..STEPS {
        state = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ u64::from(step);
    }
    state
}
