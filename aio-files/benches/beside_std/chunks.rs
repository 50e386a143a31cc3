//! Chunks of 256 KiB.

use std::fs::File;
use std::io::Read;

use tokio::runtime::Runtime;

use crate::files::{BLOCK, BLOCKS, Files};
use crate::rounds::{Bench, task};
use crate::sums::sample;

const CHUNK: usize = 256 * 1024;

pub(crate) fn run(bench: &Bench, files: &Files, runtime_name: &str, runtime: &Runtime) {
    let path = files.blocks();
    bench.row(
        &format!("chunks of 256 KiB, beside one buffer, {runtime_name}"),
        BLOCKS * BLOCK / CHUNK,
        |_| {
            let mut sum = 0;
            let mut file = File::open(&path).unwrap();
            let mut buffer = vec![0; CHUNK];
            loop {
                let read = file.read(&mut buffer).unwrap();
                if read == 0 {
                    return sum;
                }
                sum += sample(&buffer[..read]);
            }
        },
        |_| {
            let path = path.clone();
            task(runtime, async move {
                let mut sum = 0;
                let mut chunks = aio_files::chunks(path).stream();
                while let Some(chunk) = chunks.next().await {
                    sum += sample(&chunk.unwrap());
                }
                sum
            })
        },
    );
}
