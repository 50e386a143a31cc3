//! The limit underneath: std, and the crates that work on it, without a runtime.

mod fill;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;

use walkdir::WalkDir;
use work::{
    BLOCK, CHUNK, InOrder, Message, Samples, Work, measure, of_block, of_file, of_line, of_name,
    position, small_files, written,
};

/// How many threads read small files at once.
const THREADS: usize = 2;

fn main() {
    let work = Work::from_arguments();
    if work.kind == "fill" {
        return fill::fill(&work);
    }
    let path = work.path.as_path();
    measure(&work, |n| match work.kind.as_str() {
        "lines" => lines(path, n, work.buffer()),
        "slices" => slices(path, n, work.buffer()),
        "chunks" => chunks(path, n),
        "many" => many(path, n),
        "positions" => positions(path, n),
        "writes" => writes(path, n, work.buffer()),
        "walk" => walk(path, n),
        "jsonl" => jsonl(path, n),
        "csv" => csv(path, n),
        _ => work.unasked(),
    });
}

fn reader(path: &Path, buffer: usize) -> BufReader<File> {
    BufReader::with_capacity(buffer, File::open(path).expect("opens"))
}

fn lines(path: &Path, n: usize, buffer: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut lines = reader(path, buffer).lines();
    for _ in 0..n {
        let line: String = lines.next().expect("enough lines").expect("a line");
        sum.add(of_line(line.as_bytes()));
    }
    sum.sum()
}

fn slices(path: &Path, n: usize, buffer: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut reader = reader(path, buffer);
    let mut line = String::new();
    for _ in 0..n {
        line.clear();
        reader.read_line(&mut line).expect("a line");
        let line = line.strip_suffix('\n').expect("enough lines");
        sum.add(of_line(line.as_bytes()));
    }
    sum.sum()
}

fn chunks(path: &Path, n: usize) -> u64 {
    let mut sum = Samples::default();
    let mut file = File::open(path).expect("opens");
    let mut buffer = vec![0; CHUNK];
    for _ in 0..n {
        file.read_exact(&mut buffer).expect("enough chunks");
        sum.add(&buffer);
    }
    sum.sum()
}

fn many(folder: &Path, n: usize) -> u64 {
    let paths = small_files(folder, n);
    thread::scope(|scope| {
        let readers: Vec<_> = paths
            .chunks(n.div_ceil(THREADS))
            .map(|paths| {
                scope.spawn(|| {
                    paths.iter().fold(0, |sum: u64, path| {
                        let file = std::fs::read(path).expect("reads");
                        sum.wrapping_add(of_file(&file))
                    })
                })
            })
            .collect();
        readers.into_iter().fold(0_u64, |sum, reader| {
            sum.wrapping_add(reader.join().expect("no panic"))
        })
    })
}

fn positions(path: &Path, n: usize) -> u64 {
    let file = File::open(path).expect("opens");
    let length = file.metadata().expect("a length").len();
    let mut sum = InOrder::default();
    let mut block = vec![0; BLOCK];
    for n in 0..n {
        let read = file
            .read_at(&mut block, position(n, length))
            .expect("reads");
        assert_eq!(read, BLOCK);
        sum.add(of_block(&block));
    }
    sum.sum()
}

fn writes(path: &Path, n: usize, buffer: usize) -> u64 {
    let mut file = BufWriter::with_capacity(buffer, File::create(path).expect("creates"));
    for n in 0..n {
        file.write_all(&written(n)).expect("writes");
    }
    file.into_inner().expect("flushes");
    n as u64
}

fn walk(folder: &Path, n: usize) -> u64 {
    let mut sum = 0_u64;
    let mut entries = WalkDir::new(folder).min_depth(1).into_iter();
    for _ in 0..n {
        let entry = entries.next().expect("enough entries").expect("an entry");
        sum = sum.wrapping_add(of_name(entry.file_name().as_encoded_bytes()));
    }
    sum
}

// Each line from memory, into which it is read: docs.rs/serde_json, `from_reader`,
// says that reading from a stream is usually slower.
fn jsonl(path: &Path, n: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut reader = reader(path, CHUNK);
    let mut line = String::new();
    for _ in 0..n {
        line.clear();
        reader.read_line(&mut line).expect("a line");
        let message: Message = serde_json::from_str(&line).expect("a record");
        message.add_to(&mut sum);
    }
    sum.sum()
}

// The reader has a buffer of its own: docs.rs/csv, `ReaderBuilder::buffer_capacity`.
// One record for all rows is what docs.rs/csv/latest/csv/tutorial calls "Amortizing
// allocations".
fn csv(path: &Path, n: usize) -> u64 {
    let mut sum = InOrder::default();
    let mut reader = csv::ReaderBuilder::new()
        .buffer_capacity(CHUNK)
        .from_path(path)
        .expect("opens");
    let headers = reader.headers().expect("headers").clone();
    let mut record = csv::StringRecord::new();
    for _ in 0..n {
        assert!(reader.read_record(&mut record).expect("a record"));
        let message: Message = record.deserialize(Some(&headers)).expect("a message");
        message.add_to(&mut sum);
    }
    sum.sum()
}
