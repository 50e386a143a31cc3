//! Many small files.

use std::fs;
use std::thread;

use tokio::runtime::Runtime;

use crate::files::{Files, SMALL};
use crate::rounds::{Bench, task};
use crate::sums::sample;

const THREADS: usize = 2;

pub(crate) fn run(bench: &Bench, files: &Files, runtime_name: &str, runtime: &Runtime) {
    let paths: Vec<_> = (0..SMALL / bench.share).map(|n| files.small(n)).collect();
    bench.row(
        &format!("files of 4 KiB, beside {THREADS} threads, {runtime_name}"),
        SMALL,
        |operations| {
            let read = |paths: &[_]| -> u64 {
                let files = paths.iter().map(|path| fs::read(path).unwrap());
                files.map(|file| sample(&file)).sum()
            };
            thread::scope(|scope| {
                let readers: Vec<_> = paths
                    .chunks(operations.div_ceil(THREADS))
                    .map(|paths| scope.spawn(move || read(paths)))
                    .collect();
                readers.into_iter().map(|r| r.join().unwrap()).sum()
            })
        },
        |_| {
            let paths = paths.clone();
            task(runtime, async move {
                let mut sum = 0;
                let mut files = aio_files::read_many(paths).stream();
                while let Some(file) = files.next().await {
                    let (_, content) = file.unwrap();
                    sum += sample(&content);
                }
                sum
            })
        },
    );
}
