//! Nothing lies: a write that fails is reported by everything, for good.

use std::fs;
use std::io::{self, ErrorKind, SeekFrom};
use std::path::Path;
use std::process::Command;

use aio_files::{File, drained, open};

use crate::folder::{Folder, inside};

const ENOSPC: Option<i32> = Some(28);
const EFBIG: Option<i32> = Some(27);
const EINVAL: Option<i32> = Some(22);
const EBADF: Option<i32> = Some(9);

/// Every later call gives the error of the first, whatever it is for.
async fn reports_for_good(mut file: File, verb: &str, code: Option<i32>) {
    let path = file.path().to_owned();
    let same = |what: &str, result: io::Result<()>| {
        let error = result.expect_err(what);
        assert_eq!(
            inside(&error),
            (verb_of(verb), path.clone(), code),
            "{what}"
        );
        assert_eq!(
            error.kind(),
            io::Error::from_raw_os_error(code.unwrap()).kind()
        );
    };
    for _ in 0..2 {
        same("flush", file.flush().await);
        same("sync_all", file.sync_all().await);
        same("sync_data", file.sync_data().await);
        same("write", file.write(b"x").await.map(drop));
        same("write_all", file.write_all(b"x").await);
        same("read", file.read(&mut [0]).await.map(drop));
        same(
            "read_to_end",
            file.read_to_end(&mut Vec::new()).await.map(drop),
        );
        same("seek", file.seek(SeekFrom::Start(0)).await.map(drop));
        same("set_len", file.set_len(0).await);
        same("metadata", file.metadata().await.map(drop));
        same("fill_buf", file.fill_buf().await.map(drop));
        let mut line = String::new();
        same("read_line", file.read_line(&mut line).await.map(drop));
        same("read_exact", file.read_exact(&mut [0]).await.map(drop));
        same("read_vectored", file.read_vectored(&mut []).await.map(drop));
        same("write_vectored", file.write_vectored(&[]).await.map(drop));
        same("stream_position", file.stream_position().await.map(drop));
        same("read_at", file.read_at(&mut [0], 0).await.map(drop));
        same("read_ranges", file.read_ranges(&[]).await.map(drop));
        same("write_at", file.write_at(b"x", 0).await.map(drop));
        same("try_clone", file.try_clone().await.map(drop));
        same("as_fd", file.as_fd().await.map(drop));
    }
    same("close", file.close().await);
}

fn verb_of(verb: &str) -> &'static str {
    match verb {
        "write" => "write",
        "sync" => "sync",
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_full_disk_is_reported_by_flush_and_by_all_that_follows() {
    let mut file = open("/dev/full").write().await.unwrap();
    file.write_all(b"into the buffer").await.unwrap();
    let error = file.flush().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(inside(&error), ("write", "/dev/full".into(), ENOSPC));
    assert_eq!(
        error.to_string(),
        "write /dev/full: No space left on device (os error 28)"
    );
    reports_for_good(file, "write", ENOSPC).await;
}

#[tokio::test]
async fn a_full_disk_is_reported_by_whatever_call_meets_it_first() {
    let full = async |buffer| {
        let mut file = open("/dev/full").write().buffer(buffer).await.unwrap();
        file.write_all(b"1234").await.map(|()| file)
    };
    let code = |error: io::Error| inside(&error).2;
    // Without a buffer the write itself knows.
    assert_eq!(full(0).await.map(drop).map_err(code), Err(ENOSPC));
    // With one, the write that needs its room.
    let mut file = full(4).await.unwrap();
    assert_eq!(file.write_all(b"5").await.map_err(code), Err(ENOSPC));
    reports_for_good(file, "write", ENOSPC).await;
    for round in 0..5 {
        let mut file = full(100).await.unwrap();
        let met = match round {
            0 => file.sync_all().await,
            1 => file.sync_data().await,
            2 => file.metadata().await.map(drop),
            3 => file.seek(SeekFrom::Start(0)).await.map(drop),
            _ => {
                assert_eq!(file.close().await.map_err(code), Err(ENOSPC));
                continue;
            }
        };
        assert_eq!(met.map_err(code), Err(ENOSPC), "round {round}");
        reports_for_good(file, "write", ENOSPC).await;
    }
}

#[tokio::test]
async fn a_failed_sync_is_never_followed_by_ok() {
    // A FIFO can't be synced: the error is real, and the second time it is ours.
    let folder = Folder::new();
    let path = folder.fifo("fifo");
    let _reader = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let mut file = open(&path).write().await.unwrap();
    let error = file.sync_all().await.unwrap_err();
    assert_eq!(inside(&error), ("sync", path, EINVAL));
    reports_for_good(file, "sync", EINVAL).await;
}

#[test]
fn a_file_size_limit_is_reported_with_its_code_and_what_fits_is_there() {
    const CHILD: &str = "AIO_FILES_LIMITED";
    const NAME: &str = "truth::a_file_size_limit_is_reported_with_its_code_and_what_fits_is_there";
    if let Some(path) = std::env::var_os(CHILD) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(in_a_limited_process(Path::new(&path)));
        return;
    }
    let folder = Folder::new();
    let path = folder.file("limited");
    // Ignored signals stay ignored in the program that the shell becomes.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{failed}"
    );
    let written = fs::read(&path).unwrap();
    assert!(!written.is_empty() && written.len() <= 64 * 1024);
    assert!(written.iter().all(|&byte| byte == b'x'));
}

async fn in_a_limited_process(path: &Path) {
    let mut file = open(path).mode("w").await.unwrap();
    let error = file.write_all(&vec![b'x'; 1 << 20]).await.unwrap_err();
    assert_eq!(inside(&error), ("write", path.to_owned(), EFBIG));
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    reports_for_good(file, "write", EFBIG).await;
}

#[tokio::test]
async fn what_a_file_was_not_opened_for_is_refused_at_once_and_harms_nothing() {
    let folder = Folder::new();
    let path = folder.with("x", "old");
    let mut reader = open(&path).await.unwrap();
    for _ in 0..2 {
        let error = reader.write_all(b"new").await.unwrap_err();
        assert_eq!(inside(&error), ("write", path.clone(), EBADF));
    }
    reader.flush().await.unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "old");
    reader.close().await.unwrap();

    let mut writer = open(&path).write().await.unwrap();
    let error = writer.read(&mut [0; 4]).await.unwrap_err();
    assert_eq!(inside(&error), ("read", path.clone(), EBADF));
    let error = writer.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(inside(&error), ("read", path.clone(), EBADF));
    writer.write_all(b"new").await.unwrap();
    writer.close().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn drained_reports_what_a_dropped_file_could_not_say() {
    chaos::alone!();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        for _ in 0..2 {
            let mut file = open("/dev/full").write().await.unwrap();
            file.write_all(b"lost").await.unwrap();
            drop(file);
            let error = drained().await.unwrap_err();
            assert_eq!(inside(&error), ("write", "/dev/full".into(), ENOSPC));
            // Each error is told once.
            drained().await.unwrap();
        }
        // What somebody was told isn't told again.
        let mut file = open("/dev/full").write().await.unwrap();
        file.write_all(b"lost").await.unwrap();
        file.flush().await.unwrap_err();
        drop(file);
        drained().await.unwrap();
        let mut file = open("/dev/full").write().await.unwrap();
        file.write_all(b"lost").await.unwrap();
        file.close().await.unwrap_err();
        drained().await.unwrap();
        // A flush or a close whose future is gone had nobody to tell.
        for round in 0..20 {
            let mut file = open("/dev/full").write().await.unwrap();
            file.write_all(b"lost").await.unwrap();
            let told = if round % 2 == 0 {
                let told = crate::folder::poll_once(std::pin::pin!(file.flush())).is_ready();
                drop(file);
                told
            } else {
                let close = std::pin::pin!(file.close());
                crate::folder::poll_once(close).is_ready()
            };
            // The job may have been faster than the poll: then it was told.
            match drained().await {
                Ok(()) => assert!(told, "round {round}"),
                Err(error) => assert_eq!((told, inside(&error).2), (false, ENOSPC)),
            }
        }
        drained().await.unwrap();
    });
}
