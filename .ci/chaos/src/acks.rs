//! The acknowledgements of a victim: lines `ack N` on its standard output.

/// Reads the numbers of all acknowledgements, in their order.
///
/// A line that has not ended is none yet.
///
/// # Panics
/// When what follows `ack ` is no number.
#[must_use]
pub fn read(stdout: &[u8]) -> Vec<u64> {
    let end = stdout
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1);
    String::from_utf8_lossy(&stdout[..end])
        .lines()
        .filter_map(|line| line.strip_prefix("ack "))
        .map(|number| {
            number
                .parse()
                .unwrap_or_else(|_| panic!("no acknowledgement: {number:?}"))
        })
        .collect()
}
