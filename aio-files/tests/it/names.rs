//! Beside tokio's extension traits: the same names mean the same, and what only
//! they have works on a file.

use std::io::SeekFrom;

use aio_files::open;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::folder::Folder;

#[tokio::test]
async fn inherent_methods_take_what_the_traits_take() {
    let folder = Folder::new();
    let path = folder.file("x");
    let mut file = open(&path).mode("w+").await.unwrap();
    // With the traits imported these are still ours; called by the trait's name, theirs.
    file.write_all(b"one\n").await.unwrap();
    AsyncWriteExt::write_all(&mut file, b"two\n").await.unwrap();
    file.flush().await.unwrap();
    AsyncWriteExt::flush(&mut file).await.unwrap();
    assert_eq!(
        AsyncSeekExt::seek(&mut file, SeekFrom::Start(0))
            .await
            .unwrap(),
        0
    );
    let mut bytes = [0; 2];
    assert_eq!(AsyncReadExt::read(&mut file, &mut bytes).await.unwrap(), 2);
    let mut text = String::new();
    AsyncReadExt::read_to_string(&mut file, &mut text)
        .await
        .unwrap();
    assert_eq!(text, "e\ntwo\n");
    file.rewind().await.unwrap();
    assert_eq!(file.stream_position().await.unwrap(), 0);
    let mut line = String::new();
    file.read_line(&mut line).await.unwrap();
    assert_eq!(line, "one\n");
    assert_eq!(file.stream_position().await.unwrap(), 4);
    file.shutdown().await.unwrap();
    file.write_all(b"after").await.unwrap();
    file.rewind().await.unwrap();
    let mut lines = file.lines();
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        all.push(line);
    }
    assert_eq!(all, ["one", "after"]);
    let mut file = lines.into_inner();
    file.rewind().await.unwrap();
    let mut three = Vec::new();
    file.take(3).read_to_end(&mut three).await.unwrap();
    assert_eq!(three, b"one");
}

#[tokio::test]
async fn tokio_copies_from_file_to_file() {
    let folder = Folder::new();
    let content: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (from, to) = (folder.with("from", &content), folder.file("to"));
    for buffer in [0, 1000, 256 * 1024] {
        let mut reader = open(&from).buffer(buffer).await.unwrap();
        let mut writer = open(&to).mode("w").buffer(buffer).await.unwrap();
        let copied = tokio::io::copy_buf(&mut reader, &mut writer).await.unwrap();
        assert_eq!(copied, 1_000_000);
        writer.close().await.unwrap();
        assert!(std::fs::read(&to).unwrap() == content);
    }
}
