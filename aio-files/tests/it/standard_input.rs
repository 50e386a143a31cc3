//! The standard input: piped, given up and given on, and no hostage.

use std::fs::File;
use std::io::{BufRead, ErrorKind, Write};
use std::os::fd::OwnedFd;

use aio_files::PathError;
use aio_files::stdio::stdin;
use chaos::watchdog;
use chaos::woken::probe;
use futures_core::stream::FusedStream;
use tokio::io::{AsyncBufReadExt, AsyncReadExt};

use crate::folder::poll_once;
use crate::other::{self, Other};

/// Makes a pipe the standard input of this process, and gives its other end.
pub(crate) fn piped() -> File {
    let (input, output) = rustix::pipe::pipe().unwrap();
    rustix::stdio::dup2_stdin(input).unwrap();
    File::from(output)
}

/// Makes this the whole standard input of this process.
pub(crate) fn filled(content: &[u8]) {
    piped().write_all(content).unwrap();
}

#[tokio::test]
async fn lines_come_from_a_pipe_as_they_are_written() {
    if other::part().is_some() {
        let mut lines = stdin().lines().stream();
        other::say("ready");
        while let Some(line) = lines.next().await {
            other::say(&format!("{:?}", line.unwrap()));
        }
        assert!(lines.is_terminated() && lines.next().await.is_none());
        std::process::exit(0);
    }
    let test = "standard_input::lines_come_from_a_pipe_as_they_are_written";
    let mut other = Other::start(test, "lines", std::path::Path::new("-"));
    other.says("ready");
    other.tell("\u{feff}one\n");
    other.says(r#""one""#);
    // A line and two beginnings; a character in two parts.
    other.tell(b"two\r\n\xC3");
    other.says(r#""two""#);
    other.tell(b"\xA4\r");
    other.tell("\n\nlast");
    other.says(r#""ä""#);
    other.says(r#""""#);
    other.hang_up();
    other.says(r#""last""#);
    other.ends();
}

#[tokio::test]
async fn a_pending_read_keeps_neither_the_runtime_nor_the_process() {
    if other::part().is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let reads = runtime.spawn(async { stdin().read_line(&mut String::new()).await });
        // The one read is under way by now, also for this one.
        assert!(poll_once(std::pin::pin!(stdin().read(&mut [0])).as_mut()).is_pending());
        runtime.shutdown_background();
        drop(reads);
        other::say("leaving");
        std::process::exit(0);
    }
    let test = "standard_input::a_pending_read_keeps_neither_the_runtime_nor_the_process";
    let mut other = Other::start(test, "read", std::path::Path::new("-"));
    other.says("leaving");
    // Nothing was given to read, and nobody has hung up.
    watchdog::closure("the end of a process that reads", move || other.ends());
}

#[tokio::test]
async fn what_a_reader_that_is_gone_had_asked_for_is_the_next_ones() {
    chaos::alone!();
    let mut input = piped();
    for round in 0..200 {
        let mut lines = stdin().lines().stream();
        let mut line = String::new();
        {
            let next = std::pin::pin!(lines.next());
            assert!(poll_once(next).is_pending());
            let mut stdin = stdin();
            let read = std::pin::pin!(stdin.read_line(&mut line));
            assert!(poll_once(read).is_pending());
            // Given up before, while and after the line comes.
            if round % 3 > 0 {
                input.write_all(b"li").unwrap();
            }
            if round % 3 > 1 {
                tokio::task::yield_now().await;
            }
        }
        // One that is forgotten takes nothing either.
        let mut forgotten = stdin();
        let future = Box::pin(async move { forgotten.read(&mut [0; 9]).await.map(drop) });
        let mut future = std::mem::ManuallyDrop::new(future);
        if round % 3 == 0 {
            assert!(poll_once(future.as_mut()).is_pending());
            input.write_all(b"li").unwrap();
        }
        drop(lines);
        input
            .write_all(format!("ne {round}\nnext\n").as_bytes())
            .unwrap();
        let read = watchdog::future("a line", stdin().read_line(&mut line)).await;
        assert_eq!(line, format!("line {round}\n"));
        assert_eq!(read.unwrap(), line.len());
        let next = stdin().lines().stream().next().await.unwrap();
        assert_eq!(next.unwrap(), "next");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_readers_at_once_lose_no_line_and_split_none() {
    chaos::alone!();
    const LINES: usize = 20_000;
    let mut input = piped();
    let writer = std::thread::spawn(move || {
        for number in 0..LINES {
            writeln!(input, "line {number} {}", "x".repeat(number % 100)).unwrap();
        }
    });
    let readers: Vec<_> = (0..8)
        .map(|reader| {
            tokio::spawn(async move {
                let mut numbers = Vec::new();
                loop {
                    // A handle for each, or a stream for each.
                    let mut line = String::new();
                    if reader % 2 == 0 {
                        stdin().read_line(&mut line).await.unwrap();
                    } else if let Some(next) = stdin().lines().stream().next().await {
                        line = next.unwrap();
                    }
                    if line.is_empty() {
                        return numbers;
                    }
                    let mut words = line.split_whitespace().skip(1);
                    let number: usize = words.next().unwrap().parse().unwrap();
                    assert_eq!(words.next().unwrap_or_default().len(), number % 100);
                    numbers.push(number);
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for reader in readers {
        let numbers = watchdog::future("a reader", reader).await.unwrap();
        assert!(numbers.is_sorted());
        all.extend(numbers);
    }
    writer.join().unwrap();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..LINES));
}

#[tokio::test]
async fn bad_lines_are_errors_of_their_own_and_the_others_are_given() {
    chaos::alone!();
    filled(b"a\n\xFFb\nlong line\nlast");
    let mut lines = stdin().lines().max_len(5).stream();
    assert_eq!(lines.next().await.unwrap().unwrap(), "a");
    let error = lines.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let said = "read <stdin> at line 2, byte 2: not UTF-8";
    assert_eq!(error.to_string(), said);
    let inside = PathError::of(&error).unwrap();
    assert_eq!((inside.line(), inside.offset()), (Some(2), Some(2)));
    let error = lines.next().await.unwrap().unwrap_err();
    let said = "read <stdin> at line 3, byte 5: a line of more than 5 bytes";
    assert_eq!(error.to_string(), said);
    assert_eq!(lines.next().await.unwrap().unwrap(), "last");
    assert!(lines.next().await.is_none());

    filled(b"one\r\ntwo\xFF");
    let lines = stdin().lines().keep_ends().bytes().await.unwrap();
    assert_eq!(lines, [&b"one\r\n"[..], b"two\xFF"]);
    filled(b"one\r\ntwo");
    assert_eq!(stdin().lines().await.unwrap(), ["one", "two"]);
    assert_eq!(stdin().lines().await.unwrap(), [""; 0]);

    // What isn't text can still be read.
    filled(b"no \xFF text");
    let mut text = String::from("kept");
    let error = stdin().read_to_string(&mut text).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "read <stdin>: not UTF-8 at byte 3 of the rest"
    );
    let mut bytes = vec![b'-'];
    assert_eq!(stdin().read_to_end(&mut bytes).await.unwrap(), 9);
    assert_eq!((text.as_str(), &bytes[..]), ("kept", &b"-no \xFF text"[..]));
}

#[tokio::test]
async fn nothing_is_read_that_nobody_asked_for_and_nothing_that_std_has_is_lost() {
    chaos::alone!();
    let (input, output) = rustix::pipe::pipe().unwrap();
    let mut output = File::from(output);
    rustix::stdio::dup2_stdin(&input).unwrap();
    output.write_all(b"for std\nbehind\n").unwrap();
    let (mut handle, lines) = (stdin(), stdin().lines().stream());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    drop(lines);
    assert_eq!(rustix::io::ioctl_fionread(&input).unwrap(), 15);
    // Std takes all of it, and gives a line of it.
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
    assert_eq!(line, "for std\n");
    assert_eq!(rustix::io::ioctl_fionread(&input).unwrap(), 0);
    let mut bytes = [0; 3];
    assert_eq!(handle.read(&mut bytes).await.unwrap(), 3);
    assert_eq!(&bytes, b"beh");
    line.clear();
    assert_eq!(handle.read_line(&mut line).await.unwrap(), 4);
    assert_eq!(line, "ind\n");
}

#[tokio::test]
async fn tokios_methods_read_it_too() {
    chaos::alone!();
    filled(b"one\ntwo\nthree\nrest");
    let mut stdin = stdin();
    let mut line = String::new();
    AsyncBufReadExt::read_line(&mut stdin, &mut line)
        .await
        .unwrap();
    let mut bytes = [0; 4];
    AsyncReadExt::read_exact(&mut stdin, &mut bytes)
        .await
        .unwrap();
    assert_eq!((line.as_str(), &bytes), ("one\n", b"two\n"));
    // Ours gives a builder, whatever is imported; theirs is called by its trait.
    let mut lines = AsyncBufReadExt::lines(stdin);
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "three");
    drop(lines);
    let mut rest = aio_files::stdio::stdin().lines().stream();
    assert_eq!(rest.next().await.unwrap().unwrap(), "rest");
}

#[tokio::test]
async fn what_was_shown_and_not_consumed_is_read_again() {
    chaos::alone!();
    let mut input = piped();
    input.write_all(b"shown ").unwrap();
    let mut first = stdin();
    assert_eq!(first.fill_buf().await.unwrap(), b"shown ");
    // Others wait for it, whatever comes meanwhile.
    let mut second = stdin();
    let mut bytes = [0; 20];
    {
        let read = std::pin::pin!(AsyncReadExt::read(&mut second, &mut bytes));
        assert!(poll_once(read).is_pending());
    }
    input.write_all(b"more").unwrap();
    first.consume(2);
    let read = watchdog::future("the rest", second.read(&mut bytes)).await;
    assert_eq!(&bytes[..read.unwrap()], b"own ");
    first.fill_buf().await.unwrap();
    drop(first);
    drop(input);
    let mut rest = String::new();
    stdin().read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "more");
}

#[tokio::test]
async fn whoever_was_shown_the_end_keeps_it_from_nobody() {
    chaos::alone!();
    drop(piped());
    let mut shown = stdin();
    assert_eq!(shown.fill_buf().await.unwrap(), b"");
    let mut line = String::new();
    let read = watchdog::future("the end", stdin().read_line(&mut line)).await;
    assert_eq!(read.unwrap(), 0);
    filled(b"more\n");
    watchdog::future("a line", stdin().read_line(&mut line))
        .await
        .unwrap();
    assert_eq!(line, "more\n");
    drop(shown);
}

#[tokio::test]
async fn whoever_waits_for_what_is_shown_is_woken_when_it_is_given_back() {
    chaos::alone!();
    let mut input = piped();
    input.write_all(b"a beginning").unwrap();
    let mut first = stdin();
    first.fill_buf().await.unwrap();
    first.consume(2);
    // It wants a line, so a read is under way when the beginning is shown again.
    let mut wants = stdin();
    let mut line = String::new();
    let mut whole = probe("a line", wants.read_line(&mut line));
    whole.pending();
    assert_eq!(first.fill_buf().await.unwrap(), b"beginning");
    let mut other = stdin();
    let mut bytes = [0; 3];
    let mut some = probe("some bytes", AsyncReadExt::read(&mut other, &mut bytes));
    some.pending();
    // What comes meanwhile is behind it.
    input.write_all(b" and an end\n").unwrap();
    whole.woken();
    whole.pending();
    first.consume(0);
    some.woken();
    whole.woken();
    assert_eq!(some.ready().unwrap(), 3);
    assert_eq!(whole.ready().unwrap(), 18);
    assert_eq!((&bytes, line.as_str()), (b"beg", "inning and an end\n"));
}

#[tokio::test]
async fn an_input_that_does_not_block_is_waited_for() {
    chaos::alone!();
    let (input, output) = rustix::pipe::pipe().unwrap();
    rustix::fs::fcntl_setfl(&input, rustix::fs::OFlags::NONBLOCK).unwrap();
    rustix::stdio::dup2_stdin(input).unwrap();
    let mut line = String::new();
    {
        let mut stdin = stdin();
        let read = std::pin::pin!(stdin.read_line(&mut line));
        assert!(poll_once(read).is_pending());
    }
    File::from(output).write_all(b"late\n").unwrap();
    let read = watchdog::future("a late line", stdin().read_line(&mut line)).await;
    assert_eq!(read.unwrap(), 5);
}

#[tokio::test]
async fn an_input_that_can_not_be_read_says_so_and_stays_usable() {
    chaos::alone!();
    // A folder can be opened and not read.
    let folder = OwnedFd::from(File::open("/").unwrap());
    rustix::stdio::dup2_stdin(folder).unwrap();
    let error = stdin().read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
    assert!(error.to_string().starts_with("read <stdin>: "));
    let mut lines = stdin().lines().stream();
    assert!(lines.next().await.unwrap().is_err());
    assert!(lines.next().await.is_none() && lines.is_terminated());
    filled(b"now\n");
    assert_eq!(stdin().lines().await.unwrap(), ["now"]);
}
