//! What may cross threads.

use aio_files::chunks::{Chunks, ReadChunks};
use aio_files::lines::{AllLines, LineBytes, Lines, Position, ReadLineBytes, ReadLines};
use aio_files::lock::{FileLock, Lock, LockFuture};
use aio_files::many::{Answers, Many, ManyFuture};
use aio_files::open::{Open, OpenFuture};
use aio_files::os::{self, Access, Entries, Entry, FileSystem, ReadDir, ReadDirFuture, Times};
use aio_files::replace::{AtomicFile, Replace, ReplaceFuture, sweep};
use aio_files::stdio::{AllStdinLines, Output, ReadStdinChunks, ReadStdinLines, Stdin};
use aio_files::stdio::{StdinChunks, StdinLines, stdin, stdout};
use aio_files::temp::{
    CreateTempDir, CreateTempDirFuture, CreateTempFile, CreateTempFileFuture, TempDir, TempFile,
};
use aio_files::{File, PathError, drained, lock, open};

chaos::auto_traits! {
    File: Send, Sync, Unpin;
    Open: Send, Sync, Unpin;
    OpenFuture: Send, Sync, Unpin;
    PathError: Send, Sync, Unpin;
    Replace: Send, Sync, Unpin;
    ReplaceFuture: Send, Sync, Unpin;
    AtomicFile: Send, Sync, Unpin;
    CreateTempFile: Send, Sync, Unpin;
    CreateTempFileFuture: Send, Sync, Unpin;
    TempFile: Send, Sync, Unpin;
    CreateTempDir: Send, Sync, Unpin;
    CreateTempDirFuture: Send, Sync, Unpin;
    TempDir: Send, Sync, Unpin;
    // They hold the caller's iterator, which needn't be shared.
    Many<u8>: Send, !Sync, Unpin;
    ManyFuture<u8>: Send, !Sync, Unpin;
    Answers<u8>: Send, !Sync, Unpin;
    Lock: Send, Sync, Unpin;
    LockFuture: Send, Sync, Unpin;
    FileLock: Send, Sync, Unpin;
    Stdin: Send, Sync, Unpin;
    ReadStdinLines: Send, Sync, Unpin;
    AllStdinLines<String>: Send, Sync, Unpin;
    ReadStdinChunks: Send, Sync, Unpin;
    StdinChunks: Send, Sync, Unpin;
    StdinLines: Send, Sync, Unpin;
    Output: Send, Sync, Unpin;
    ReadChunks: Send, Sync, Unpin;
    Chunks: Send, Sync, Unpin;
    ReadLines: Send, Sync, Unpin;
    ReadLineBytes: Send, Sync, Unpin;
    AllLines<String>: Send, Sync, Unpin;
    Lines: Send, Sync, Unpin;
    LineBytes: Send, Sync, Unpin;
    Position: Send, Sync, Unpin;
    Access: Send, Sync, Unpin;
    Entries: Send, Sync, Unpin;
    Entry: Send, Sync, Unpin;
    FileSystem: Send, Sync, Unpin;
    ReadDir: Send, Sync, Unpin;
    ReadDirFuture: Send, Sync, Unpin;
    Times: Send, Sync, Unpin;
}

#[test]
fn every_future_can_be_spawned() {
    drop(chaos::assert_send(drained()));
    drop(chaos::assert_send(aio_files::read("x")));
    drop(chaos::assert_send(aio_files::read_to_string("x")));
    drop(chaos::assert_send(aio_files::write("x", "y")));
    drop(chaos::assert_send(open("x").into_future()));
    drop(chaos::assert_send(open("x").with(
        async |file| -> std::io::Result<()> { file.write_all(b"x").await },
    )));
    drop(chaos::assert_send(lock("x").into_future()));
    drop(chaos::assert_send(lock("x").with(
        async |lock| -> std::io::Result<()> { lock.path().try_exists().map(drop) },
    )));
    drop(chaos::assert_send(async {
        lock("x").await?.release().await
    }));
    drop(chaos::assert_send(async {
        stdin().read(&mut [0]).await?;
        stdin().read_line(&mut String::new()).await?;
        stdin().read_to_end(&mut Vec::new()).await?;
        stdin().read_to_string(&mut String::new()).await?;
        stdin().lines().await?;
        stdin().peek(1).await?;
        stdin().chunks().stream().next().await;
        stdin().lines().bytes().stream().next().await;
        stdout().write_all(b"x").await?;
        stdout().flush().await
    }));
    drop(chaos::assert_send(async {
        aio_files::chunks("x").stream().next().await;
        aio_files::lines("x").stream().next().await;
        aio_files::lines("x").bytes().stream().next().await;
    }));
    drop(chaos::assert_send(async {
        let mut file = open("x").await?;
        file.read(&mut [0]).await?;
        file.read_to_end(&mut Vec::new()).await?;
        file.read_to_string(&mut String::new()).await?;
        file.write(b"x").await?;
        file.flush().await?;
        file.seek(std::io::SeekFrom::Start(0)).await?;
        file.sync_all().await?;
        file.sync_data().await?;
        file.set_len(0).await?;
        file.metadata().await?;
        file.read_vectored(&mut []).await?;
        file.read_exact(&mut []).await?;
        file.fill_buf().await?;
        file.read_until(b'x', &mut Vec::new()).await?;
        file.read_line(&mut String::new()).await?;
        file.read_at(&mut [], 0).await?;
        file.read_exact_at(&mut [], 0).await?;
        file.read_ranges(&[]).await?;
        file.write_vectored(&[]).await?;
        file.write_at(b"x", 0).await?;
        file.write_all_at(b"x", 0).await?;
        file.send_from(&mut open("y").await?, 0, 1).await?;
        file.stream_position().await?;
        file.as_fd().await?;
        file.try_clone().await?.into_std().await?;
        let std = std::fs::File::open("x")?;
        drop(File::from_std(std, "x").await?);
        file.close().await
    }));
    drop(chaos::assert_send(sweep("x")));
    drop(chaos::assert_send(async {
        aio_files::replace("x")
            .with(async |out| -> std::io::Result<()> { out.write_all(b"x").await })
            .await?;
        aio_files::replace("x").await?.commit().await?;
        aio_files::replace("x").await?.abandon().await
    }));
    drop(chaos::assert_send(async {
        aio_files::temp_file()
            .with(async |file| -> std::io::Result<()> { file.write_all(b"x").await })
            .await?;
        let file = aio_files::temp_file().await?.persist("x").await?;
        file.close().await?;
        let file = aio_files::temp_file().await?.persist_new("x").await?;
        file.close().await?;
        aio_files::temp_file().await?.close().await
    }));
    drop(chaos::assert_send(async {
        aio_files::temp_dir()
            .with(async |dir| -> std::io::Result<()> { aio_files::write(dir.path(), "").await })
            .await?;
        aio_files::temp_dir().await?.close().await
    }));
}

#[test]
fn operations_on_paths_can_be_spawned() {
    drop(chaos::assert_send(async {
        os::metadata("x").await?;
        os::symlink_metadata("x").await?;
        os::exists("x").await?;
        os::is_file("x").await?;
        os::is_dir("x").await?;
        os::is_symlink("x").await?;
        os::is_mount("x").await?;
        os::same_file("x", "y").await?;
        os::access("x", Access::Read).await?;
        os::statvfs("x").await?;
        os::list_dir("x").await?;
        os::read_dir("x").await?[0].metadata().await?;
        os::read_dir("x").stream().next().await;
        os::create_dir("x").await?;
        os::create_dir_all("x").await?;
        os::hard_link("x", "y").await?;
        os::symlink("x", "y").await?;
        os::copy("x", "y").await?;
        os::rename("x", "y").await?;
        os::renames("x", "y").await?;
        os::remove_file("x").await?;
        os::remove_dir("x").await?;
        os::remove_dirs("x").await?;
        os::remove_dir_all("x").await?;
        os::set_times("x", Times::default()).await?;
        let permissions = os::metadata("x").await?.permissions();
        os::set_permissions("x", permissions).await?;
        os::read_link("x").await?;
        os::canonicalize("x").await?;
        os::absolute("x").await?;
        os::current_dir().await
    }));
}
