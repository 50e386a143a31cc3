//! Makes the files that the programs read: `fill WHAT N PATH`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use work::{BLOCK, WHOLE, Work, message, scatter, small_file};

pub fn fill(work: &Work) {
    let (path, n) = (work.path.as_path(), work.n);
    match work.runtime.as_str() {
        "lines" => with(path, |out| (0..n).try_for_each(|n| line(out, n))),
        "blocks" => with(path, |out| (0..n).try_for_each(|n| block(out, n))),
        "jsonl" => with(path, |out| {
            (0..n).try_for_each(|n| {
                serde_json::to_writer(&mut *out, &message(n))?;
                out.write_all(b"\n")
            })
        }),
        "csv" => with(path, |out| {
            let mut out = csv::Writer::from_writer(out);
            for n in 0..n {
                out.serialize(message(n))?;
            }
            out.flush()
        }),
        "small" => small(path, n),
        "tree" => tree(path, n),
        "whole" => fs::write(path, vec![b'w'; WHOLE]).expect("writes"),
        other => panic!("no {other} to fill"),
    }
}

fn with(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) {
    let file = File::create(path).expect("creates");
    let mut out = BufWriter::with_capacity(1 << 20, file);
    fill(&mut out).expect("writes");
    out.into_inner().expect("flushes");
}

/// A line of 20 to 76 bytes, 48 in the middle; one in sixteen is not ASCII.
fn line(out: &mut impl Write, n: usize) -> std::io::Result<()> {
    const TEXT: &str = "I need your help with it, and the sooner the better, whoever reads this";
    let chance = scatter(n);
    let length = 20 + usize::try_from(chance % 57).expect("small");
    let mut line = match (chance >> 32) % 16 {
        0 => format!("{n:08} für Zoë: "),
        _ => format!("{n:08} "),
    };
    line.push_str(TEXT);
    line.truncate(line.floor_char_boundary(length));
    writeln!(out, "{line}")
}

/// A block that begins and ends with what no other does.
fn block(out: &mut impl Write, n: usize) -> std::io::Result<()> {
    let mut block = [b'b'; BLOCK];
    block[..8].copy_from_slice(&scatter(n).to_le_bytes());
    block[BLOCK - 8..].copy_from_slice(&scatter(n).rotate_left(7).to_le_bytes());
    out.write_all(&block)
}

/// So many files of a block each.
fn small(folder: &Path, n: usize) {
    fs::create_dir(folder).expect("creates");
    for n in 0..n {
        let mut bytes = Vec::new();
        block(&mut bytes, n).expect("writes");
        fs::write(small_file(folder, n), bytes).expect("writes");
    }
}

/// So many entries: a folder to every 99 files, ten folders in each, and the files
/// shared out among them.
fn tree(root: &Path, n: usize) {
    fs::create_dir(root).expect("creates");
    let folders = n / 100;
    for number in 0..folders {
        fs::create_dir(folder(root, number)).expect("creates");
    }
    for number in 0..n - folders {
        let path = folder(root, number % folders).join(format!("file-{number}"));
        File::create(path).expect("creates");
    }
}

fn folder(root: &Path, number: usize) -> PathBuf {
    let above = match number {
        0..10 => root.to_owned(),
        _ => folder(root, number / 10 - 1),
    };
    above.join(format!("folder-{number}"))
}
