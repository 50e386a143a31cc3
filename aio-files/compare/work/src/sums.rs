//! What answers add to the sum of a program. It is cheap, so that the clock
//! measures files, and touches the beginning and the end of each answer.

use crate::Adler;

/// A sum that tells whether the order was the same.
#[derive(Debug, Default)]
pub struct InOrder(u64);

impl InOrder {
    pub fn add(&mut self, value: u64) {
        self.0 = self.0.rotate_left(5) ^ value;
    }

    pub fn sum(&self) -> u64 {
        self.0
    }
}

/// A line without its end: its length, and its first, middle and last byte.
pub fn of_line(line: &[u8]) -> u64 {
    let byte = |at: usize| line.get(at).map_or(0, |&byte| u64::from(byte));
    let length = line.len();
    let last = length.saturating_sub(1);
    ((length as u64) << 24) | (byte(0) << 16) | (byte(length / 2) << 8) | byte(last)
}

const EVERY: usize = 512;

/// Every 512th byte of a file, wherever its chunks begin and end.
#[derive(Debug, Default)]
pub struct Samples {
    adler: Adler,
    read: usize,
}

impl Samples {
    pub fn add(&mut self, chunk: &[u8]) {
        let first = self.read.next_multiple_of(EVERY) - self.read;
        let sampled = chunk.get(first..).unwrap_or_default();
        self.adler.add_few(sampled.iter().step_by(EVERY));
        self.read += chunk.len();
    }

    pub fn sum(&self) -> u64 {
        self.adler.sum().wrapping_add(self.read as u64)
    }
}

/// A whole file: its first eight bytes, which differ in every one, every 512th
/// byte, and the length. Files are added, so that they may come in any order.
pub fn of_file(bytes: &[u8]) -> u64 {
    let sampled: u64 = bytes.iter().step_by(EVERY).copied().map(u64::from).sum();
    first_eight(bytes)
        .wrapping_add(sampled)
        .wrapping_add(bytes.len() as u64)
}

/// A block: its first and its last eight bytes.
pub fn of_block(block: &[u8]) -> u64 {
    first_eight(block)
        ^ block
            .last_chunk()
            .map_or(0, |&end| u64::from_le_bytes(end))
            .rotate_left(1)
}

fn first_eight(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |&start| u64::from_le_bytes(start))
}

/// The name of an entry. Names are added, so that they may come in any order.
pub fn of_name(name: &[u8]) -> u64 {
    name.iter().fold(0xCBF2_9CE4_8422_2325, |sum: u64, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_the_same_however_a_file_is_cut() {
        let bytes: Vec<u8> = (0..5000_u32).map(|n| (n * 7 / 3) as u8).collect();
        let mut whole = Samples::default();
        whole.add(&bytes);
        for size in [1, 7, 511, 512, 513, 4096] {
            let mut cut = Samples::default();
            bytes.chunks(size).for_each(|chunk| cut.add(chunk));
            assert_eq!(cut.sum(), whole.sum(), "{size}");
        }
        let mut other = Samples::default();
        let mut swapped = bytes.clone();
        swapped.swap(0, 512);
        other.add(&swapped);
        assert_ne!(other.sum(), whole.sum());
    }

    #[test]
    fn lines_in_another_order_have_another_sum() {
        let sum = |lines: &[&str]| {
            let mut sum = InOrder::default();
            lines
                .iter()
                .for_each(|line| sum.add(of_line(line.as_bytes())));
            sum.sum()
        };
        assert_ne!(sum(&["one", "two"]), sum(&["two", "one"]));
        assert_ne!(sum(&["one", ""]), sum(&["one"]));
    }
}
