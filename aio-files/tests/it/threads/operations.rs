//! What is done by a runtime thread while it is traced.

use std::future::poll_fn;
use std::io::{IoSlice, IoSliceMut, SeekFrom};
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::Poll;

use aio_files::{self as files, File, drained, open};
use tokio::io::AsyncBufReadExt;

use super::{Operation, op};
use crate::folder::poll_once;

/// Everything that the crate does with files.
pub(super) fn all() -> Vec<Operation> {
    let mut all = handles();
    all.extend(drops());
    all.extend(whole());
    all.extend(many());
    all.extend(super::streams::all());
    all.extend(replacing());
    all.extend(temporary());
    all
}

fn replacing() -> Vec<Operation> {
    vec![
        op("replace", |at| async move {
            files::replace(at.join("old"))
                .with(async |out| -> std::io::Result<_> { out.write_all(b"x").await })
                .await
        }),
        op("replace what is new, or behind a link", |at| async move {
            let mut file = files::replace(at.join("new")).no_clobber().await?;
            file.write_all(b"x").await?;
            file.commit().await?;
            let file = files::replace(at.join("old")).follow_link().await?;
            file.commit().await
        }),
        op("abandon and sweep", |at| async move {
            files::replace(at.join("old")).await?.abandon().await?;
            files::replace::sweep(&at).await.map(drop)
        }),
        op("drop of an atomic file", |at| async move {
            let mut file = files::replace(at.join("old")).await?;
            file.write_all(b"dirty").await?;
            drop(file);
            let mut file = files::replace(at.join("old")).await?;
            begun(file.sync_all()).await;
            drop(file);
            meanwhile(&at).await
        }),
        op(
            "drop of a replacement that was begun or answered",
            |at| async move {
                begun(files::replace(at.join("old")).into_future()).await;
                meanwhile(&at).await?;
                let mut opening = Box::pin(files::replace(at.join("old")).into_future());
                let _ = poll_once(Pin::new(&mut opening));
                meanwhile(&at).await?;
                drop(opening);
                Ok(())
            },
        ),
        op(
            "drop of a commit that was begun or answered",
            |at| async move {
                begun(files::replace(at.join("old")).await?.commit()).await;
                meanwhile(&at).await?;
                let file = files::replace(at.join("old")).await?;
                let mut commit = Box::pin(file.commit());
                let _ = poll_once(Pin::new(&mut commit));
                meanwhile(&at).await?;
                drop(commit);
                Ok(())
            },
        ),
    ]
}

fn temporary() -> Vec<Operation> {
    vec![
        op("temp_file", |at| async move {
            let mut file = files::temp_file().in_dir(&at).await?;
            file.write_all(b"x").await?;
            file.close().await?;
            let file = files::temp_file().await?;
            file.close().await
        }),
        op("keep and persist", |at| async move {
            let (file, _) = files::temp_file().in_dir(&at).await?.keep();
            drop(file);
            let file = files::temp_file().in_dir(&at).await?;
            file.persist(at.join("x")).await?.close().await?;
            let file = files::temp_file().in_dir(&at).await?;
            file.persist_new(at.join("y")).await?.close().await
        }),
        op("temp_dir", |at| async move {
            let dir = files::temp_dir().in_dir(&at).await?;
            files::write(dir.path().join("x"), "y").await?;
            dir.close().await
        }),
        op("drop of temporary things", |at| async move {
            let mut file = files::temp_file().in_dir(&at).await?;
            file.write_all(b"dirty").await?;
            drop((file, files::temp_dir().in_dir(&at).await?));
            begun(files::temp_file().in_dir(&at).into_future()).await;
            begun(files::temp_dir().in_dir(&at).into_future()).await;
            let mut file = Box::pin(files::temp_file().in_dir(&at).into_future());
            let mut dir = Box::pin(files::temp_dir().in_dir(&at).into_future());
            let _ = poll_once(Pin::new(&mut file));
            let _ = poll_once(Pin::new(&mut dir));
            meanwhile(&at).await?;
            drop((file, dir));
            meanwhile(&at).await
        }),
    ]
}

fn many() -> Vec<Operation> {
    vec![
        op("read_many", |at| async move {
            let paths = [at.join("old"), at.join("long")];
            files::read_many(paths).await.map(drop)
        }),
        op("write_many", |at| async move {
            let contents = ["new", "newer"].map(|name| (at.join(name), "x"));
            files::write_many(contents).await.map(drop)
        }),
        op("metadata_many", |at| async move {
            let paths = [at.join("old"), at.join("long")];
            files::metadata_many(paths).await.map(drop)
        }),
        op("drop of read_many after the first", |at| async move {
            let paths = std::iter::repeat_n(at.join("old"), 1000);
            let mut contents = files::read_many(paths).stream();
            contents.next().await.transpose().map(drop)
        }),
    ]
}

fn whole() -> Vec<Operation> {
    vec![
        op("read", |at| async move {
            files::read(at.join("old")).await.map(drop)
        }),
        op("read_to_string", |at| async move {
            files::read_to_string(at.join("old")).await.map(drop)
        }),
        op("write", |at| async move {
            files::write(at.join("new"), "x").await
        }),
        op("drained", |_| async { drained().await }),
        // A relative path: where it starts isn't asked here.
        op("read of a relative path", |_| async {
            drop(files::read("nothing/of/this/name").await);
            drop(open("nothing/of/this/name").write().await);
            Ok(())
        }),
    ]
}

/// Opens a file, lets it be used, and closes it.
async fn with(path: &Path, mode: &str, body: impl AsyncFnOnce(&mut File)) -> std::io::Result<()> {
    let mut file = open(path).mode(mode).await?;
    body(&mut file).await;
    file.close().await
}

/// A method, on a file that was read and one that was written before.
macro_rules! method {
    ($name:literal, |$file:ident| $call:expr) => {
        op($name, |at| async move {
            for path in [at.join("old"), at.join("long")] {
                let mut file = open(&path).read_write().buffer(4096).await?;
                file.read(&mut [0; 10]).await?;
                let $file = &mut file;
                $call?;
                file.write_all(b"dirty").await?;
                let $file = &mut file;
                $call?;
                file.close().await?;
            }
            Ok(())
        })
    };
}

fn handles() -> Vec<Operation> {
    vec![
        op("open and close", |at| async move {
            open(at.join("old")).await?.close().await
        }),
        op("Open::with", |at| async move {
            let path = at.join("new");
            open(&path)
                .mode("w")
                .with(async |file| file.write_all(b"x").await)
                .await
        }),
        op("open of nothing", |at| async move {
            assert!(open(at.join("nothing")).await.is_err());
            Ok(())
        }),
        op("reading to the end", |at| async move {
            with(&at.join("long"), "r", async |file| {
                let mut into = vec![0; 100_000];
                while file.read(&mut into).await.unwrap() > 0 {}
            })
            .await
        }),
        op("appending", |at| async move {
            with(&at.join("old"), "a+", async |file| {
                file.write_all(&[b'x'; 300_000]).await.unwrap();
                file.stream_position().await.unwrap();
                file.seek(SeekFrom::Start(0)).await.unwrap();
                file.read(&mut [0; 10]).await.unwrap();
            })
            .await
        }),
        method!("File::read", |f| f.read(&mut [0; 9000]).await),
        method!("File::read_vectored", |f| f
            .read_vectored(&mut [IoSliceMut::new(&mut [0; 9])])
            .await),
        method!("File::read_exact", |f| f.read_exact(&mut [0; 20]).await),
        method!("File::read_to_end", |f| f
            .read_to_end(&mut Vec::new())
            .await),
        method!("File::read_to_string", |f| f
            .read_to_string(&mut String::new())
            .await),
        method!("File::fill_buf", |f| f.fill_buf().await),
        method!("File::read_until", |f| f
            .read_until(b'\n', &mut Vec::new())
            .await),
        method!("File::read_line", |f| f.read_line(&mut String::new()).await),
        method!("AsyncBufReadExt::read_line", |f| {
            AsyncBufReadExt::read_line(f, &mut String::new()).await
        }),
        method!("File::read_at", |f| f.read_at(&mut [0; 4096], 50).await),
        method!("File::read_exact_at", |f| f
            .read_exact_at(&mut [0; 4], 50)
            .await),
        method!("File::read_ranges", |f| f
            .read_ranges(&[0..9, 50..60, 10_000..20_000])
            .await),
        method!("File::write", |f| f.write(&[b'x'; 5000]).await),
        method!("File::write_all", |f| f.write_all(&[b'x'; 9000]).await),
        method!("File::write_vectored", |f| f
            .write_vectored(&[IoSlice::new(b"x"), IoSlice::new(&[b'y'; 5000])])
            .await),
        method!("File::write_at", |f| f.write_at(b"x", 5).await),
        op("File::send_from", |at| async move {
            let mut source = open(at.join("long")).await?;
            let mut file = open(at.join("new")).write().create().await?;
            file.send_from(&mut source, 5, 500_000).await?;
            file.close().await
        }),
        method!("File::write_all_at", |f| f
            .write_all_at(&[b'x'; 5000], 5)
            .await),
        method!("File::flush", |f| f.flush().await),
        method!("File::seek", |f| f.seek(SeekFrom::End(-5)).await),
        method!("File::stream_position", |f| f.stream_position().await),
        method!("File::set_len", |f| f.set_len(70).await),
        method!("File::sync_all", |f| f.sync_all().await),
        method!("File::sync_data", |f| f.sync_data().await),
        method!("File::metadata", |f| f.metadata().await),
        method!("File::as_fd", |f| f.as_fd().await),
        op("File::try_clone", |at| async move {
            let mut file = open(at.join("old")).read_write().await?;
            let mut clone = file.try_clone().await?;
            drop(file);
            clone.write_all(b"dirty").await
        }),
        op("File::into_std and from_std", |at| async move {
            let path = at.join("old");
            let file = open(&path).read_write().await?.into_std().await?;
            File::from_std(file, &path).await?.close().await
        }),
    ]
}

/// Polls an operation once; whatever it has begun goes on without its future.
async fn begun<T>(operation: impl Future<Output = T>) {
    let mut operation = pin!(operation);
    poll_fn(|cx| {
        let _ = operation.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

/// Gives other threads the time to answer what nobody waits for.
async fn meanwhile(at: &Path) -> std::io::Result<()> {
    for _ in 0..20 {
        files::read(at.join("old")).await?;
    }
    Ok(())
}

fn drops() -> Vec<Operation> {
    vec![
        op("drop of a clean file", |at| async move {
            drop(open(at.join("old")).read_write().await?);
            Ok(())
        }),
        op("drop of a file that was read", |at| async move {
            let mut file = open(at.join("old")).await?;
            file.read(&mut [0; 10]).await.map(drop)
        }),
        op("drop of a dirty file", |at| async move {
            let mut file = open(at.join("old")).write().await?;
            file.write_all(b"dirty").await
        }),
        op("drop of a busy file", |at| async move {
            let mut file = open(at.join("old")).write().await?;
            file.write_all(b"dirty").await?;
            begun(file.flush()).await;
            Ok(())
        }),
        op("drop of a file whose answer has come", |at| async move {
            let mut file = open(at.join("old")).read_write().await?;
            begun(file.sync_all()).await;
            meanwhile(&at).await
        }),
        op("drop of an opening that was begun", |at| async move {
            begun(open(at.join("old")).into_future()).await;
            meanwhile(&at).await
        }),
        op("drop of an opening that was answered", |at| async move {
            let mut opening = Box::pin(open(at.join("old")).into_future());
            let _ = poll_once(Pin::new(&mut opening));
            meanwhile(&at).await?;
            drop(opening);
            Ok(())
        }),
        op("drop of what was handed over", |at| async move {
            let path = at.join("old");
            let mut file = open(&path).read_write().await?;
            // A clone that nobody takes.
            begun(file.try_clone()).await;
            meanwhile(&at).await?;
            file.read(&mut [0; 10]).await?;
            begun(file.try_clone()).await;
            meanwhile(&at).await?;
            drop(file);
            let std = open(&path).await?.into_std().await?;
            drop(File::from_std(std, &path));
            let std = open(&path).await?.into_std().await?;
            begun(File::from_std(std, &path)).await;
            let file = open(&path).await?;
            begun(async move {
                // Answered at once, it is the caller's to close.
                let file = file.into_std().await;
                std::thread::spawn(move || drop(file)).join().ok();
            })
            .await;
            meanwhile(&at).await
        }),
        op("drop of a close that was begun", |at| async move {
            let mut file = open(at.join("old")).write().await?;
            file.write_all(b"dirty").await?;
            begun(file.close()).await;
            meanwhile(&at).await
        }),
        op("drop of both ends of a FIFO", |at| async move {
            let path = at.join("fifo");
            let reader = tokio::join!(open(&path), open(&path).write());
            let (mut reader, mut writer) = (reader.0?, reader.1?);
            writer.write_all(b"dirty").await?;
            begun(reader.read(&mut [0; 100])).await;
            drop((reader, writer));
            Ok(())
        }),
    ]
}
