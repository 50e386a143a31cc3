//! Reads from the page cache at random positions.

use std::fs::File;
use std::os::unix::fs::FileExt;

use tokio::runtime::Runtime;

use crate::files::{BLOCK, BLOCKS, Files, scatter};
use crate::rounds::{Bench, task};
use crate::sums::Sum;

pub(crate) fn run(bench: &Bench, files: &Files, runtime_name: &str, runtime: &Runtime) {
    let path = files.blocks();
    let blocks = BLOCKS / bench.share;
    let position = move |n| (scatter(n) % blocks * BLOCK) as u64;
    bench.row(
        &format!("cached reads of 4 KiB at random, {runtime_name}"),
        200_000,
        |operations| {
            let file = File::open(&path).unwrap();
            let mut sum = Sum::default();
            let mut block = vec![0; BLOCK];
            for n in 0..operations {
                let read = file.read_at(&mut block, position(n)).unwrap();
                sum.add_line(&block[..read]);
            }
            sum.total()
        },
        |operations| {
            let path = path.clone();
            task(runtime, async move {
                let mut file = aio_files::open(path).await.unwrap();
                let mut sum = Sum::default();
                let mut block = vec![0; BLOCK];
                for n in 0..operations {
                    let read = file.read_at(&mut block, position(n)).await.unwrap();
                    sum.add_line(&block[..read]);
                }
                sum.total()
            })
        },
    );
}
