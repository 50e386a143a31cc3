//! Lines through the public interface: the rules, the errors, what is read.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use aio_files::PathError;
use aio_files::lines::{LineBytes, Lines};
use bytes::Bytes;
use futures_core::Stream;
use futures_core::stream::FusedStream;

use crate::sources::{self, everywhere, forget_pages};

/// All that is left, or the first error.
async fn rest(mut lines: Lines) -> io::Result<Vec<String>> {
    let mut all = Vec::new();
    while let Some(line) = lines.next().await {
        all.push(line?);
    }
    assert!(lines.next().await.is_none());
    assert!(lines.is_terminated());
    Ok(all)
}

async fn rest_bytes(mut lines: LineBytes) -> io::Result<Vec<Bytes>> {
    let mut all = Vec::new();
    while let Some(line) = lines.next().await {
        all.push(line?);
    }
    assert!(lines.is_terminated());
    Ok(all)
}

/// Lines of all lengths, some longer than what is read at once.
fn text(lines: usize) -> String {
    let mut text = String::new();
    for line in 0..lines {
        let len = match line % 997 {
            0 => 300_000,
            1 => 0,
            rest => (line * 31 + rest) % 120,
        };
        text.push_str(&format!("{line} "));
        text.extend("äb🦀c".chars().cycle().take(len));
        text.push_str(if line % 3 == 0 { "\r\n" } else { "\n" });
    }
    text.push_str("the last has no end");
    text
}

#[tokio::test]
async fn lent_lines_are_those_that_are_given() {
    everywhere(async |folder| {
        let path = folder.join("x");
        let mut content = text(3000).into_bytes();
        // Wrong in some lines, so that each of those of a block is looked at.
        for at in (1000..content.len()).step_by(7_001) {
            content[at] = 0xff;
        }
        fs::write(&path, &content).unwrap();
        let mut given = aio_files::lines(&path).max_len(1 << 20).stream();
        let mut lent = aio_files::lines(&path).max_len(1 << 20).stream();
        let mut wrong = 0;
        while let Some(given_line) = given.next().await {
            let lent_line = lent.next_ref().await.unwrap();
            match (given_line, lent_line) {
                (Ok(given), Ok(lent)) => assert_eq!(given, lent),
                (Err(given), Err(lent)) => {
                    assert_eq!(given.to_string(), lent.to_string());
                    wrong += 1;
                }
                (given, lent) => panic!("{given:?} but {lent:?}"),
            }
            assert_eq!(given.position(), lent.position());
        }
        assert!(lent.next_ref().await.is_none());
        assert!(wrong > 10);
        let mut given = aio_files::lines(&path).bytes().stream();
        let mut lent = aio_files::lines(&path).bytes().stream();
        while let Some(line) = given.next().await {
            assert_eq!(line.unwrap(), lent.next_ref().await.unwrap().unwrap());
        }
        assert!(lent.next_ref().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn all_at_once_and_one_after_another_are_what_std_reads() {
    everywhere(async |folder| {
        let path = folder.join("x");
        let text = text(3000);
        fs::write(&path, &text).unwrap();
        let expected: Vec<_> = text.lines().collect();
        assert!(aio_files::lines(&path).await.unwrap() == expected);
        let bytes = aio_files::lines(&path).bytes().await.unwrap();
        assert!(bytes == expected);
        for cached in [true, false] {
            if !cached {
                forget_pages(&path);
            }
            let lines = rest(aio_files::lines(&path).stream()).await.unwrap();
            assert!(lines == expected, "cached: {cached}");
        }
        forget_pages(&path);
        let lines = aio_files::lines(&path).bytes().stream();
        assert!(rest_bytes(lines).await.unwrap() == expected);
        let kept = aio_files::lines(&path).keep_ends();
        let expected: Vec<_> = text.split_inclusive('\n').collect();
        assert!(kept.clone().await.unwrap() == expected);
        assert!(kept.clone().bytes().await.unwrap() == expected);
        assert!(rest(kept.clone().stream()).await.unwrap() == expected);
        assert!(rest_bytes(kept.bytes().stream()).await.unwrap() == expected);
    })
    .await;
}

#[tokio::test]
async fn small_files_and_empty_ones() {
    everywhere(async |folder| {
        let path = folder.join("x");
        for (content, expected) in [
            (&b""[..], vec![]),
            (b"\n", vec![""]),
            (b"\xEF\xBB\xBF", vec![]),
            (b"\xEF\xBB\xBFa\r\n\r\nb\r", vec!["a", "", "b\r"]),
        ] {
            fs::write(&path, content).unwrap();
            assert_eq!(aio_files::lines(&path).await.unwrap(), expected);
            let lines = rest(aio_files::lines(&path).stream()).await.unwrap();
            assert_eq!(lines, expected);
        }
        // Bytes are what is in the file.
        fs::write(&path, b"\xEF\xBB\xBFa\n\xFF").unwrap();
        let expected = [&b"\xEF\xBB\xBFa"[..], b"\xFF"];
        assert_eq!(aio_files::lines(&path).bytes().await.unwrap(), expected);
        let lines = aio_files::lines(&path).bytes().stream();
        assert_eq!(rest_bytes(lines).await.unwrap(), expected);
    })
    .await;
}

#[tokio::test]
async fn files_that_say_that_they_are_empty_have_lines() {
    let expected = fs::read_to_string("/proc/self/limits").unwrap();
    let lines = rest(aio_files::lines("/proc/self/limits").stream()).await;
    assert!(lines.unwrap().iter().eq(expected.lines()));
}

/// The line and the offset inside an error, and what it says behind its path.
fn place(error: &io::Error, path: &Path) -> (Option<u64>, Option<u64>, String) {
    let inside = PathError::of(error).unwrap();
    assert_eq!((inside.verb(), inside.path()), ("read", path));
    let said = error.to_string();
    let start = format!("read {}", path.display());
    let said = said.strip_prefix(&start).unwrap();
    (inside.line(), inside.offset(), said.to_owned())
}

#[tokio::test]
async fn a_line_that_is_wrong_is_one_error_with_its_place_and_the_next_ones_come() {
    everywhere(async |folder| {
        let path = folder.join("x");
        let mut content = b"\xEF\xBB\xBFone\r\ntw\xFFo\n".to_vec();
        content.extend(vec![b'x'; 600_000]);
        content.extend(b"\nfour\n\xF0\x9F");
        fs::write(&path, &content).unwrap();
        let mut lines = aio_files::lines(&path).max_len(300_000).stream();
        let at = |lines: &Lines| (lines.position().line, lines.position().offset);
        assert_eq!(at(&lines), (0, 0));
        assert_eq!(lines.next().await.unwrap().unwrap(), "one");
        assert_eq!(at(&lines), (1, 3));

        let error = lines.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let said = " at line 2, byte 10: not UTF-8".to_owned();
        assert_eq!(place(&error, &path), (Some(2), Some(10), said));
        assert_eq!(at(&lines), (2, 8));

        let error = lines.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let said = " at line 3, byte 13: a line of more than 300000 bytes".to_owned();
        assert_eq!(place(&error, &path), (Some(3), Some(13), said));
        assert_eq!(at(&lines), (3, 13));

        assert_eq!(lines.next().await.unwrap().unwrap(), "four");
        assert_eq!(at(&lines), (4, 600_014));
        let error = lines.next().await.unwrap().unwrap_err();
        let said = " at line 5, byte 600019: not UTF-8".to_owned();
        assert_eq!(place(&error, &path), (Some(5), Some(600_019), said));
        assert!(!lines.is_terminated());
        assert!(lines.next().await.is_none());
        assert!(lines.is_terminated());
        assert_eq!(lines.size_hint(), (0, Some(0)));
        assert_eq!(at(&lines), (5, 600_019));

        // All at once, it is the first that is told.
        let error = aio_files::lines(&path).await.unwrap_err();
        let said = " at line 2, byte 10: not UTF-8".to_owned();
        assert_eq!(place(&error, &path), (Some(2), Some(10), said));
        let bytes = aio_files::lines(&path).bytes().max_len(300_000);
        let error = bytes.clone().await.unwrap_err();
        assert_eq!(place(&error, &path).1, Some(13));
        let mut lines = bytes.stream();
        let mut found = Vec::new();
        while let Some(line) = lines.next().await {
            found.push((lines.position().offset, line.is_ok()));
        }
        let expected = [
            (0, true),
            (8, true),
            (13, false),
            (600_014, true),
            (600_019, true),
        ];
        assert_eq!(found, expected);
    })
    .await;
}

#[tokio::test]
async fn what_can_not_be_opened_or_read_is_the_only_item() {
    let folder = sources::on_disk();
    let missing = folder.path().join("missing");
    let mut lines = aio_files::lines(&missing).stream();
    assert_eq!(lines.size_hint(), (0, None));
    assert!(!lines.is_terminated());
    let error = lines.next().await.unwrap().unwrap_err();
    assert_eq!(
        crate::folder::inside(&error),
        ("open", missing.clone(), Some(2))
    );
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(lines.next().await.is_none() && lines.next().await.is_none());
    let error = aio_files::lines(&missing).await.unwrap_err();
    assert_eq!(crate::folder::inside(&error), ("open", missing, Some(2)));

    let mut lines = aio_files::lines(folder.path()).bytes().stream();
    let error = lines.next().await.unwrap().unwrap_err();
    let inside = PathError::of(&error).unwrap();
    assert_eq!((inside.verb(), inside.path()), ("read", folder.path()));
    assert_eq!(
        (inside.raw_os_error(), inside.offset()),
        (Some(21), Some(0))
    );
    assert!(lines.next().await.is_none());
}

/// The test runs again in a process whose reads of the file fail from the third on.
#[test]
fn an_error_in_the_middle_is_the_last_item_behind_all_whole_lines() {
    const CHILD: &str = "AIO_FILES_FAILING_READS";
    const NAME: &str = "lines::an_error_in_the_middle_is_the_last_item_behind_all_whole_lines";
    if let Some(path) = std::env::var_os(CHILD) {
        return sources::runtime().block_on(fails_in_the_middle(Path::new(&path)));
    }
    let folder = sources::on_disk();
    let path = folder.path().join("x");
    let content: String = (0..200_000).map(|line| format!("{line:08}\n")).collect();
    fs::write(&path, content).unwrap();
    let traced = std::process::Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-P"])
        .arg(&path)
        .args(["-e", "inject=preadv2:error=EAGAIN"])
        .args(["-e", "inject=pread64:error=EIO:when=3+"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, &path)
        .output();
    let output = match traced {
        Err(error) => return chaos::skip::because(&format!("no strace: {error}")),
        Ok(output) => output,
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    if failed.contains("PTRACE") {
        return chaos::skip::because("strace may not trace here");
    }
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{failed}"
    );
}

async fn fails_in_the_middle(path: &Path) {
    // Two reads of 256 KiB, in lines of nine bytes.
    const READ: u64 = 512 * 1024;
    let mut lines = aio_files::lines(path).stream();
    let mut given = 0;
    let error = loop {
        match lines.next().await.unwrap() {
            Ok(line) => assert_eq!(line, format!("{given:08}")),
            Err(error) => break error,
        }
        given += 1;
    };
    // The second read is shorter by the beginning of a line that it follows.
    let offset = PathError::of(&error).unwrap().offset().unwrap();
    assert!((READ - 9..=READ).contains(&offset), "{offset}");
    assert_eq!(given, offset / 9);
    let said = format!(" at byte {offset}: Input/output error (os error 5)");
    assert_eq!(place(&error, path), (None, Some(offset), said));
    assert!(lines.next().await.is_none());
    assert!(lines.is_terminated());

    // Every later read fails at once, and all at once is none.
    let error = aio_files::lines(path).await.unwrap_err();
    assert_eq!(PathError::of(&error).unwrap().raw_os_error(), Some(5));
    let mut chunks = aio_files::chunks(path).stream();
    let error = chunks.next().await.unwrap().unwrap_err();
    assert_eq!(PathError::of(&error).unwrap().offset(), Some(0));
    assert!(chunks.next().await.is_none());
}

#[tokio::test]
async fn a_file_that_changes_is_read_to_the_end_that_it_has() {
    everywhere(async |folder| {
        let path = folder.join("x");
        let line = |line: usize| format!("{line:015}\n");
        let write = || {
            let content: String = (0..100_000).map(line).collect();
            fs::write(&path, content).unwrap();
        };
        let append = || fs::OpenOptions::new().append(true).open(&path).unwrap();

        // It grows.
        write();
        let mut lines = aio_files::lines(&path).stream();
        assert_eq!(lines.next().await.unwrap().unwrap(), line(0).trim_end());
        append().write_all(b"more\nand more").unwrap();
        let more = rest(lines).await.unwrap();
        assert_eq!(more.len(), 99_999 + 2);
        assert_eq!(more.last().unwrap(), "and more");

        // It shrinks, inside a line.
        write();
        let mut lines = aio_files::lines(&path).stream();
        assert_eq!(lines.next().await.unwrap().unwrap(), line(0).trim_end());
        append().set_len(1_200_005).unwrap();
        let less = rest(lines).await.unwrap();
        // What was read ahead may be from before.
        assert!((74_999..=99_999).contains(&less.len()), "{}", less.len());
        for (at, found) in less.iter().enumerate() {
            assert!(line(at + 1).starts_with(found.as_str()), "{at}: {found}");
        }

        // It vanishes, and something else has its name.
        write();
        let mut lines = aio_files::lines(&path).stream();
        assert_eq!(lines.next().await.unwrap().unwrap(), line(0).trim_end());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "other").unwrap();
        assert_eq!(rest(lines).await.unwrap().len(), 99_999);
    })
    .await;
}

/// Whether the tests of memory read as much as their names say.
fn is_long() -> bool {
    std::env::var_os("AIO_FILES_LONG").is_some()
}

#[test]
fn a_line_of_a_gibibyte_stays_within_the_cap() {
    chaos::alone!();
    let folder = sources::on_disk();
    let path = folder.path().join("sparse");
    let file = fs::File::create(&path).unwrap();
    let len = if is_long() { 1 << 30 } else { 1 << 27 };
    println!("bytes={len}");
    std::os::unix::fs::FileExt::write_all_at(&file, b"\nlast", len).unwrap();
    sources::runtime().block_on(async {
        sources::forget_held();
        let before = sources::most_held();
        let mut lines = aio_files::lines(&path).stream();
        let error = lines.next().await.unwrap().unwrap_err();
        assert_eq!(place(&error, &path).0, Some(1));
        assert_eq!(lines.next().await.unwrap().unwrap(), "last");
        assert_eq!(lines.position().line, 2);
        assert_eq!(lines.position().offset, len + 1);
        assert!(lines.next().await.is_none());
        let error = aio_files::lines(&path).bytes().await.unwrap_err();
        assert_eq!(place(&error, &path).0, Some(1));
        let grown = sources::most_held().saturating_sub(before);
        println!("grown={grown}");
        assert!(grown < 8 << 20, "{grown} bytes");
    });
}

#[test]
fn a_file_of_millions_of_lines_is_never_in_memory() {
    chaos::alone!();
    // 370 MB in its long form, and 40 MB in a few long ones otherwise.
    let (count, len) = match is_long() {
        true => (8_000_000, 46),
        false => (80_000, 500),
    };
    let filler = "x".repeat(len - 9);
    for folder in [Some(sources::on_disk()), sources::in_memory()] {
        let Some(folder) = folder else { continue };
        let path = folder.path().join("lines");
        let mut file = io::BufWriter::new(fs::File::create(&path).unwrap());
        for line in 0..count {
            writeln!(file, "{line:08}{filler}").unwrap();
        }
        drop(file.into_inner().unwrap());
        sources::runtime().block_on(async {
            sources::forget_held();
            let before = sources::most_held();
            let mut text = aio_files::lines(&path).stream();
            let mut bytes = aio_files::lines(&path).bytes().stream();
            let mut found = 0;
            while let Some(line) = text.next().await {
                assert_eq!(bytes.next().await.unwrap().unwrap(), line.unwrap());
                found += 1;
            }
            assert_eq!(found, count);
            let grown = sources::most_held().saturating_sub(before);
            println!("lines={count} grown={grown}");
            assert!(grown < 16 << 20, "{grown} bytes");
        });
    }
}

#[test]
fn three_lines_of_a_large_file_are_two_mebibytes_at_most() {
    chaos::alone!();
    for folder in [Some(sources::on_disk()), sources::in_memory()] {
        let Some(folder) = folder else { continue };
        let path = folder.path().join("lines");
        fs::write(&path, "twelve bytes\n".repeat(1_000_000)).unwrap();
        for cached in [true, false] {
            if !cached {
                forget_pages(&path);
            }
            sources::runtime().block_on(async {
                let before = sources::bytes_read();
                let mut lines = aio_files::lines(&path).stream();
                for _ in 0..3 {
                    assert_eq!(lines.next().await.unwrap().unwrap(), "twelve bytes");
                }
                // A job that is under way reads as much as it will.
                drop(lines);
                closed(folder.path());
                let read = sources::bytes_read() - before;
                println!("cached={cached} read={read}");
                assert!((200_000..=2 << 20).contains(&read), "{read} bytes");
            });
        }
    }
}

/// Waits until nothing is open in the folder.
fn closed(folder: &Path) {
    let folder = fs::canonicalize(folder).unwrap();
    chaos::watchdog::closure("closing the file", move || {
        let open = || {
            let entries = fs::read_dir("/proc/self/fd").unwrap();
            let targets = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
            targets.filter(|target| target.starts_with(&folder)).count()
        };
        while open() > 0 {
            std::thread::yield_now();
        }
    });
}

#[tokio::test]
async fn what_a_dropped_file_has_left_to_write_is_there() {
    everywhere(async |folder| {
        for round in 0..100 {
            let path = folder.join("x");
            let mut file = aio_files::open(&path).mode("w").await.unwrap();
            let content = format!("round {round}\n").repeat(10);
            file.write_all(content.as_bytes()).await.unwrap();
            drop(file);
            let lines = if round % 2 == 0 {
                aio_files::lines(&path).await
            } else {
                rest(aio_files::lines(&path).stream()).await
            };
            assert!(lines.unwrap().iter().eq(content.lines()));
        }
    })
    .await;
}
