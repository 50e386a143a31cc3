//! The files that both sides read, the same in every run.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::rounds::Bench;

const BLOCK: usize = 4096;
pub(crate) const SMALL: usize = 10_000;

/// A folder on the disk that holds the target folder: where that is a tmpfs, reads
/// that need no hop are refused.
pub(crate) struct Files {
    folder: TempDir,
}

impl Files {
    pub(crate) fn new(bench: &Bench) -> Files {
        let files = Files {
            folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
        };
        fs::create_dir(files.path("small")).unwrap();
        for n in 0..SMALL / bench.share {
            fs::write(files.small(n), block(n)).unwrap();
        }
        files
    }

    /// The n-th file of one block.
    pub(crate) fn small(&self, n: usize) -> PathBuf {
        self.path("small").join(n.to_string())
    }

    /// Where a side writes its own file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A number that looks drawn by chance.
fn scatter(n: usize) -> usize {
    let mut z = (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    usize::try_from((z ^ (z >> 31)) >> 32).unwrap()
}

fn block(n: usize) -> [u8; BLOCK] {
    let mut block = [b'b'; BLOCK];
    block[..8].copy_from_slice(&(scatter(n) as u64).to_le_bytes());
    block
}
