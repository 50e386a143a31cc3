//! The values that files hold and that are asked for, the same in every run.

use std::path::{Path, PathBuf};

/// The size of a chunk, and of the buffer that a chunk is read into.
pub const CHUNK: usize = 256 * 1024;

/// The size of a block of the file that is read at random positions.
pub const BLOCK: usize = 4096;

/// The size of the one file that is read and written again and again.
pub const WHOLE: usize = 1024;

/// A number that looks drawn by chance (SplitMix64).
pub fn scatter(n: usize) -> u64 {
    let mut z = (n as u64)
        .wrapping_add(1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Where the n-th read at a random position begins, in a file of so many bytes.
pub fn position(n: usize, length: u64) -> u64 {
    scatter(n) % (length / BLOCK as u64) * BLOCK as u64
}

/// The n-th of the many small files.
pub fn small_file(folder: &Path, n: usize) -> PathBuf {
    folder.join(format!("{n:05}"))
}

/// The first n of them.
pub fn small_files(folder: &Path, n: usize) -> Vec<PathBuf> {
    (0..n).map(|n| small_file(folder, n)).collect()
}

/// The n-th of the writes of 100 bytes.
pub fn written(n: usize) -> [u8; 100] {
    let mut bytes = [b'.'; 100];
    bytes[..8].copy_from_slice(&(n as u64).to_le_bytes());
    bytes[99] = b'\n';
    bytes
}
