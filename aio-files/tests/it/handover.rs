//! Files that come from std and go there, and second handles.

use std::fs;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

use aio_files::{File, drained, open};

use crate::folder::{Folder, inside};

#[tokio::test]
async fn a_file_of_std_goes_on_where_it_was_and_may_do_what_it_could() {
    let folder = Folder::new();
    let path = folder.with("x", b"0123456789");
    let mut std = fs::File::open(&path).unwrap();
    std.read_exact(&mut [0; 4]).unwrap();
    let mut file = File::from_std(std, &path).await.unwrap();
    assert_eq!(file.path(), path);
    let mut rest = String::new();
    file.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "456789");
    let error = file.write_all(b"x").await.unwrap_err();
    assert_eq!(inside(&error), ("write", path.clone(), Some(9)));

    let std = fs::OpenOptions::new().append(true).open(&path).unwrap();
    let mut file = File::from_std(std, &path).await.unwrap();
    assert!(file.read(&mut [0]).await.is_err());
    file.write_all(b"ab").await.unwrap();
    assert_eq!(file.stream_position().await.unwrap(), 12);
    file.close().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"0123456789ab");
}

#[tokio::test]
async fn std_goes_on_where_the_file_was() {
    let folder = Folder::new();
    let path = folder.with("x", b"0123456789");
    let mut file = open(&path).read_write().await.unwrap();
    // Much more was read ahead than was asked for.
    file.read_exact(&mut [0; 3]).await.unwrap();
    let mut std = file.into_std().await.unwrap();
    assert_eq!(std.stream_position().unwrap(), 3);
    let mut file = File::from_std(std, &path).await.unwrap();
    file.write_all(b"buffered").await.unwrap();
    std = file.into_std().await.unwrap();
    std.write_all(b"!").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"012buffered!");
    drop(std);
    assert_eq!(folder.descriptors(), 0);
}

#[tokio::test]
async fn what_was_read_ahead_of_a_fifo_is_not_lost_in_silence() {
    let folder = Folder::new();
    let path = folder.fifo("fifo");
    let mut pipe = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    pipe.write_all(b"ab").unwrap();
    let mut file = open(&path).await.unwrap();
    file.read_exact(&mut [0]).await.unwrap();
    let error = file.into_std().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        format!(
            "hand over {}: 1 bytes that were read ahead would be lost: read them first",
            path.display()
        )
    );
    pipe.write_all(b"cd").unwrap();
    let mut file = open(&path).await.unwrap();
    file.read_exact(&mut [0; 2]).await.unwrap();
    pipe.write_all(b"e").unwrap();
    let mut byte = [0];
    file.into_std()
        .await
        .unwrap()
        .read_exact(&mut byte)
        .unwrap();
    assert_eq!(&byte, b"e");
    drop(pipe);
    folder.closed().await;
}

#[tokio::test]
async fn a_clone_sees_what_was_written_and_has_its_own_position() {
    let folder = Folder::new();
    let path = folder.with("x", b"0123456789");
    let mut file = open(&path).read_write().await.unwrap();
    file.write_all(b"ab").await.unwrap();
    let mut clone = file.try_clone().await.unwrap();
    let mut rest = String::new();
    clone.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "23456789");
    assert_eq!(file.stream_position().await.unwrap(), 2);
    file.write_all(b"cd").await.unwrap();
    file.close().await.unwrap();
    clone.write_all(b"end").await.unwrap();
    clone.close().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"abcd456789end");
    // A clone that is only dropped is drained as any file.
    let mut file = open(&path).write().await.unwrap();
    let mut clone = file.try_clone().await.unwrap();
    file.close().await.unwrap();
    clone.write_all(b"last").await.unwrap();
    drop(clone);
    drained().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"last456789end");
    assert_eq!(folder.descriptors(), 0);
}

#[tokio::test]
async fn a_lent_descriptor_is_where_the_file_is_and_what_it_changes_is_seen() {
    let folder = Folder::new();
    let path = folder.with("x", b"0123456789");
    let mut file = open(&path).read_write().await.unwrap();
    assert_eq!(file.fill_buf().await.unwrap(), b"0123456789");
    file.consume(1);
    file.write_all(b"ab").await.unwrap();
    {
        let fd = file.as_fd().await.unwrap();
        let mut std = fs::File::from(fd.try_clone_to_owned().unwrap());
        assert_eq!(std.stream_position().unwrap(), 3);
        assert_eq!(std.metadata().unwrap().len(), 10);
        std.write_all(b"XYZ").unwrap();
    }
    // Its own position is where it was, and nothing old is read.
    assert_eq!(file.stream_position().await.unwrap(), 3);
    let mut rest = String::new();
    file.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "XYZ6789");
    file.seek(SeekFrom::Start(0)).await.unwrap();
    rest.clear();
    file.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "0abXYZ6789");
}
