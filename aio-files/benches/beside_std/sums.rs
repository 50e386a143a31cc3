//! What answers add to the sum of a side: cheap, so that files are measured.

/// One byte of each cache line, and the length: the same however a file is cut
/// into chunks of a multiple of 64 bytes, but for the last.
pub(crate) fn sample(bytes: &[u8]) -> u64 {
    let sampled: u64 = bytes.iter().step_by(64).copied().map(u64::from).sum();
    sampled + bytes.len() as u64
}
