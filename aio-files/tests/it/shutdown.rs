//! A runtime that ends takes nothing with it and waits for nobody.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aio_files::{drained, open, read, read_many, write, write_many};
use chaos::watchdog;
use tokio::runtime::{Builder, Runtime};

use crate::folder::Folder;

const MEGABYTE: usize = 1 << 20;

fn build() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
}

/// Work of every kind that is on its way when the runtime ends, some of it for ever.
fn start(runtime: &Runtime, folder: &Arc<Folder>, fifo: &Path) {
    for number in 0..20 {
        let path = folder.file(&format!("whole{number}"));
        runtime.spawn(write(path, vec![b'w'; MEGABYTE]));
        let path = folder.file(&format!("handle{number}"));
        runtime.spawn(async move {
            let mut file = open(path).mode("w").await.unwrap();
            for _ in 0..100 {
                file.write_all(&[b'h'; 10_000]).await.unwrap();
            }
            file.sync_all().await.unwrap();
            file.close().await.unwrap();
        });
        let folder = Arc::clone(folder);
        runtime.spawn(async move {
            let paths = (0..50).map(move |n| folder.file(&format!("many{number}-{n}")));
            let written: Vec<_> = paths.collect();
            let files = written.clone().into_iter().map(|path| (path, "m"));
            write_many(files).await.unwrap();
            read_many(written).await.unwrap();
        });
    }
    runtime.spawn(open(fifo).into_future());
    let fifo = fifo.to_owned();
    runtime.spawn(async move { read(fifo).await });
}

fn end(way: usize, runtime: Runtime) {
    match way {
        0 => drop(runtime),
        1 => runtime.shutdown_timeout(Duration::ZERO),
        _ => runtime.shutdown_background(),
    }
}

#[test]
fn whatever_is_in_flight_when_a_runtime_ends() {
    chaos::alone!();
    // A task that panics says so to nobody here.
    let panics = Arc::new(AtomicUsize::new(0));
    std::panic::set_hook(Box::new({
        let panics = Arc::clone(&panics);
        move |panic| {
            eprintln!("{panic}");
            panics.fetch_add(1, Ordering::Relaxed);
        }
    }));
    let rounds = 30;
    for round in 0..rounds {
        let folder = Arc::new(Folder::new());
        let fifo = folder.fifo("fifo");
        let runtime = build();
        start(&runtime, &folder, &fifo);
        // At any time: after as much of it as there is in a few turns.
        runtime.block_on(async {
            for _ in 0..round * 3 {
                tokio::task::yield_now().await;
            }
        });
        watchdog::closure("a runtime ends", move || end(round % 3, runtime));

        // Another one goes on, also on the same paths.
        let next = build();
        next.block_on(watchdog::future("the next runtime", async {
            for number in 0..20 {
                let path = folder.file(&format!("whole{number}"));
                write(&path, "next").await.unwrap();
                let found = read(&path).await.unwrap();
                // A runtime that isn't waited for may poll a task for the first
                // time after this, so its write may come later, but whole.
                let later = round % 3 > 0 && found == [b'w'; MEGABYTE];
                assert!(later || found == b"next");
                let path = folder.file(&format!("handle{number}"));
                // A beginning of it, without a hole.
                let found = read(&path).await.unwrap_or_default();
                assert!(found.len() <= 1_000_000);
                assert!(found.iter().all(|&byte| byte == b'h'));
            }
            // Whoever stands at the FIFO goes when its end comes.
            let freed = open(&fifo).mode("r+").await.unwrap();
            drained().await.unwrap();
            drop(freed);
            folder.closed().await;
        }));
    }
    assert_eq!(panics.load(Ordering::Relaxed), 0);
    println!("rounds={rounds}");
}
