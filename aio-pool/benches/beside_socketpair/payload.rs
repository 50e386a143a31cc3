//! A large payload, there and back.

/// Its bytes.
pub const LARGE: usize = 1 << 20;

/// One that no other call has.
pub fn large(number: u64) -> Vec<u8> {
    let mut payload = vec![b'x'; LARGE];
    payload[..8].copy_from_slice(&number.to_le_bytes());
    payload
}

/// What an answer adds to the sum, if it is what was sent.
pub fn came_back(number: u64, sent: &[u8], answer: &[u8]) -> u64 {
    assert!(sent == answer, "another payload came back");
    number + answer.len() as u64
}
