//! Dropped files lose nothing, and whoever comes next waits for them.

use std::fs;

use aio_files::{drained, open};

use crate::folder::Folder;

async fn two_thousand_rounds() {
    const ROUNDS: u32 = 2000;
    let folder = Folder::new();
    let path = folder.file("x");
    let mut found = 0;
    for round in 0..ROUNDS {
        let mut file = open(&path).mode("w").await.unwrap();
        let content = format!("round {round}");
        file.write_all(content.as_bytes()).await.unwrap();
        drop(file);
        drained().await.unwrap();
        found += u32::from(fs::read(&path).unwrap() == content.as_bytes());
    }
    assert_eq!(found, ROUNDS);
    assert_eq!(folder.descriptors(), 0, "drained means closed");
    println!("rounds={ROUNDS} lost=0");
}

#[tokio::test]
async fn write_drop_drained_read_on_one_thread() {
    two_thousand_rounds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_drop_drained_read_on_two_threads() {
    tokio::spawn(two_thousand_rounds()).await.unwrap();
}

#[tokio::test]
async fn a_later_open_of_the_path_waits_for_the_dropped_file() {
    let folder = Folder::new();
    fs::create_dir(folder.file("sub")).unwrap();
    for round in 0..500 {
        let path = folder.file("x");
        let mut file = open(&path).mode("w").await.unwrap();
        file.write_all(b"dropped").await.unwrap();
        drop(file);
        // The same path by another spelling.
        let again = match round % 3 {
            0 => path,
            1 => folder.file("./x"),
            _ => folder.file("sub/../x"),
        };
        let mut text = String::new();
        let mut file = open(&again).await.unwrap();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "dropped", "round {round}");
    }
}

#[tokio::test]
async fn dropped_files_are_written_in_the_order_of_their_drops() {
    let folder = Folder::new();
    let path = folder.with("x", "");
    for round in 0..200 {
        // As many as there are shared threads: on those, any could be the last.
        let mut files = Vec::new();
        for name in b'a'..=b'p' {
            let mut file = open(&path).write().await.unwrap();
            file.write_all(&[name; 100]).await.unwrap();
            files.push(file);
        }
        files.into_iter().for_each(drop);
        drained().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), [b'p'; 100], "round {round}");
    }
}

#[test]
fn a_file_may_be_dropped_outside_of_any_runtime_and_after_it_has_ended() {
    let folder = Folder::new();
    let path = folder.file("x");
    let build = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let runtime = build();
    let file = runtime.block_on(async {
        let mut file = open(&path).mode("w").await.unwrap();
        file.write_all(b"survives").await.unwrap();
        file
    });
    drop(runtime);
    std::thread::spawn(move || drop(file)).join().unwrap();
    build().block_on(drained()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"survives");
}

#[test]
fn a_panic_drops_the_file_like_any_other() {
    let folder = Folder::new();
    let path = folder.file("x");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let task = runtime.spawn({
        let path = path.clone();
        async move {
            let mut file = open(&path).mode("w").await.unwrap();
            file.write_all(b"before").await.unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    });
    assert!(runtime.block_on(task).unwrap_err().is_panic());
    runtime.block_on(drained()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"before");
}

#[tokio::test]
async fn drained_without_dropped_files_is_ready_at_once_even_with_open_ones() {
    let folder = Folder::new();
    let mut file = open(folder.file("x")).mode("w").await.unwrap();
    file.write_all(b"still mine").await.unwrap();
    // An open file's buffer is its owner's, and nothing to wait for.
    chaos::watchdog::future("drained", drained()).await.unwrap();
    file.close().await.unwrap();
}
