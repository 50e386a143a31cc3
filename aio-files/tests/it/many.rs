//! Many files at once: every answer once, in its order, whatever the others do.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aio_files::{drained, metadata_many, open, read_many, write_many};
use futures_core::Stream;

use crate::folder::{Folder, inside, poll_once};

/// Files `0`, `1`, … with different contents.
fn files(folder: &Folder, count: usize) -> Vec<PathBuf> {
    (0..count)
        .map(|number| folder.with(&number.to_string(), content(number)))
        .collect()
}

fn content(number: usize) -> Vec<u8> {
    number.to_string().repeat(number % 700).into_bytes()
}

#[tokio::test]
async fn contents_come_in_the_order_of_the_paths() {
    let folder = Folder::new();
    let paths = files(&folder, 3000);
    for limit in [1, 2, 7, 256, usize::MAX] {
        let contents = read_many(paths.clone()).limit(limit).await.unwrap();
        assert_eq!(contents.len(), 3000);
        for (number, found) in contents.into_iter().enumerate() {
            assert_eq!(found, content(number), "limit {limit}");
        }
    }
}

#[tokio::test]
async fn unordered_gives_each_once_with_its_path() {
    let folder = Folder::new();
    let paths = files(&folder, 3000);
    let mut left: HashSet<PathBuf> = paths.iter().cloned().collect();
    let mut contents = read_many(paths).unordered().limit(50).stream();
    while let Some(file) = contents.next().await {
        let (path, found) = file.unwrap();
        let number = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
        assert_eq!(found, content(number));
        assert!(left.remove(&path));
    }
    assert!(left.is_empty());
    assert!(contents.next().await.is_none(), "it is fused");
}

#[tokio::test]
async fn an_error_has_its_path_and_the_others_come() {
    let folder = Folder::new();
    let mut paths = files(&folder, 300);
    for at in (0..300).step_by(10) {
        fs::remove_file(&paths[at]).unwrap();
    }
    paths[5] = folder.path().to_owned();
    let mut contents = read_many(paths.clone()).stream();
    for (at, path) in paths.iter().enumerate() {
        let answer = contents.next().await.unwrap();
        if at == 5 || at % 10 == 0 {
            let error = answer.unwrap_err();
            let code = if at == 5 { 21 } else { 2 };
            assert_eq!(inside(&error), ("read", path.clone(), Some(code)));
        } else {
            assert_eq!(answer.unwrap(), (path.clone(), content(at)));
        }
    }
    assert!(contents.next().await.is_none());
    let error = read_many(paths.clone()).unordered().await.unwrap_err();
    assert_eq!(inside(&error).1, paths[0], "the first in order");
}

#[tokio::test]
async fn what_is_written_is_there_and_what_cant_be_says_so() {
    let folder = Folder::new();
    let names = (0..1000).map(|number| folder.file(&number.to_string()));
    let work: Vec<_> = names
        .enumerate()
        .map(|(n, path)| (path, content(n)))
        .collect();
    write_many(work.clone()).await.unwrap();
    let lens = metadata_many(
        work.iter()
            .map(|(path, _)| path.clone())
            .collect::<Vec<_>>(),
    );
    for ((path, content), metadata) in work.iter().zip(lens.await.unwrap()) {
        assert_eq!(fs::read(path).unwrap(), *content);
        assert_eq!(metadata.len(), content.len() as u64);
    }
    let full = write_many([("/dev/full", vec![0; 10])]).await.unwrap_err();
    assert_eq!(inside(&full), ("write", "/dev/full".into(), Some(28)));
}

#[tokio::test]
async fn nothing_is_asked_for_before_it_is_needed_nor_more_than_the_limit() {
    let folder = Folder::new();
    let path = folder.with("x", "x");
    let asked = Arc::new(AtomicUsize::new(0));
    let endless = std::iter::repeat_with({
        let asked = Arc::clone(&asked);
        move || {
            asked.fetch_add(1, Ordering::Relaxed);
            path.clone()
        }
    });
    let mut contents = read_many(endless).limit(10).stream();
    assert_eq!(contents.size_hint(), (usize::MAX, None));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    for taken in 0..100 {
        contents.next().await.unwrap().unwrap();
        assert!(asked.load(Ordering::Relaxed) <= taken + 11);
    }
}

#[tokio::test]
async fn size_hints_are_true_at_every_step() {
    let folder = Folder::new();
    let paths = files(&folder, 100);
    let mut contents = read_many(paths).limit(7).stream();
    for left in (0..=100).rev() {
        assert_eq!(contents.size_hint(), (left, Some(left)));
        assert_eq!(contents.next().await.is_some(), left > 0);
    }
}

#[tokio::test]
async fn each_waits_for_what_was_dropped_on_its_path() {
    let folder = Folder::new();
    for round in 0..100 {
        let paths: Vec<_> = (0..20).map(|n| folder.file(&n.to_string())).collect();
        for path in &paths {
            let mut file = open(path).mode("w").await.unwrap();
            file.write_all(format!("dropped {round}").as_bytes())
                .await
                .unwrap();
            drop(file);
        }
        for found in read_many(paths).await.unwrap() {
            assert_eq!(found, format!("dropped {round}").as_bytes());
        }
    }
}

#[tokio::test]
async fn a_cancelled_write_of_many_cant_land_after_the_next_on_its_path() {
    let folder = Folder::new();
    let path = folder.file("x");
    let big = vec![b'M'; 1 << 20];
    for round in 0..300 {
        {
            let mut cancelled = pin!(write_many([(path.clone(), big.clone())]).into_future());
            for _ in 0..=round % 3 {
                if poll_once(cancelled.as_mut()).is_ready() {
                    break;
                }
                std::thread::yield_now();
            }
        }
        write_many([(path.clone(), "end")]).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"end", "round {round}");
    }
    drained().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"end");
}

#[tokio::test]
async fn ten_thousand_at_once_are_few_descriptors() {
    let folder = Folder::new();
    let path = folder.with("x", vec![b'x'; 100_000]);
    let mut contents = read_many(vec![path; 10_000]).limit(10_000).stream();
    let mut most = 0;
    let mut sum = 0;
    while let Some(answer) = contents.next().await {
        sum += answer.unwrap().1.len();
        if sum.is_multiple_of(10_000_000) {
            most = most.max(folder.descriptors());
        }
    }
    assert_eq!(sum, 1_000_000_000);
    assert!(most <= 64, "{most} descriptors");
}

#[tokio::test]
async fn a_fifo_among_them_holds_nobody_up() {
    let folder = Folder::new();
    let mut paths = files(&folder, 200);
    let fifo = folder.fifo("fifo");
    paths.insert(0, fifo.clone());
    let mut contents = read_many(paths).unordered().stream();
    for _ in 0..200 {
        let (path, _) = contents.next().await.unwrap().unwrap();
        assert_ne!(path, fifo);
    }
    // Now it is alone; its writer lets it go.
    let writing = aio_files::write(&fifo, "through the fifo");
    let (answer, written) = tokio::join!(contents.next(), writing);
    written.unwrap();
    assert_eq!(
        answer.unwrap().unwrap(),
        (fifo, b"through the fifo".to_vec())
    );
    assert!(contents.next().await.is_none());
}

/// A path for which the kernel needs some milliseconds. It follows 40 links at most, and
/// where something is mounted meanwhile it begins anew, but goes on counting.
fn winding(folder: &Folder) -> PathBuf {
    fs::create_dir(folder.file("d")).unwrap();
    let mut last = "d".to_owned();
    for number in 0..35 {
        let target = "d/../".repeat(800) + &last;
        last = format!("link {number}");
        std::os::unix::fs::symlink(target, folder.file(&last)).unwrap();
    }
    folder.file(&last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_never_ends_leaves_threads_to_others() {
    let folder = Folder::in_memory();
    let small = folder.with("small", "content");
    let mut endless = metadata_many(std::iter::repeat(winding(&folder))).stream();
    let (said, heard) = tokio::sync::oneshot::channel();
    let taking = tokio::spawn(async move {
        let is_told = |answer: io::Result<_>| {
            let loops = |error: &io::Error| error.to_string().contains("levels of symbolic links");
            assert!(answer.as_ref().err().is_none_or(loops), "{answer:?}");
        };
        // By then it has all the threads that it can use.
        for _ in 0..500 {
            is_told(endless.next().await.unwrap());
        }
        said.send(()).unwrap();
        while let Some(answer) = endless.next().await {
            is_told(answer);
        }
    });
    heard.await.unwrap();
    let reads = async {
        for _ in 0..100 {
            assert_eq!(aio_files::read(&small).await.unwrap(), b"content");
        }
    };
    chaos::watchdog::future("a hundred reads beside it", reads).await;
    taking.abort();
}

#[test]
fn it_outlives_a_runtime() -> io::Result<()> {
    let folder = Folder::new();
    let paths = files(&folder, 500);
    let build = || tokio::runtime::Builder::new_current_thread().build();
    let mut contents = read_many(paths).stream();
    let first = build()?.block_on(contents.next()).unwrap()?;
    assert_eq!(first.1, content(0));
    let rest = build()?.block_on(async {
        let mut rest = 0;
        while let Some(answer) = contents.next().await {
            answer?;
            rest += 1;
        }
        io::Result::Ok(rest)
    })?;
    assert_eq!(rest, 499);
    Ok(())
}
