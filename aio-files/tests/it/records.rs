//! JSONL and CSV through the public interface; what the parser does at each byte
//! is tested beside it.

use std::error::Error;
use std::fs;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aio_files::records::{ReadCsv, ReadJsonl, Records};
use aio_files::{PathError, drained, open, records, write};
use chaos::{Fate, cuts, watchdog};
use futures_core::{FusedStream, Stream};
use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};

use crate::folder::{Folder, inside};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Event {
    id: u64,
    name: String,
    score: Option<f64>,
}

fn event(id: u64) -> Event {
    Event {
        id,
        name: match id % 5 {
            0 => format!("\"quoted\", {id}"),
            1 => format!("two\nlines {id}"),
            2 => format!("é🦀 {id}"),
            _ => format!("name {id}"),
        },
        score: (!id.is_multiple_of(3)).then(|| id as f64 / 8.0),
    }
}

fn jsonl(count: u64) -> String {
    (0..count)
        .map(|id| serde_json::to_string(&event(id)).unwrap() + "\n")
        .collect()
}

fn csv(count: u64) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    (0..count).for_each(|id| writer.serialize(event(id)).unwrap());
    writer.into_inner().unwrap()
}

async fn rest<T: DeserializeOwned + Send>(records: &mut Records<T>) -> Vec<io::Result<T>> {
    let mut rest = Vec::new();
    let all = async {
        while let Some(record) = records.next().await {
            rest.push(record);
        }
    };
    watchdog::future("the rest of the records", all).await;
    rest
}

fn line_of(error: &io::Error) -> (u64, u64) {
    let inside = PathError::of(error).unwrap();
    (inside.line().unwrap(), inside.offset().unwrap())
}

#[tokio::test]
async fn all_records_are_those_that_were_written() {
    let folder = Folder::new();
    let expected: Vec<_> = (0..20_000).map(event).collect();
    let lines = folder.with("x.jsonl", jsonl(20_000));
    let rows = folder.with("x.csv", csv(20_000));
    assert!(records::<Event>(&lines).jsonl().await.unwrap() == expected);
    assert!(records::<Event>(&rows).csv().await.unwrap() == expected);
    for mut stream in [
        records::<Event>(&lines).jsonl().stream(),
        records::<Event>(&rows).csv().stream(),
    ] {
        assert!(stream.position().line == 0 && !stream.is_terminated());
        let found = rest(&mut stream).await;
        assert!(found.into_iter().map(Result::unwrap).eq(expected.clone()));
        assert!(stream.is_terminated());
        assert_eq!(stream.size_hint(), (0, Some(0)));
        assert!(stream.next().await.is_none());
    }
    folder.closed().await;
}

#[tokio::test]
async fn size_hints_are_true_at_every_record() {
    let folder = Folder::new();
    let path = folder.with("x", jsonl(9000));
    let mut stream = records::<Event>(&path).jsonl().stream();
    let mut left = 9000;
    loop {
        let (least, most) = stream.size_hint();
        assert!(least <= left && most.is_none_or(|most| most >= left));
        if stream.next().await.is_none() {
            break;
        }
        left -= 1;
    }
    assert_eq!(left, 0);
}

#[tokio::test]
async fn empty_files_have_no_records() {
    let folder = Folder::new();
    for content in ["", "\n", "\r\n\n", "\u{feff}", "\u{feff}\n"] {
        let path = folder.with("x", content);
        assert_eq!(records::<Event>(&path).jsonl().await.unwrap(), []);
        assert_eq!(records::<Event>(&path).csv().await.unwrap(), []);
    }
    let path = folder.with("x", "id,name,score");
    assert_eq!(records::<Event>(&path).csv().await.unwrap(), []);
}

/// A malformed line in each place of a file, and in all of them but one.
#[tokio::test]
async fn each_wrong_line_is_one_error_with_its_place_and_the_others_are_given() {
    const LINES: usize = 40;
    let folder = Folder::new();
    for wrong_at in 0..LINES {
        for wrong in [
            |at, wrong_at| at == wrong_at,
            |at: usize, wrong_at| at != wrong_at,
        ] {
            let (mut lines, mut rows) = (String::new(), "id,name,score\r\n".to_owned());
            let (mut line_places, mut row_places) = (Vec::new(), Vec::new());
            for at in 0..LINES {
                line_places.push((at as u64 + 1, lines.len() as u64));
                let line = 1 + rows.matches('\n').count();
                row_places.push((line as u64, rows.len() as u64));
                if wrong(at, wrong_at) {
                    lines += "{\"id\":\"x\",\"name\":\"\"}\n";
                    rows += ["x,,\r\n", "1,2\r\n", "1,\"\n\",2,3\r\n"][at % 3];
                } else {
                    lines += &format!("{{\"id\":{at},\"name\":\"\"}}\r\n");
                    rows += &format!("{at},\"\r\n\",\r\n");
                }
            }
            let lines = folder.with("x.jsonl", lines);
            let rows = folder.with("x.csv", rows);
            for (mut stream, places) in [
                (records::<Event>(&lines).jsonl().stream(), line_places),
                (records::<Event>(&rows).csv().stream(), row_places),
            ] {
                for (at, place) in places.iter().enumerate() {
                    let record = stream.next().await.unwrap();
                    let position = stream.position();
                    assert_eq!((position.line, position.offset), *place);
                    match record {
                        Ok(event) => assert_eq!(event.id, at as u64),
                        Err(error) => {
                            assert!(wrong(at, wrong_at), "{error}");
                            assert_eq!(line_of(&error), *place);
                            assert_eq!(error.kind(), ErrorKind::InvalidData);
                            assert_eq!(inside(&error).0, "read");
                        }
                    }
                }
                assert!(stream.next().await.is_none());
            }
            let error = records::<Event>(&lines).jsonl().await.unwrap_err();
            let first = (0..LINES).find(|&at| wrong(at, wrong_at)).unwrap();
            assert_eq!(line_of(&error).0, first as u64 + 1);
        }
    }
}

#[tokio::test]
async fn errors_name_the_file_the_place_and_the_cause() {
    let folder = Folder::new();
    let path = folder.with("x", "\u{feff}{\"id\":1,\"name\":\"\"}\n\n{\"id\":true}\n[");
    let mut stream = records::<Event>(&path).jsonl().stream();
    stream.next().await.unwrap().unwrap();
    let said = |error: &io::Error| {
        let start = format!("read {} at ", path.display());
        error.to_string().strip_prefix(&start).unwrap().to_owned()
    };
    let wrong = stream.next().await.unwrap().unwrap_err();
    assert_eq!(
        said(&wrong),
        "line 3, byte 23: invalid type: boolean `true`, expected u64 at column 10"
    );
    let inside = PathError::of(&wrong).unwrap().source().unwrap();
    let cause = inside.source().unwrap();
    assert!(cause.is::<serde_json::Error>());
    // A writer that was killed leaves this: it isn't a wrong record.
    let torn = stream.next().await.unwrap().unwrap_err();
    assert_eq!(torn.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(line_of(&torn), (4, 35));
    assert!(stream.next().await.is_none());

    let path = folder.with("x", "id,name,score\n1,\"\n\",\n2,,half\n3,x\n");
    let mut stream = records::<Event>(&path).csv().stream();
    let found = rest(&mut stream).await;
    assert_eq!(found[0].as_ref().unwrap().id, 1);
    let said: Vec<_> = found[1..]
        .iter()
        .map(|record| said(record.as_ref().unwrap_err()))
        .collect();
    assert_eq!(
        said,
        [
            "line 4, byte 21: field \"score\": invalid float literal",
            "line 5, byte 29: 2 fields, and the rows have 3",
        ]
    );
}

#[tokio::test]
async fn options_of_csv() {
    let folder = Folder::new();
    let path = folder.with(
        "x",
        "# about\nid ; name\n 1 ;'a;''b '\n# more\n2;c\\d;left over\n3;'e\\'f'\n",
    );
    #[derive(Debug, PartialEq, Deserialize)]
    struct Pair {
        id: u8,
        name: String,
    }
    let read = |path| {
        let read: ReadCsv<Pair> = records(path).csv();
        read.delimiter(b';')
            .quote(b'\'')
            .escape(b'\\')
            .comment(b'#')
    };
    let pairs = read(&path).trim().flexible().await.unwrap();
    let pairs: Vec<_> = pairs.into_iter().map(|pair| (pair.id, pair.name)).collect();
    assert_eq!(
        pairs,
        [
            (1, "a;'b".to_owned()),
            (2, "c\\d".to_owned()),
            (3, "e'f".to_owned()),
        ]
    );
    let error = read(&path).trim().await.unwrap_err();
    assert_eq!(line_of(&error).0, 5);
    let error = read(&path).flexible().await.unwrap_err();
    assert!(error.to_string().contains("missing field `id`"), "{error}");

    let path = folder.with("x", "1,a\n2,b\n");
    let places = records::<(u8, String)>(&path).csv().no_header().await;
    assert_eq!(places.unwrap(), [(1, "a".to_owned()), (2, "b".to_owned())]);
    let named = records::<Pair>(&path).csv().names(["id", "name"]).await;
    assert_eq!(named.unwrap()[1].name, "b");
    let long = records::<Pair>(&path)
        .csv()
        .names(["id", "name"])
        .max_len(2);
    assert_eq!(line_of(&long.await.unwrap_err()), (1, 0));
}

#[tokio::test]
async fn errors_of_the_file_system_are_the_last_item() {
    let folder = Folder::new();
    let nowhere = folder.file("no/where");
    for (path, verb, code) in [(nowhere, "open", 2), (folder.path().to_owned(), "read", 21)] {
        let error = records::<Event>(&path).jsonl().await.unwrap_err();
        assert_eq!(inside(&error), (verb, path.clone(), Some(code)));
        assert_eq!(PathError::of(&error).unwrap().line(), None);
        let mut stream = records::<Event>(&path).csv().stream();
        let found = rest(&mut stream).await;
        assert_eq!(found.len(), 1);
        assert_eq!(inside(found[0].as_ref().unwrap_err()).2, Some(code));
        assert!(stream.is_terminated());
    }
}

/// Panics when it is made of a 13.
#[derive(Debug, PartialEq)]
struct Superstitious(u32);

impl<'de> Deserialize<'de> for Superstitious {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (number,) = <(u32,)>::deserialize(from)?;
        if number % 100 == 13 {
            std::panic::resume_unwind(Box::new("on purpose"));
        }
        Ok(Self(number))
    }
}

#[tokio::test]
async fn a_panic_of_a_type_is_an_error_of_its_record() {
    let folder = Folder::new();
    let lines: String = (0..1000).map(|n| format!("[{n}]\n")).collect();
    let rows = lines.replace(['[', ']'], "");
    let (lines, rows) = (folder.with("x.jsonl", lines), folder.with("x.csv", rows));
    for mut stream in [
        records::<Superstitious>(&lines).jsonl().stream(),
        records::<Superstitious>(&rows).csv().no_header().stream(),
    ] {
        for (number, record) in rest(&mut stream).await.into_iter().enumerate() {
            match record {
                Ok(found) => assert_eq!(found.0 as usize, number),
                Err(error) => {
                    assert_eq!(number % 100, 13);
                    assert_eq!(line_of(&error).0, number as u64 + 1);
                    assert!(error.to_string().contains("panicked"), "{error}");
                }
            }
        }
        assert_eq!(stream.position().line, 1000);
    }
}

/// The writer waits for each record to be answered, so nothing may be kept back.
#[tokio::test]
async fn what_a_fifo_has_given_is_not_kept_until_there_is_more() {
    let folder = Folder::new();
    // More than there are shared threads.
    let mut streams: Vec<_> = (0..70)
        .map(|n| {
            let fifo = folder.fifo(&format!("fifo{n}"));
            let mut stream = records::<[u32; 1]>(&fifo).jsonl().stream();
            let polled = poll_now(&mut stream);
            assert!(polled.is_pending());
            (fifo, stream)
        })
        .collect();
    let beside = folder.with("x", "1\n");
    let found = watchdog::future("a file", records::<u32>(&beside).jsonl().into_future());
    assert_eq!(found.await.unwrap(), [1]);
    for (fifo, stream) in &mut streams {
        // It opens once the reader has.
        let fifo = fifo.clone();
        let opened = tokio::task::spawn_blocking(|| fs::File::create(fifo));
        let mut pipe = watchdog::future("the other end", opened)
            .await
            .unwrap()
            .unwrap();
        for number in 0..3_u32 {
            writeln!(pipe, "[{number}]").unwrap();
            let next = watchdog::future("a record", stream.next()).await;
            assert_eq!(next.unwrap().unwrap(), [number]);
        }
        write!(pipe, "[1").unwrap();
        drop(pipe);
        let found = rest(stream).await;
        assert_eq!(found.len(), 1);
        let torn = found[0].as_ref().unwrap_err();
        assert_eq!(torn.kind(), ErrorKind::UnexpectedEof);
    }
}

fn poll_now<S: Stream + Unpin>(stream: &mut S) -> std::task::Poll<Option<S::Item>> {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    Pin::new(stream).poll_next(&mut cx)
}

#[tokio::test]
async fn what_dropped_files_have_to_write_is_read() {
    let folder = Folder::new();
    for round in 0..300_u64 {
        let path = folder.file(&format!("{}", round % 7));
        let mut file = open(&path).mode("w").await.unwrap();
        let line = format!("{round}\n");
        file.write_all(line.as_bytes()).await.unwrap();
        drop(file);
        assert_eq!(records::<u64>(&path).jsonl().await.unwrap(), [round]);
    }
}

#[tokio::test]
async fn a_stream_that_nobody_polls_does_nothing() {
    let folder = Folder::new();
    let path = folder.file("x");
    let mut stream = records::<u8>(&path).jsonl().stream();
    fs::write(&path, "1\n").unwrap();
    assert_eq!(rest(&mut stream).await.len(), 1);
    drop(records::<u8>(&path).jsonl().stream());
    drop(records::<u8>(&path).csv());
    assert_eq!(folder.descriptors(), 0);
}

#[tokio::test]
async fn a_stream_dropped_in_the_middle_closes_its_file() {
    let folder = Folder::new();
    let (lines, rows) = (
        folder.with("x.jsonl", jsonl(50_000)),
        folder.with("x.csv", csv(50_000)),
    );
    for taken in [0, 1, 2, 4999, 20_000] {
        for mut stream in [
            records::<Event>(&lines).jsonl().stream(),
            records::<Event>(&rows).csv().stream(),
        ] {
            let _ = poll_now(&mut stream);
            for _ in 0..taken {
                stream.next().await.unwrap().unwrap();
            }
            drop(stream);
        }
        folder.closed().await;
    }
}

/// How much was read of an endless source when its reader has gone.
/// Lines without end, none of which is a record.
#[tokio::test]
async fn a_stream_dropped_where_no_record_comes_stops_reading() {
    let streams: [fn(&Path) -> Records<u8>; 2] = [
        |path| records(path).jsonl().stream(),
        |path| records(path).csv().stream(),
    ];
    for stream in streams {
        let folder = Folder::new();
        let path = folder.fifo("x");
        let mut numbers = stream(&path);
        assert!(poll_now(&mut numbers).is_pending());
        let mut fifo = fs::OpenOptions::new().write(true).open(&path).unwrap();
        fifo.write_all(b"\n").unwrap();
        assert!(poll_now(&mut numbers).is_pending());
        drop(numbers);
        watchdog::closure(
            "the reader's end",
            move || {
                while fifo.write_all(b"\n").is_ok() {}
            },
        );
    }
}

#[tokio::test]
async fn a_reader_that_stops_early_has_read_little() {
    let folder = Folder::new();
    let fifo = folder.fifo("fifo");
    let mut stream = records::<u64>(&fifo).jsonl().stream();
    assert!(poll_now(&mut stream).is_pending());
    let writer = std::thread::spawn({
        let fifo = fifo.clone();
        move || {
            let mut pipe = fs::File::create(fifo).unwrap();
            let line = format!("{:>1000}\n", 1);
            let mut written = 0;
            while pipe.write_all(line.as_bytes()).is_ok() {
                written += line.len();
            }
            written
        }
    });
    for _ in 0..3 {
        let next = watchdog::future("a record", stream.next()).await;
        assert_eq!(next.unwrap().unwrap(), 1);
    }
    drop(stream);
    let written = watchdog::closure("the writer", || writer.join().unwrap());
    println!("written={written}");
    assert!(written < 2 << 20, "{written} bytes were read for 3 records");
}

/// A million records, and the memory of a few batches.
#[tokio::test]
async fn memory_stays_flat_over_a_million_records() {
    chaos::alone!();
    const RECORDS: u64 = 1_000_000;
    let folder = Folder::new();
    let path = folder.file("x");
    {
        let mut file = io::BufWriter::new(fs::File::create(&path).unwrap());
        for id in 0..RECORDS {
            let name = "n".repeat(80);
            writeln!(file, "{{\"id\":{id},\"name\":\"{name}\",\"score\":0.5}}").unwrap();
        }
        file.flush().unwrap();
    }
    let before = most_memory();
    let mut stream = records::<Event>(&path).jsonl().stream();
    let mut ids = 0..RECORDS;
    while let Some(event) = stream.next().await {
        assert_eq!(Some(event.unwrap().id), ids.next());
    }
    assert_eq!(ids.next(), None);
    let grown = most_memory() - before;
    println!(
        "records={RECORDS} bytes={} grown={grown} KiB",
        fs::metadata(&path).unwrap().len()
    );
    assert!(grown < 24 * 1024, "{grown} KiB");
}

/// One line of 200 MB, which is far too long.
#[tokio::test]
async fn memory_stays_flat_over_an_endless_record() {
    chaos::alone!();
    let folder = Folder::new();
    let path = folder.file("x");
    {
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(b"a,b\n\"").unwrap();
        for _ in 0..200 {
            file.write_all(&vec![b'x'; 1 << 20]).unwrap();
        }
        file.write_all(b"\",1\ny,2\n").unwrap();
    }
    let before = most_memory();
    let mut rows = records::<(String, u8)>(&path).csv().stream();
    let rows = rest(&mut rows).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(line_of(rows[0].as_ref().unwrap_err()), (2, 4));
    assert_eq!(rows[1].as_ref().unwrap(), &("y".to_owned(), 2));
    let mut lines = records::<serde_json::Value>(&path).jsonl().stream();
    let lines = rest(&mut lines).await;
    let said: Vec<_> = lines
        .iter()
        .map(|line| line.as_ref().unwrap_err().to_string())
        .collect();
    assert_eq!(said.len(), 3);
    assert!(said[1].ends_with("line 2, byte 4: a record of more than 1048576 bytes"));
    let grown = most_memory() - before;
    println!("grown={grown} KiB");
    assert!(grown < 24 * 1024, "{grown} KiB");
}

/// The most memory that this process has had, in KiB.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Whoever is never kept waiting lets others run all the same.
#[tokio::test]
async fn a_busy_reader_lets_others_run() {
    let folder = Folder::new();
    let path = folder.with("x", jsonl(100_000));
    let turns = Arc::new(Mutex::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let other = tokio::spawn({
        let (turns, over) = (Arc::clone(&turns), Arc::clone(&over));
        async move {
            while !over.load(Ordering::Relaxed) {
                *turns.lock().unwrap() += 1;
                tokio::task::yield_now().await;
            }
        }
    });
    let mut stream = records::<Event>(&path).jsonl().stream();
    let mut longest = 0;
    let (mut seen, mut since) = (0, 0);
    while let Some(event) = stream.next().await {
        event.unwrap();
        since += 1;
        let now = *turns.lock().unwrap();
        if now != seen {
            (seen, since) = (now, 0);
        }
        longest = longest.max(since);
    }
    over.store(true, Ordering::Relaxed);
    other.await.unwrap();
    println!("longest={longest}");
    assert!(longest <= 4096, "{longest} records without a pause");
}

struct World {
    folder: Folder,
    path: std::path::PathBuf,
}

const CUT: u64 = 3000;

/// A file that a dropped file has still to write a line of, and several batches.
async fn world(content: impl AsRef<[u8]>, more: &str) -> World {
    let folder = Folder::new();
    let path = folder.with("x", content);
    let mut file = open(&path).append().await.unwrap();
    file.write_all(more.as_bytes()).await.unwrap();
    drop(file);
    World { folder, path }
}

async fn lines_world() -> World {
    world(jsonl(CUT), "{\"id\":0,\"name\":\"last\"}\n").await
}

async fn rows_world() -> World {
    world(csv(CUT), "0,last,\n").await
}

async fn check(world: World, cut: chaos::Cut) {
    write(&world.path, "7\n").await.unwrap();
    let next = records::<u8>(&world.path).jsonl().await.unwrap();
    assert_eq!(next, [7], "{cut:?}");
    // A future that is leaked keeps its file.
    if cut.fate != Fate::Leak {
        world.folder.closed().await;
    }
    drained().await.unwrap();
}

fn whole(events: &[Event]) {
    assert_eq!(events.len() as u64, CUT + 1);
    assert_eq!(events[CUT as usize].name, "last");
    assert!((0..CUT).all(|id| events[id as usize] == event(id)));
}

#[tokio::test]
async fn reading_all_lines() {
    cuts::every("ReadRecords::jsonl")
        .world(lines_world)
        .run(
            async |world| {
                let read: ReadJsonl<Event> = records(&world.path).jsonl();
                whole(&read.await.unwrap());
            },
            check,
        )
        .await;
}

#[tokio::test]
async fn reading_all_rows() {
    cuts::every("ReadRecords::csv")
        .world(rows_world)
        .run(
            async |world| whole(&records::<Event>(&world.path).csv().await.unwrap()),
            check,
        )
        .await;
}

/// The stream outlives each `next`: one that is cut has taken no record.
#[tokio::test]
async fn reading_one_after_another() {
    type Cut = (World, Records<Event>, Vec<Event>);
    let world = async || -> Cut {
        let world = lines_world().await;
        let stream = records::<Event>(&world.path).jsonl().stream();
        (world, stream, Vec::new())
    };
    cuts::every("Records::next")
        .world(world)
        .run(
            async |(_, stream, taken)| {
                while let Some(event) = stream.next().await {
                    taken.push(event.unwrap());
                }
            },
            async |(world, mut stream, mut taken), cut| {
                let more = rest(&mut stream).await;
                taken.extend(more.into_iter().map(Result::unwrap));
                whole(&taken);
                let over = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx));
                assert!(over.await.is_none());
                drop(stream);
                check(world, cut).await;
            },
        )
        .await;
}

type Numbers = Records<u8>;
type AllNumbers = aio_files::records::AllRecords<u8>;
type ReadNumbers = aio_files::records::ReadRecords<u8>;
type Lines = ReadJsonl<u8>;
type Rows = ReadCsv<u8>;

chaos::auto_traits! {
    ReadNumbers: Send, Sync, Unpin;
    Lines: Send, Sync, Unpin;
    Rows: Send, Sync, Unpin;
    Numbers: Send, Sync, Unpin;
    AllNumbers: Send, Sync, Unpin;
}
