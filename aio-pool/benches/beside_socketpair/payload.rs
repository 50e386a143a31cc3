//! A large payload, there and back.

use std::sync::LazyLock;

/// Its bytes.
pub const LARGE: usize = 1 << 20;

/// A number, and then always the same.
const NUMBER: usize = 8;

static SAME: LazyLock<Vec<u8>> = LazyLock::new(|| vec![b'x'; LARGE]);

/// One that no other call has.
pub fn large(number: u64) -> Vec<u8> {
    let mut payload = SAME.clone();
    payload[..NUMBER].copy_from_slice(&number.to_le_bytes());
    payload
}

/// What an answer adds to the sum, if it is what was sent.
pub fn came_back(number: u64, answer: &[u8]) -> u64 {
    let (first, same) = answer.split_at(NUMBER);
    assert!(
        first == number.to_le_bytes() && same == &SAME[NUMBER..],
        "another payload came back"
    );
    number + answer.len() as u64
}
