//! What all streams of a file's content share: cancellation, wake-ups, FIFOs,
//! runtimes, neighbours.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use aio_files::chunks::Chunks;
use aio_files::lines::{LineBytes, Lines};
use chaos::cuts;
use chaos::woken::{probe, probe_stream};
use futures_core::Stream;

use crate::folder::Folder;
use crate::sources::{block_on, everywhere, forget_pages};

const LINES: usize = 2000;
/// Enough of them for several blocks, and so for several waits.
const SOME: usize = 1200;

/// A stream half read, and what it has given.
struct World<S> {
    folder: Folder,
    stream: S,
    given: Vec<u8>,
    content: Vec<u8>,
    /// The other end, if it is a FIFO.
    pipe: Option<fs::File>,
}

fn numbered(lines: usize) -> Vec<u8> {
    (0..lines)
        .flat_map(|line| format!("{line:09}\n").into_bytes())
        .collect()
}

/// Two megabytes that aren't cached, so that there is something to wait for: in
/// long lines, since every cut reads them all.
fn uncached(folder: &Folder) -> (PathBuf, Vec<u8>) {
    let content: Vec<u8> = (0..LINES)
        .flat_map(|line| format!("{line:0999}\n").into_bytes())
        .collect();
    let path = folder.with("x", &content);
    forget_pages(&path);
    (path, content)
}

impl<S> World<S> {
    fn new(stream: impl Fn(PathBuf) -> S) -> Self {
        let folder = Folder::new();
        let (path, content) = uncached(&folder);
        Self {
            stream: stream(path),
            folder,
            given: Vec::new(),
            content,
            pipe: None,
        }
    }

    fn of_a_fifo(stream: impl Fn(PathBuf) -> S) -> Self {
        let folder = Folder::new();
        let path = folder.fifo("fifo");
        let pipe = held(&path);
        Self {
            stream: stream(path),
            folder,
            given: Vec::new(),
            content: Vec::new(),
            pipe: Some(pipe),
        }
    }

    /// Nothing is lost and nothing doubled, and nothing stays open.
    async fn ends_well(self) {
        assert!(self.given == self.content);
        drop(self.stream);
        assert!(self.pipe.is_none());
        self.folder.closed().await;
    }
}

/// The next item as it is in the file.
trait Next {
    async fn next_part(&mut self) -> Option<Vec<u8>>;
}

impl Next for Lines {
    async fn next_part(&mut self) -> Option<Vec<u8>> {
        let line = self.next().await?.unwrap();
        Some(format!("{line}\n").into_bytes())
    }
}

/// With their ends.
impl Next for LineBytes {
    async fn next_part(&mut self) -> Option<Vec<u8>> {
        Some(self.next().await?.unwrap().to_vec())
    }
}

/// The same lines, lent.
struct Lent<S>(S);

impl Next for Lent<Lines> {
    async fn next_part(&mut self) -> Option<Vec<u8>> {
        let line = self.0.next_ref().await?.unwrap();
        Some(format!("{line}\n").into_bytes())
    }
}

impl Next for Lent<LineBytes> {
    async fn next_part(&mut self) -> Option<Vec<u8>> {
        Some(self.0.next_ref().await?.unwrap().to_vec())
    }
}

impl Next for Chunks {
    async fn next_part(&mut self) -> Option<Vec<u8>> {
        Some(self.next().await?.unwrap().to_vec())
    }
}

impl<S: Next> World<S> {
    async fn take(&mut self, most: usize) {
        for _ in 0..most {
            let Some(part) = self.stream.next_part().await else {
                break;
            };
            self.given.extend(part);
        }
    }

    /// Takes parts of a FIFO, each of which is written when it is waited for.
    async fn take_fed(&mut self, parts: usize) {
        for part in 0..parts {
            let Self {
                stream,
                pipe: Some(pipe),
                content,
                given,
                ..
            } = self
            else {
                panic!("no FIFO")
            };
            let mut next = std::pin::pin!(stream.next_part());
            let mut fed = false;
            let found = std::future::poll_fn(|cx| {
                let polled = next.as_mut().poll(cx);
                if !fed {
                    assert!(polled.is_pending());
                    fed = true;
                    let line = format!("part {part}\n").into_bytes();
                    pipe.write_all(&line).unwrap();
                    content.extend(line);
                }
                polled
            });
            given.extend(found.await.unwrap());
        }
    }
}

/// Cuts a stream of a file and one of a FIFO, and then reads it to its end.
async fn cut<S: Next + 'static>(name: &'static str, build: fn(PathBuf) -> S) {
    cuts::every(format!("{name} of a file"))
        .world(async || World::new(build))
        .run(
            async |world| world.take(SOME).await,
            async |mut world, _| {
                world.take(usize::MAX).await;
                world.ends_well().await;
            },
        )
        .await;
    let report = cuts::every(name)
        .world(async || World::of_a_fifo(build))
        .run(
            async |world| world.take_fed(5).await,
            async |mut world, _| {
                let mut pipe = world.pipe.take().unwrap();
                pipe.write_all(b"the end\n").unwrap();
                world.content.extend(b"the end\n");
                while world.given.len() < world.content.len() {
                    world.take(1).await;
                }
                drop(pipe);
                world.ends_well().await;
            },
        )
        .await;
    assert!(report.polls > 5, "{report:?}");
}

#[tokio::test]
async fn next_line_cut() {
    cut("Lines::next", |path| aio_files::lines(path).stream()).await;
}

#[tokio::test]
async fn next_bytes_cut() {
    cut("LineBytes::next", |path| {
        aio_files::lines(path).bytes().keep_ends().stream()
    })
    .await;
}

#[tokio::test]
async fn next_ref_cut() {
    cut("Lines::next_ref", |path| {
        Lent(aio_files::lines(path).stream())
    })
    .await;
    cut("LineBytes::next_ref", |path| {
        Lent(aio_files::lines(path).bytes().keep_ends().stream())
    })
    .await;
}

#[tokio::test]
async fn next_chunk_cut() {
    cut("Chunks::next", |path| {
        aio_files::chunks(path).size(100_000).stream()
    })
    .await;
}

/// A file that isn't cached, to be read in one hop.
async fn whole() -> (Folder, PathBuf) {
    let folder = Folder::new();
    let (path, _) = uncached(&folder);
    (folder, path)
}

async fn ends_whole((folder, path): (Folder, PathBuf)) {
    folder.closed().await;
    assert_eq!(aio_files::lines(&path).await.unwrap().len(), LINES);
}

#[tokio::test]
async fn all_lines_cut() {
    cuts::every("lines")
        .world(whole)
        .run(
            async |(_, path)| {
                let lines = aio_files::lines(path).await.unwrap();
                assert_eq!(lines.len(), LINES);
            },
            async |world, _| ends_whole(world).await,
        )
        .await;
}

#[tokio::test]
async fn all_lines_as_bytes_cut() {
    cuts::every("ReadLines::bytes")
        .world(whole)
        .run(
            async |(_, path)| {
                let lines = aio_files::lines(path).bytes().await.unwrap();
                assert_eq!(lines.len(), LINES);
            },
            async |world, _| ends_whole(world).await,
        )
        .await;
}

#[tokio::test]
async fn dropped_wherever_it_is_nothing_stays_open() {
    for cached in [true, false] {
        for taken in [0, 1, 5, 7, 8] {
            let folder = Folder::new();
            let (path, content) = uncached(&folder);
            if cached {
                assert!(fs::read(&path).unwrap() == content);
            }
            let mut lines = aio_files::lines(&path).stream();
            let mut chunks = aio_files::chunks(&path).stream();
            for _ in 0..taken {
                lines.next().await.unwrap().unwrap();
                chunks.next().await.unwrap().unwrap();
            }
            if taken == 0 {
                let mut next = Box::pin(lines.next());
                assert!(crate::folder::poll_once(next.as_mut()).is_pending());
            }
            drop((lines, chunks));
            folder.closed().await;
        }
    }
}

#[test]
fn what_a_fifo_gives_wakes_and_comes_at_once() {
    let folder = Folder::new();
    let path = folder.fifo("fifo");
    let mut pipe = held(&path);
    let mut lines = probe_stream("lines", aio_files::lines(&path).stream());
    for round in 0..10 {
        // Another waker each time, of which the last counts.
        lines.pending();
        lines.pending();
        lines.asleep();
        write!(pipe, "line {round}\nthe beginning").unwrap();
        let expected = match round {
            0 => "line 0".to_owned(),
            _ => format!("the beginningline {round}"),
        };
        assert_eq!(next_woken(&mut lines).unwrap().unwrap(), expected);
    }
    lines.pending();
    drop(pipe);
    assert_eq!(next_woken(&mut lines).unwrap().unwrap(), "the beginning");
    assert!(next_woken(&mut lines).is_none());

    let mut pipe = held(&path);
    let mut chunks = probe_stream("chunks", aio_files::chunks(&path).size(4).stream());
    chunks.pending();
    pipe.write_all(b"sixsix").unwrap();
    assert_eq!(next_woken(&mut chunks).unwrap().unwrap(), "sixs");
    assert_eq!(next_woken(&mut chunks).unwrap().unwrap(), "ix");
    chunks.pending();
    drop(pipe);
    assert!(next_woken(&mut chunks).is_none());
}

/// The next item, however often it was woken for a part of one.
fn next_woken<S: futures_core::Stream>(
    stream: &mut chaos::woken::StreamProbe<S>,
) -> Option<S::Item> {
    loop {
        match stream.poll() {
            std::task::Poll::Ready(item) => return item,
            std::task::Poll::Pending => stream.woken(),
        }
    }
}

fn held(path: &std::path::Path) -> fs::File {
    fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap()
}

#[tokio::test]
async fn streams_that_stand_still_hold_nobody_up() {
    let folder = Folder::new();
    let path = folder.fifo("fifo");
    let pipe = held(&path);
    let mut waiting = Vec::new();
    // More than there are shared threads, and some that wait for all at once.
    for _ in 0..100 {
        let mut lines = probe_stream("lines", aio_files::lines(&path).stream());
        lines.pending();
        let mut all = probe("all lines", aio_files::lines(&path).into_future());
        all.pending();
        waiting.push((lines, all));
    }
    let other = folder.with("other", "still\nserved");
    let serve = async {
        let mut lines = aio_files::lines(&other).stream();
        assert_eq!(lines.next().await.unwrap().unwrap(), "still");
        assert_eq!(aio_files::lines(&other).await.unwrap().len(), 2);
    };
    chaos::watchdog::future("lines beside FIFOs", serve).await;
    // Dropping them doesn't wait; their threads go with the other end.
    drop(waiting);
    drop(pipe);
    // Those that have yet to open it wait for somebody who writes.
    let closed = async {
        while folder.descriptors() > 0 {
            drop(held(&path));
            tokio::task::yield_now().await;
        }
    };
    chaos::watchdog::future("the FIFO's readers", closed).await;
}

#[test]
fn a_stream_goes_on_without_a_runtime_and_on_another_one() {
    let folder = Folder::new();
    let (path, content) = uncached(&folder);
    let expected = String::from_utf8(content).unwrap();
    let mut expected = expected.lines();
    let build = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap()
    };
    let mut lines = aio_files::lines(&path).stream();
    for round in 0..4 {
        let part: Vec<_> = expected.by_ref().take(500).collect();
        let mut take = async |most: usize| {
            let mut found = Vec::new();
            for _ in 0..most {
                found.push(lines.next().await.unwrap().unwrap());
            }
            found
        };
        let found = if round % 2 == 0 {
            let runtime = build();
            // It ends while the next block is being read.
            runtime.block_on(take(500))
        } else {
            block_on(take(500))
        };
        assert!(found == part, "round {round}");
    }
    assert!(block_on(lines.next()).is_none());
}

#[test]
fn a_runtime_that_ends_takes_its_streams_with_it_and_hangs_on_none() {
    let folder = Folder::new();
    let fifo = folder.fifo("fifo");
    let pipe = held(&fifo);
    let (path, _) = uncached(&folder);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let (started, start) = std::sync::mpsc::channel();
    for path in [fifo, path] {
        let started = started.clone();
        runtime.spawn(async move {
            started.send(()).unwrap();
            loop {
                let mut lines = aio_files::lines(&path).stream();
                while lines.next().await.is_some() {}
            }
        });
    }
    start.recv().unwrap();
    start.recv().unwrap();
    chaos::watchdog::closure("ending the runtime", move || drop(runtime));
    drop(pipe);
    block_on(async {
        while folder.descriptors() > 0 {
            // A reader that has yet to open the FIFO waits for a writer.
            drop(held(&folder.file("fifo")));
        }
    });
}

#[test]
fn neighbours_run_beside_a_stream_that_never_waits() {
    let folder = Folder::new();
    let short = folder.with("short", numbered(500_000));
    let long = folder.with("long", vec![b'x'; 64 << 20]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let rounds = Arc::new(AtomicUsize::new(0));
        let neighbour = tokio::spawn({
            let rounds = Arc::clone(&rounds);
            async move {
                loop {
                    rounds.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }
        });
        // How often the neighbour ran between two items.
        let count = Arc::clone(&rounds);
        let lines = tokio::spawn(async move {
            let mut lines = aio_files::lines(short).bytes().stream();
            let mut pauses = Pauses::new(count);
            while let Some(line) = lines.next().await {
                line.unwrap();
                pauses.look();
            }
            pauses.seen
        });
        let pauses = lines.await.unwrap();
        // There is one in each 8,192 lines; tokio lets the neighbour run in half
        // of them, since it wakes who has paused in reverse.
        assert!(pauses >= 25, "{pauses}");
        let count = Arc::clone(&rounds);
        let chunks = tokio::spawn(async move {
            let mut chunks = aio_files::chunks(long).stream();
            let mut pauses = Pauses::new(count);
            while let Some(chunk) = chunks.next().await {
                chunk.unwrap();
                pauses.look();
            }
            pauses.seen
        });
        let pauses = chunks.await.unwrap();
        // And one in each two megabytes.
        assert!(pauses >= 12, "{pauses}");
        neighbour.abort();
    });
}

/// How many items a stream gives, and how many at most without a pause, to one
/// who polls it without a runtime.
pub(crate) fn longest_run<T>(
    mut stream: impl Stream<Item = io::Result<T>> + Unpin,
) -> (usize, usize) {
    let (mut given, mut run, mut longest) = (0, 0, 0);
    loop {
        let next = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_next(cx));
        let mut next = probe("next", next);
        match next.poll() {
            Poll::Ready(None) => return (given, longest),
            Poll::Ready(Some(item)) => {
                item.unwrap();
                (given, run) = (given + 1, run + 1);
                longest = longest.max(run);
            }
            Poll::Pending => {
                next.woken();
                run = 0;
            }
        }
    }
}

struct Pauses {
    rounds: Arc<AtomicUsize>,
    before: usize,
    seen: usize,
}

impl Pauses {
    fn new(rounds: Arc<AtomicUsize>) -> Self {
        let before = rounds.load(Ordering::Relaxed);
        Self {
            rounds,
            before,
            seen: 0,
        }
    }

    fn look(&mut self) {
        let now = self.rounds.load(Ordering::Relaxed);
        self.seen += usize::from(now != self.before);
        self.before = now;
    }
}

#[tokio::test]
async fn the_extension_traits_of_others_work_beside_ours() {
    everywhere(async |folder| {
        let path = folder.join("x");
        fs::write(&path, "1\n2\n3\n").unwrap();
        {
            use futures_util::{StreamExt, TryStreamExt};
            let mut lines = aio_files::lines(&path).stream();
            assert_eq!(lines.next().await.unwrap().unwrap(), "1");
            assert_eq!(lines.position().line, 1);
            let rest: Vec<_> = lines.map_ok(|line| line.len()).try_collect().await.unwrap();
            assert_eq!(rest, [1, 1]);
            let chunks = aio_files::chunks(&path).size(2).stream();
            assert_eq!(chunks.take(2).count().await, 2);
        }
        {
            use tokio_stream::StreamExt;
            let mut lines = aio_files::lines(&path).bytes().stream();
            assert_eq!(lines.next().await.unwrap().unwrap(), "1");
            assert_eq!(lines.position().line, 1);
            let rest: Result<Vec<_>, _> = lines.collect().await;
            assert_eq!(rest.unwrap(), ["2", "3"]);
            let mut chunks = aio_files::chunks(&path).size(2).stream();
            assert_eq!(chunks.next().await.unwrap().unwrap(), "1\n");
            assert_eq!(
                chunks
                    .filter(|chunk| chunk.is_ok())
                    .map(drop)
                    .fold(0, |sum, ()| sum + 1)
                    .await,
                2
            );
        }
    })
    .await;
}
