//! Numbers that are given out one after another, as keys.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A worker, numbered by the engine and never again.
pub(crate) type WorkerId = u64;

/// A map whose keys are such numbers.
///
/// The pool chooses them, and its workers take over what it chose: they need no
/// defence against collisions, which is most of what std's hasher costs.
pub(crate) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Spreads consecutive numbers by one multiplication: with the golden ratio,
/// which is known as Fibonacci hashing (Knuth, The Art of Computer Programming,
/// volume 3, section 6.4).
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The map looks at the low bits for the place and at the high ones for
        // the tag.
        self.0 = mixed ^ (mixed >> 32);
    }
}
