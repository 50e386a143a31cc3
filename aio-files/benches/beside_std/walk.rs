//! A walk over a tree, beside walkdir.

use tokio::runtime::Runtime;
use walkdir::WalkDir;

use crate::files::{ENTRIES, Files};
use crate::rounds::{Bench, task};

pub(crate) fn run(bench: &Bench, files: &Files, runtime_name: &str, runtime: &Runtime) {
    let root = files.tree();
    bench.row(
        &format!("walk, beside walkdir, {runtime_name}"),
        ENTRIES,
        |_| {
            let entries = WalkDir::new(&root).into_iter();
            entries.map(|entry| of_path(entry.unwrap().path())).sum()
        },
        |_| {
            let root = root.clone();
            task(runtime, async move {
                let mut sum = 0;
                let mut entries = aio_files::walk(root).stream();
                while let Some(entry) = entries.next().await {
                    sum += of_path(entry.unwrap().path());
                }
                sum
            })
        },
    );
}

fn of_path(path: &std::path::Path) -> u64 {
    path.as_os_str().len() as u64
}
