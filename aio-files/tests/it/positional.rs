//! Reads and writes at an offset.

use std::fs;
use std::io::{ErrorKind, SeekFrom};
use std::os::unix::fs::FileExt;

use aio_files::open;

use crate::folder::{Folder, inside};

const ESPIPE: Option<i32> = Some(29);
const EBADF: Option<i32> = Some(9);

#[tokio::test]
async fn they_leave_the_position_alone_and_see_what_is_buffered() {
    let folder = Folder::new();
    let path = folder.with("x", b"0123456789");
    let mut file = open(&path).read_write().await.unwrap();
    file.write_all(b"ab").await.unwrap();
    let mut four = [0; 4];
    file.read_exact_at(&mut four, 1).await.unwrap();
    assert_eq!(&four, b"b234");
    // Read ahead, then overwritten under it.
    assert_eq!(file.fill_buf().await.unwrap(), b"23456789");
    file.write_all_at(b"XY", 4).await.unwrap();
    assert_eq!(file.stream_position().await.unwrap(), 2);
    let mut rest = String::new();
    file.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "23XY6789");
    // What was written before is written before.
    file.seek(SeekFrom::Start(0)).await.unwrap();
    file.write_all(b"first").await.unwrap();
    assert_eq!(file.write_at(b"then", 0).await.unwrap(), 4);
    file.write_all(b"!").await.unwrap();
    file.close().await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"thent!6789");
}

#[tokio::test]
async fn what_can_not_be_is_refused_with_the_path_and_harms_nothing() {
    let folder = Folder::new();
    let path = folder.with("x", b"0123456789");
    let mut file = open(&path).read_write().append().await.unwrap();
    let error = file.write_at(b"x", 3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        format!(
            "write {}: a file opened for appending is written at its end alone",
            path.display()
        )
    );
    let mut two = [0; 2];
    file.read_exact_at(&mut two, 3).await.unwrap();
    assert_eq!(&two, b"34");
    file.close().await.unwrap();

    let mut file = open(&path).read_write().await.unwrap();
    for offset in [u64::MAX, 1 << 63, (1 << 63) - 1] {
        let error = file.read_at(&mut two, offset).await.unwrap_err();
        assert_eq!(
            (error.kind(), inside(&error).0),
            (ErrorKind::InvalidInput, "read")
        );
        let error = file.write_all_at(b"xy", offset).await.unwrap_err();
        assert_eq!(
            (error.kind(), inside(&error).0),
            (ErrorKind::InvalidInput, "write")
        );
    }
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let backwards = file.read_ranges(&[0..1, 5..3]).await.unwrap_err();
    assert_eq!(
        backwards.to_string(),
        format!("read {}: 5..3 ends before it starts", path.display())
    );
    let error = file.read_exact_at(&mut two, 9).await.unwrap_err();
    assert_eq!(
        (error.kind(), inside(&error).0),
        (ErrorKind::UnexpectedEof, "read")
    );
    assert_eq!(file.read_at(&mut [], 3).await.unwrap(), 0);
    assert_eq!(file.write_at(b"", 3).await.unwrap(), 0);
    file.close().await.unwrap();

    let mut reader = open(&path).await.unwrap();
    let error = reader.write_at(b"x", 0).await.unwrap_err();
    assert_eq!(inside(&error), ("write", path.clone(), EBADF));
    let mut writer = open(&path).write().await.unwrap();
    let error = writer.read_at(&mut two, 0).await.unwrap_err();
    assert_eq!(inside(&error), ("read", path.clone(), EBADF));
    let error = writer.read_ranges(&[0..1, 2..3]).await.unwrap_err();
    assert_eq!(inside(&error), ("read", path.clone(), EBADF));
    drop((reader, writer));
    assert_eq!(fs::read(&path).unwrap(), b"0123456789");
}

#[tokio::test]
async fn a_fifo_has_no_offsets_and_says_so_even_while_it_stands_still() {
    let folder = Folder::new();
    let path = folder.fifo("fifo");
    let pipe = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let mut file = open(&path).await.unwrap();
    // A read of it that waits for ever, and whose future is gone.
    assert!(crate::folder::poll_once(std::pin::pin!(file.read(&mut [0]))).is_pending());
    let refused = async {
        let error = file.read_at(&mut [0], 0).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSeekable);
        assert_eq!(inside(&error), ("read", path.clone(), ESPIPE));
        let error = file.read_ranges(&[0..1, 2..3]).await.unwrap_err();
        assert_eq!(inside(&error), ("read", path.clone(), ESPIPE));
        let error = file.write_at(b"x", 0).await.unwrap_err();
        assert_eq!(inside(&error), ("write", path.clone(), ESPIPE));
    };
    chaos::watchdog::future("refusing", refused).await;
    drop(pipe);
}

#[tokio::test]
async fn ranges_are_what_separate_reads_would_give() {
    let content: Vec<u8> = (0..700_000_u32).map(|at| (at ^ (at >> 8)) as u8).collect();
    let mut seed = 7_u64;
    let mut below = |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % bound
    };
    for root in [env!("CARGO_TARGET_TMPDIR"), "/dev/shm"] {
        let folder = Folder::below(root.as_ref());
        let path = folder.with("x", &content);
        let std = fs::File::open(&path).unwrap();
        let mut file = open(&path).await.unwrap();
        for _ in 0..300 {
            let mut ranges: Vec<_> = (0..below(20))
                .map(|_| {
                    let start = below(710_000);
                    start..start + below(30_000) * below(2)
                })
                .collect();
            if below(10) == 0 {
                ranges.push(650_000..u64::MAX);
            }
            let parts = file.read_ranges(&ranges).await.unwrap();
            assert_eq!(parts.len(), ranges.len());
            for (part, range) in parts.iter().zip(&ranges) {
                let mut into = vec![0; (range.end - range.start).min(100_000) as usize];
                let read = std.read_at(&mut into, range.start).unwrap();
                assert!(part[..] == into[..read], "{range:?} of {ranges:?}");
            }
        }
    }
}

#[tokio::test]
async fn long_ones_are_whole_and_far_ones_too() {
    let folder = Folder::below(env!("CARGO_TARGET_TMPDIR").as_ref());
    let content: Vec<u8> = (0..5_000_001_u32).map(|at| (at % 253) as u8).collect();
    let path = folder.file("x");
    // Past what 32 bits hold; the file is a hole before.
    let far = (5 << 30) + 1;
    let mut file = open(&path).mode("w+").await.unwrap();
    file.write_all_at(&content, far).await.unwrap();
    for open in [open(&path), open(&path).no_cached_reads()] {
        let mut file = open.await.unwrap();
        let mut into = vec![0; content.len()];
        file.read_exact_at(&mut into, far).await.unwrap();
        assert!(into == content);
        let mut longer = vec![1; content.len()];
        assert_eq!(
            file.read_at(&mut longer, far + 1000).await.unwrap(),
            content.len() - 1000
        );
        assert!(longer[..content.len() - 1000] == content[1000..]);
        file.seek(SeekFrom::Start(far - 1)).await.unwrap();
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).await.unwrap();
        assert!(rest[0] == 0 && rest[1..] == content);
    }
    file.close().await.unwrap();
}

#[tokio::test]
async fn bytes_of_another_file_are_sent_where_the_position_is() {
    let folder = Folder::new();
    let content: Vec<u8> = (0..700_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let from = folder.with("from", &content);
    let to = folder.file("to");
    for buffer in [0, 10, 256 * 1024] {
        let mut source = open(&from).await.unwrap();
        let mut file = open(&to).mode("w+").buffer(buffer).await.unwrap();
        file.write_all(b"before ").await.unwrap();
        assert_eq!(
            file.send_from(&mut source, 3, 600_000).await.unwrap(),
            600_000
        );
        assert_eq!(file.stream_position().await.unwrap(), 600_007);
        file.write_all(b" behind").await.unwrap();
        // Fewer at the end, and none behind it.
        assert_eq!(
            file.send_from(&mut source, 699_990, u64::MAX)
                .await
                .unwrap(),
            10
        );
        assert_eq!(file.send_from(&mut source, 800_000, 5).await.unwrap(), 0);
        assert_eq!(source.stream_position().await.unwrap(), 0);
        file.close().await.unwrap();
        let found = fs::read(&to).unwrap();
        let expected = [
            b"before ",
            &content[3..600_003],
            b" behind",
            &content[699_990..],
        ];
        assert!(found == expected.concat(), "buffer {buffer}");
    }
    // What the source has in its buffer is a part of it; appending is at the end.
    let mut source = open(&from).mode("w+").await.unwrap();
    source.write_all(b"buffered").await.unwrap();
    let mut log = open(&to).mode("a").await.unwrap();
    let len = fs::metadata(&to).unwrap().len();
    assert_eq!(log.send_from(&mut source, 0, 100).await.unwrap(), 8);
    log.close().await.unwrap();
    assert_eq!(fs::read(&to).unwrap()[len as usize..], *b"buffered");
}

#[tokio::test]
async fn what_cant_be_sent_says_which_file_it_is_about() {
    let folder = Folder::new();
    let (from, to) = (folder.with("from", "content"), folder.file("to"));
    let mut source = open(&from).await.unwrap();
    let mut reader = open(&from).await.unwrap();
    let error = reader.send_from(&mut source, 0, 1).await.unwrap_err();
    assert_eq!(inside(&error), ("write", from.clone(), Some(9)));
    let mut writer = open(&from).write().await.unwrap();
    let mut file = open(&to).mode("w").await.unwrap();
    let error = file.send_from(&mut writer, 0, 1).await.unwrap_err();
    assert_eq!(inside(&error), ("read", from.clone(), Some(9)));
    let error = file.send_from(&mut source, u64::MAX, 1).await.unwrap_err();
    assert_eq!(inside(&error), ("read", from.clone(), Some(22)));
    // Nothing was lost by that.
    assert_eq!(file.send_from(&mut source, 0, 7).await.unwrap(), 7);
    file.close().await.unwrap();
    // A full device is told again.
    let mut full = open("/dev/full").write().await.unwrap();
    for _ in 0..2 {
        let error = full.send_from(&mut source, 0, 7).await.unwrap_err();
        assert_eq!(inside(&error), ("write", "/dev/full".into(), Some(28)));
    }
    full.close().await.unwrap_err();
}
