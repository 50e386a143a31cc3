//! The files that both sides read, the same in every run.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::rounds::Bench;

pub(crate) const LINES: usize = 1_000_000;
pub(crate) const BLOCK: usize = 4096;
pub(crate) const BLOCKS: usize = 16_384;
pub(crate) const SMALL: usize = 10_000;
#[cfg(feature = "walk")]
pub(crate) const ENTRIES: usize = 20_000;

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
        fill_lines(&files.lines(), LINES / bench.share);
        fill_blocks(&files.blocks(), BLOCKS / bench.share);
        fs::create_dir(files.path("small")).unwrap();
        for n in 0..SMALL / bench.share {
            fs::write(files.small(n), block(n)).unwrap();
        }
        #[cfg(feature = "walk")]
        fill_tree(&files.tree(), ENTRIES / bench.share);
        files
    }

    /// Lines of 20 to 76 bytes.
    pub(crate) fn lines(&self) -> PathBuf {
        self.path("lines")
    }

    /// Blocks that begin differently.
    pub(crate) fn blocks(&self) -> PathBuf {
        self.path("blocks")
    }

    /// The n-th file of one block.
    pub(crate) fn small(&self, n: usize) -> PathBuf {
        self.path("small").join(n.to_string())
    }

    /// Folders with 99 files each.
    #[cfg(feature = "walk")]
    pub(crate) fn tree(&self) -> PathBuf {
        self.path("tree")
    }

    /// Where a side writes its own file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A number that looks drawn by chance.
pub(crate) fn scatter(n: usize) -> usize {
    let mut z = (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    usize::try_from((z ^ (z >> 31)) >> 32).unwrap()
}

fn fill_lines(path: &Path, n: usize) {
    const TEXT: &str = "I need your help with it, and the sooner the better, whoever reads this";
    let mut out = BufWriter::new(File::create(path).unwrap());
    for n in 0..n {
        let length = 20 + scatter(n) % 57;
        writeln!(out, "{n:08} {}", &TEXT[..length - 9]).unwrap();
    }
    out.into_inner().unwrap();
}

fn fill_blocks(path: &Path, n: usize) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    for n in 0..n {
        out.write_all(&block(n)).unwrap();
    }
    out.into_inner().unwrap();
}

fn block(n: usize) -> [u8; BLOCK] {
    let mut block = [b'b'; BLOCK];
    block[..8].copy_from_slice(&(scatter(n) as u64).to_le_bytes());
    block
}

#[cfg(feature = "walk")]
fn fill_tree(root: &Path, n: usize) {
    for folder in 0..n / 100 {
        let folder = root.join(format!("{}/{folder}", folder % 10));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..99 {
            File::create(folder.join(format!("file-{file}"))).unwrap();
        }
    }
}
