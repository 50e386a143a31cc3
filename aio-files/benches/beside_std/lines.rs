//! Lines, as text and as bytes.

use std::fs::File;
use std::io::{BufRead, BufReader};

use tokio::runtime::Runtime;

use crate::files::{Files, LINES};
use crate::rounds::{Bench, task};
use crate::sums::Sum;

pub(crate) fn run(bench: &Bench, files: &Files, runtime_name: &str, runtime: &Runtime) {
    let path = files.lines();
    bench.row(
        &format!("lines as String, {runtime_name}"),
        LINES,
        |_| {
            let mut sum = Sum::default();
            for line in BufReader::new(File::open(&path).unwrap()).lines() {
                sum.add_line(line.unwrap().as_bytes());
            }
            sum.total()
        },
        |_| {
            let path = path.clone();
            task(runtime, async move {
                let mut sum = Sum::default();
                let mut lines = aio_files::lines(path).stream();
                while let Some(line) = lines.next().await {
                    sum.add_line(line.unwrap().as_bytes());
                }
                sum.total()
            })
        },
    );
    bench.row(
        &format!("lines lent as bytes, beside read_line into one String, {runtime_name}"),
        LINES,
        |_| {
            let mut sum = Sum::default();
            let mut reader = BufReader::new(File::open(&path).unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 0 {
                sum.add_line(line.trim_end_matches('\n').as_bytes());
                line.clear();
            }
            sum.total()
        },
        |_| {
            let path = path.clone();
            task(runtime, async move {
                let mut sum = Sum::default();
                let mut lines = aio_files::lines(path).bytes().stream();
                while let Some(line) = lines.next_ref().await {
                    sum.add_line(line.unwrap());
                }
                sum.total()
            })
        },
    );
}
