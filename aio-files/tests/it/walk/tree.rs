//! Trees that come again from the same seed.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// SplitMix64.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as usize % end
    }

    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn name(dice: &mut Dice, count: usize) -> OsString {
    let odd: [&[u8]; 6] = [b"new\nline", b"\xFF\xFE", b".dot", b" ", b"-", b"\xC3"];
    let mut name = match dice.below(8) {
        0 => dice.one(&odd).to_vec(),
        1 => vec![b'l'; 250],
        _ => vec![b"abcxyz"[dice.below(6)]],
    };
    name.extend_from_slice(count.to_string().as_bytes());
    OsStr::from_bytes(&name).to_owned()
}

/// Fills a folder with some 60 files, folders, links and FIFOs.
pub(super) fn grow(root: &Path, dice: &mut Dice) {
    let outside = root.parent().unwrap().join("outside");
    fs::create_dir_all(outside.join("in")).unwrap();
    fs::write(outside.join("in/file"), "").unwrap();
    fs::create_dir(root).unwrap();
    let mut folders = vec![root.to_owned()];
    let mut all = vec![root.to_owned(), outside.clone(), outside.join("in/file")];
    for count in 0..60 {
        // Rather the last one, so that some of it is deep.
        let folder = match dice.below(3) {
            0 => dice.one(&folders).clone(),
            _ => folders.last().unwrap().clone(),
        };
        let path = folder.join(name(dice, count));
        match dice.below(10) {
            0..=3 => {
                fs::create_dir(&path).unwrap();
                folders.push(path.clone());
            }
            4..=6 => fs::write(&path, "").unwrap(),
            7 => symlink(dice.one(&all), &path).unwrap(),
            8 => symlink("nowhere", &path).unwrap(),
            _ => fifo(&path),
        }
        all.push(path);
    }
}

pub(super) fn fifo(path: &Path) {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

/// A tree of so many folders with so many empty files each.
pub(super) fn wide(root: &Path, folders: usize, files: usize) -> PathBuf {
    for folder in 0..folders {
        let folder = root.join(format!("folder-{folder}"));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..files {
            fs::write(folder.join(format!("file-{file}")), "").unwrap();
        }
    }
    root.to_owned()
}
