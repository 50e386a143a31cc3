//! The standard input looked at before it is read, in chunks, and as records.

use std::io::Write;
use std::path::Path;

use aio_files::stdio::stdin;
use chaos::{Cut, cuts, watchdog};
use futures_core::Stream;
use futures_core::stream::FusedStream;

use crate::folder::poll_once;
use crate::other::{self, Other};
use crate::standard_input::{filled, piped};

#[tokio::test]
async fn chunks_come_from_a_pipe_as_they_are_written() {
    if other::part().is_some() {
        other::say(&format!("{:?}", stdin().peek(3).await.unwrap()));
        let mut chunks = stdin().chunks().size(4).stream();
        while let Some(chunk) = chunks.next().await {
            other::say(&format!("{:?}", chunk.unwrap()));
        }
        assert!(chunks.is_terminated() && chunks.next().await.is_none());
        std::process::exit(0);
    }
    let test = "standard_records::chunks_come_from_a_pipe_as_they_are_written";
    let mut other = Other::start(test, "chunks", Path::new("-"));
    // A look waits for as much as is wanted.
    other.tell("a");
    other.tell("bc");
    other.says("[97, 98, 99]");
    other.says(r#"b"abc""#);
    other.tell(b"\xFFefgh");
    other.says(r#"b"\xffefg""#);
    other.says(r#"b"h""#);
    other.hang_up();
    other.ends();
}

#[tokio::test]
async fn whoever_looks_takes_nothing_and_neither_does_a_stream_that_is_dropped() {
    chaos::alone!();
    let mut input = piped();
    input.write_all(b"seen and read").unwrap();
    let looked = watchdog::future("a look", async { stdin().peek(0).await }).await;
    looked.unwrap();
    assert_eq!(stdin().peek(4).await.unwrap(), b"seen and read");
    {
        // More than there is, so it waits, and is given up.
        let mut waits = stdin();
        assert!(poll_once(std::pin::pin!(waits.peek(100))).is_pending());
    }
    drop(input);
    // All that there is, and the end stays for others.
    assert_eq!(stdin().peek(100).await.unwrap(), b"seen and read");
    let mut chunks = stdin().chunks().size(5).stream();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "seen ");
    assert_eq!(chunks.size_hint(), (0, None));
    drop(chunks);
    let mut rest = stdin().chunks().stream();
    assert_eq!(rest.next().await.unwrap().unwrap(), "and read");
    assert!(rest.next().await.is_none());
    assert_eq!(rest.size_hint(), (0, Some(0)));
}

#[tokio::test]
async fn what_can_not_be_read_is_the_last_chunk() {
    chaos::alone!();
    let folder = std::os::fd::OwnedFd::from(std::fs::File::open("/").unwrap());
    rustix::stdio::dup2_stdin(folder).unwrap();
    let mut chunks = stdin().chunks().stream();
    let error = chunks.next().await.unwrap().unwrap_err();
    assert!(error.to_string().starts_with("read <stdin>: "), "{error}");
    assert!(chunks.next().await.is_none() && chunks.is_terminated());
    assert!(stdin().peek(1).await.is_err());
    filled(b"now");
    assert_eq!(stdin().peek(9).await.unwrap(), b"now");
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes).await.unwrap();
}

/// What a cut leaves of an input: all of it, or what is behind.
async fn left(cut: Cut, behind: &str) {
    let mut rest = String::new();
    stdin().read_to_string(&mut rest).await.unwrap();
    let expected = if cut.completed { behind } else { "one\ntwo" };
    assert_eq!(rest, expected, "{cut:?}");
}

#[tokio::test]
async fn looking_cut() {
    chaos::alone!();
    cuts::every("Stdin::peek")
        .world(async || filled(b"one\ntwo"))
        .run(
            async |(): &mut ()| assert_eq!(stdin().peek(9).await.unwrap(), b"one\ntwo"),
            async |(), cut: Cut| left(cut, "one\ntwo").await,
        )
        .await;
}

#[tokio::test]
async fn next_chunk_cut() {
    chaos::alone!();
    cuts::every("StdinChunks::next")
        .world(async || filled(b"one\ntwo"))
        .run(
            async |(): &mut ()| {
                let mut chunks = stdin().chunks().size(4).stream();
                assert_eq!(chunks.next().await.unwrap().unwrap(), "one\n");
            },
            async |(), cut: Cut| left(cut, "two").await,
        )
        .await;
}

#[cfg(feature = "records")]
mod records {
    use super::*;
    use aio_files::PathError;
    use aio_files::records::Records;

    type Pair = (u32, String);

    fn pair(number: u32, name: &str) -> Pair {
        (number, name.to_owned())
    }

    #[tokio::test]
    async fn records_come_from_a_pipe_as_they_are_written() {
        if other::part().is_some() {
            other::say("ready");
            let mut pairs = stdin().records::<Pair>().jsonl().max_len(20).stream();
            while let Some(pair) = pairs.next().await {
                let at = pairs.position();
                match pair {
                    Ok((number, name)) => other::say(&format!("{number} {name} {}", at.line)),
                    Err(error) => other::say(&error.to_string()),
                }
            }
            assert!(pairs.is_terminated() && pairs.next().await.is_none());
            std::process::exit(0);
        }
        let test = "standard_records::records::records_come_from_a_pipe_as_they_are_written";
        let mut other = Other::start(test, "records", Path::new("-"));
        other.says("ready");
        other.tell("\u{feff}[1, \"one\"]\n[2, \"tw");
        other.says("1 one 1");
        other.tell("o\"]\r\n\nno\n");
        other.says("2 two 2");
        other.says("read <stdin> at line 4, byte 27: expected ident at column 2");
        other.tell("[3, \"much longer than 20\"]\n[4, ");
        other.says("read <stdin> at line 5, byte 30: a record of more than 20 bytes");
        other.tell("\"four\"]");
        other.hang_up();
        other.says("4 four 6");
        other.ends();
    }

    #[tokio::test]
    async fn rows_are_read_too_and_their_places_are_those_of_the_whole_input() {
        chaos::alone!();
        filled(b"a first line\nname,number\none,1\ntwo,\"2\nx\"\nthree,3");
        let mut line = String::new();
        stdin().read_line(&mut line).await.unwrap();
        #[derive(serde::Deserialize)]
        struct Row {
            number: u32,
        }
        let mut rows = stdin().records::<Row>().csv().stream();
        assert_eq!(rows.next().await.unwrap().unwrap().number, 1);
        let at = rows.position();
        // Standard input is one for all tests, so only distances are known.
        let error = rows.next().await.unwrap().err().unwrap();
        let inside = PathError::of(&error).unwrap();
        assert_eq!(inside.line(), Some(at.line + 1));
        assert_eq!(inside.offset(), Some(at.offset + 6));
        assert!(at.line >= 3 && at.offset >= 25, "{at:?}");
        assert_eq!(rows.next().await.unwrap().unwrap().number, 3);
        assert_eq!(rows.position().line, at.line + 3);
        assert!(rows.next().await.is_none());
    }

    #[tokio::test]
    async fn all_records_at_once_and_many_of_them() {
        chaos::alone!();
        let mut input = piped();
        let writer = std::thread::spawn(move || {
            for number in 0..20_000 {
                writeln!(input, "[{number}, {:?}]", "x".repeat(number % 100)).unwrap();
            }
        });
        let pairs = stdin().records::<(usize, String)>().jsonl();
        let pairs = watchdog::future("all records", pairs.into_future()).await;
        writer.join().unwrap();
        let pairs = pairs.unwrap();
        assert_eq!(pairs.len(), 20_000);
        for (at, (number, name)) in pairs.into_iter().enumerate() {
            assert_eq!((at, at % 100), (number, name.len()));
        }
        // A record larger than any read, and an input that can't be read.
        let long = "y".repeat(300_000);
        let mut input = piped();
        let text = format!("[0, {long:?}]\n");
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
        let mut pairs = stdin().records::<Pair>().jsonl().stream();
        assert_eq!(pairs.next().await.unwrap().unwrap(), (0, long));
        assert!(pairs.next().await.is_none());
        writer.join().unwrap();
        let folder = std::os::fd::OwnedFd::from(std::fs::File::open("/").unwrap());
        rustix::stdio::dup2_stdin(folder).unwrap();
        let error = stdin().records::<Pair>().csv().await.unwrap_err();
        assert!(error.to_string().starts_with("read <stdin>: "), "{error}");
    }

    #[tokio::test]
    async fn next_record_cut() {
        chaos::alone!();
        cuts::every("Records::next of the standard input")
            .world(async || {
                filled(b"[1, \"one\"]\n[2, \"two\"]\n");
                let pairs = stdin().records::<Pair>().jsonl().stream();
                (pairs, Vec::new())
            })
            .run(
                async |(pairs, taken): &mut (Records<Pair>, Vec<Pair>)| {
                    while let Some(pair) = pairs.next().await {
                        taken.push(pair.unwrap());
                    }
                },
                async |(mut pairs, mut taken), _: Cut| {
                    while let Some(pair) = pairs.next().await {
                        taken.push(pair.unwrap());
                    }
                    assert_eq!(taken, [pair(1, "one"), pair(2, "two")]);
                },
            )
            .await;
    }
}
