//! Small writes through a buffer.

use std::fs::{self, File};
use std::io::{BufWriter, Write};

use tokio::runtime::Runtime;

use crate::files::Files;
use crate::rounds::{Bench, task};

pub(crate) fn run(bench: &Bench, files: &Files, runtime_name: &str, runtime: &Runtime) {
    let (by_std, by_ours) = (files.path("std"), files.path("ours"));
    // Std's usual size, and that of our buffer.
    for kib in [8, 256] {
        bench.row_and(
            &format!("writes of 100 B, beside a BufWriter of {kib} KiB, {runtime_name}"),
            1_000_000,
            |operations| {
                let file = File::create(&by_std).unwrap();
                let mut file = BufWriter::with_capacity(kib * 1024, file);
                for n in 0..operations {
                    file.write_all(&record(n)).unwrap();
                }
                file.into_inner().unwrap().metadata().unwrap().len()
            },
            |operations| {
                let path = by_ours.clone();
                task(runtime, async move {
                    let file = aio_files::open(path).write().create().truncate();
                    let mut file = file.await.unwrap();
                    for n in 0..operations {
                        file.write_all(&record(n)).await.unwrap();
                    }
                    let length = file.metadata().await.unwrap().len();
                    file.close().await.unwrap();
                    length
                })
            },
            || {
                let (std, ours) = (fs::read(&by_std).unwrap(), fs::read(&by_ours).unwrap());
                assert!(std == ours, "both wrote the same");
                // The next round creates, which costs less than truncating.
                fs::remove_file(&by_std).unwrap();
                fs::remove_file(&by_ours).unwrap();
            },
        );
    }
}

fn record(n: usize) -> [u8; 100] {
    let mut record = [b'.'; 100];
    record[..8].copy_from_slice(&(n as u64).to_le_bytes());
    record
}
