//! Sockets and files go on beside whatever is cut.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;

use aio_files::{drained, lines, lock, metadata_many, open, os, read, replace, write, write_many};
use chaos::watchdog;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::folder::{Folder, poll_once};

/// A connection to an echo that runs as a task of this runtime.
async fn echo() -> io::Result<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (mut server, _) = listener.accept().await?;
    tokio::spawn(async move {
        let (mut from, mut to) = server.split();
        tokio::io::copy(&mut from, &mut to).await
    });
    Ok(client)
}

type Operation = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// Each of another kind; some of them stand still for ever.
fn operations(file: &Path, fifo: &Path) -> Vec<Operation> {
    let (file, fifo) = (file.to_owned(), fifo.to_owned());
    let megabyte = || vec![b'M'; 1 << 20];
    vec![
        Box::pin({
            let file = file.clone();
            async move { open(file).await.map(drop) }
        }),
        Box::pin({
            let file = file.clone();
            async move { read(file).await.map(drop) }
        }),
        Box::pin(write(file.clone(), megabyte())),
        Box::pin({
            let file = file.clone();
            async move {
                let mut file = open(file).mode("r+").await?;
                file.write_all(&megabyte()).await?;
                file.sync_all().await
            }
        }),
        Box::pin({
            let file = file.clone();
            async move { write_many([(file, megabyte())]).await.map(drop) }
        }),
        Box::pin({
            let file = file.clone();
            async move { metadata_many([file]).await.map(drop) }
        }),
        Box::pin({
            let file = file.clone();
            async move { replace(file).await?.commit().await }
        }),
        Box::pin({
            let copy = file.with_extension("copy");
            async move { os::copy(file, copy).await.map(drop) }
        }),
        // Held by the test.
        Box::pin({
            let held = fifo.with_extension("lock");
            async move { lock(held).await?.release().await }
        }),
        Box::pin({
            let fifo = fifo.clone();
            async move { lines(fifo).await.map(drop) }
        }),
        Box::pin({
            let fifo = fifo.clone();
            async move { open(fifo).await.map(drop) }
        }),
        Box::pin(write(fifo, "nobody reads it")),
    ]
}

#[tokio::test]
async fn a_socket_and_a_file_beside_every_cut_operation() {
    let folder = Folder::new();
    let cut = folder.with("cut", "content");
    let beside = folder.file("beside");
    let mut socket = echo().await.unwrap();
    let mut cuts = 0_u32;
    for polls in 0..6 {
        let fifo = folder.fifo(&format!("fifo{polls}"));
        let held = lock(fifo.with_extension("lock")).await.unwrap();
        for mut operation in operations(&cut, &fifo) {
            for _ in 0..polls {
                if poll_once(operation.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(operation);
            cuts += 1;
            let goes_on = async {
                let number = cuts.to_le_bytes();
                socket.write_all(&number).await.unwrap();
                let mut answer = [0; 4];
                socket.read_exact(&mut answer).await.unwrap();
                assert_eq!(answer, number);
                write(&beside, number).await.unwrap();
                assert_eq!(read(&beside).await.unwrap(), number);
            };
            watchdog::future("a socket and a file", goes_on).await;
        }
        // Whoever stands at the FIFO still can go.
        let freed = open(&fifo).mode("r+").await.unwrap();
        watchdog::future("drained", drained()).await.unwrap();
        drop(freed);
        held.release().await.unwrap();
    }
    folder.closed().await;
    println!("cuts={cuts}");
}
