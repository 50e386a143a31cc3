//! What workers print, and where it goes.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use aio_pool::workers::{Lines, Output, Source};
use aio_pool::{Error, Exit, Pool, TaskError};
use chaos::Trace;
use rustix::process::Signal;

use crate::death::send;
use crate::deeds::until;
use crate::guard::assert_nothing_left;
use crate::harness::trials;
use crate::tasks::{abort, nothing, pid};

trials![
    what_is_printed_comes_line_by_line_and_says_whose_it_is,
    what_a_task_starts_is_heard_too,
    discarded_output_goes_nowhere,
    without_lines_the_stream_is_over_at_once,
    a_forgotten_stream_stops_nobody_and_what_is_dropped_is_counted,
    a_worker_waits_for_a_reader_that_does_not_read,
    a_reader_that_leaves_lets_the_worker_go_on,
    what_a_killed_worker_had_written_comes_though_nobody_had_read_it,
    streams_of_a_pool_share_its_lines,
    a_line_without_end_comes_in_parts,
    the_last_output_of_a_dying_worker_comes_before_the_end,
    a_stack_overflow_is_in_the_error,
    what_is_not_read_is_not_in_the_error,
    last_words_are_short_in_the_message_and_whole_in_the_field,
    a_worker_that_never_gets_ready_says_why,
    what_holds_the_pipe_open_holds_nobody_up,
];

aio_pool::task! {
    pub(crate) async fn say(words: String) -> u32 {
        println!("{words}");
        std::process::id()
    }
}

aio_pool::task! {
    async fn say_on_both(out: String, err: String) -> u32 {
        println!("{out}");
        eprintln!("{err}");
        std::process::id()
    }
}

aio_pool::task! {
    /// Writes so many lines of 100 bytes, and says where.
    async fn chatter(lines: usize) -> u32 {
        let mut stdout = std::io::stdout().lock();
        for number in 0..lines {
            writeln!(stdout, "{number:099}").expect("a stdout");
        }
        std::process::id()
    }
}

aio_pool::task! {
    async fn run_a_shell(script: String) {
        let status = Command::new("sh").args(["-c", &script]).status();
        assert!(status.expect("a shell").success());
    }
}

aio_pool::task! {
    async fn say_and_abort(lines: usize) {
        chatter(lines).await;
        eprint!("no end of a line");
        std::process::abort()
    }
}

aio_pool::task! {
    async fn complain_and_abort(words: String) {
        eprint!("{words}");
        std::process::abort()
    }
}

aio_pool::task! {
    async fn overflow_the_stack() -> u64 {
        fn deeper(depth: u64) -> u64 {
            let page = std::hint::black_box([depth; 512]);
            if page[0] == u64::MAX { 0 } else { deeper(depth + 1) + page[511] }
        }
        deeper(std::hint::black_box(0))
    }
}

aio_pool::task! {
    /// Starts a process that leaves the group, holds stdout open, and writes to
    /// it when it is told to.
    async fn leave_a_holder() -> u32 {
        let child = Command::new("sleep")
            .arg("1000")
            .stdin(Stdio::null())
            .process_group(0)
            .spawn();
        println!("left");
        child.expect("sleep is everywhere").id()
    }
}

async fn pool(workers: usize) -> Pool {
    aio_pool::start()
        .workers(workers)
        .tasks_per_worker(1)
        .stdout(Output::Lines)
        .stderr(Output::Lines)
        .await
        .unwrap()
}

/// All that is left, in order.
async fn rest(mut lines: Lines) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(line) = lines.next().await {
        texts.push(line.text);
    }
    assert_eq!(lines.next().await, None, "it stays over");
    texts
}

async fn what_is_printed_comes_line_by_line_and_says_whose_it_is() {
    let before = Trace::take();
    let pool = pool(1).await;
    let mut lines = pool.lines();
    let words = ("one\ntwo\r\n".to_owned(), "three".to_owned());
    let worker = pool.call::<say_on_both>(words).await.unwrap();
    let mut said = Vec::new();
    for _ in 0..4 {
        let line = lines.next().await.unwrap();
        assert_eq!(line.pid, worker);
        said.push((line.source, line.text));
    }
    // The two are two pipes, and only the order within one is known.
    said.sort_by_key(|(source, _)| *source == Source::Stderr);
    let texts: Vec<_> = said.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["one", "two", "", "three"]);
    assert_eq!(said[3].0, Source::Stderr);
    assert_eq!(said[2].0, Source::Stdout);
    pool.close().await.unwrap();
    assert_nothing_left(&before);
    assert_eq!(rest(lines).await, [""; 0]);
}

async fn what_a_task_starts_is_heard_too() {
    let pool = pool(1).await;
    let mut lines = pool.lines();
    let script = "echo hi; printf '\\377\\n'; echo yes >&2; read x || echo none";
    pool.call::<run_a_shell>(script.to_owned()).await.unwrap();
    let mut said = Vec::new();
    for _ in 0..4 {
        said.push(lines.next().await.unwrap().text);
    }
    said.sort();
    assert_eq!(said, ["hi", "none", "yes", "\u{fffd}"]);
    assert_eq!(
        pool.call::<pid>(()).await.unwrap(),
        pool.call::<pid>(()).await.unwrap()
    );
    pool.close().await.unwrap();
}

async fn discarded_output_goes_nowhere() {
    let pool = aio_pool::start()
        .workers(1)
        .stdout(Output::Discard)
        .stderr(Output::Discard)
        .await
        .unwrap();
    let worker = pool.call::<say>("lost".to_owned()).await.unwrap();
    for descriptor in [1, 2] {
        let target = std::fs::read_link(format!("/proc/{worker}/fd/{descriptor}")).unwrap();
        assert_eq!(target.to_str(), Some("/dev/null"));
    }
    pool.close().await.unwrap();
    let pool = aio_pool::start().workers(1).await.unwrap();
    let worker = pool.call::<pid>(()).await.unwrap();
    for descriptor in [1, 2] {
        let of = |pid: &str| std::fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).unwrap();
        assert_eq!(of(&worker.to_string()), of("self"), "inherited unless told");
    }
    pool.close().await.unwrap();
}

async fn without_lines_the_stream_is_over_at_once() {
    let pool = aio_pool::start().workers(1).await.unwrap();
    assert_eq!(pool.lines().next().await, None);
    pool.close().await.unwrap();
}

/// More than the buffer and the pipe hold together.
const MANY: usize = 100_000;

async fn a_forgotten_stream_stops_nobody_and_what_is_dropped_is_counted() {
    let pool = pool(1).await;
    pool.call::<chatter>(MANY).await.unwrap();
    pool.close().await.unwrap();
    let lines = pool.lines();
    assert_eq!(lines.missed(), MANY as u64 - 1024);
    let kept = rest(lines).await;
    assert_eq!(kept.len(), 1024);
    assert_eq!(kept[1023].parse(), Ok(MANY - 1), "the newest");
    assert_eq!(kept[0].parse(), Ok(MANY - 1024));
}

/// So many lines are kept for a reader; then the worker's pipe is read no more.
const KEPT: u64 = 1024;

/// So many bytes are in a pipe of 64 KiB that takes no more: each of its pages may end
/// with less room than a line needs, and the first may be read but for a little.
const FULL_PIPE: u64 = 56 << 10;

/// How many bytes a process has written, to whatever is no socket.
fn written(process: u32) -> u64 {
    let counts = std::fs::read_to_string(format!("/proc/{process}/io")).unwrap();
    let written = counts.lines().find_map(|line| line.strip_prefix("wchar: "));
    written.unwrap().parse().unwrap()
}

/// Waits until nobody reads what this worker prints, and the pipe is full. Before
/// it began to, it had written so much.
async fn wait_until_full(worker: u32, before: u64) {
    let pipe = std::fs::File::open(format!("/proc/{worker}/fd/1")).unwrap();
    until("a worker that nobody reads", || {
        // Looked at before the pipe: what is written meanwhile waits in it, and
        // is not taken for read.
        let written = written(worker) - before;
        let waiting = rustix::io::ioctl_fionread(&pipe).unwrap();
        let read = written.saturating_sub(waiting);
        waiting >= FULL_PIPE && read >= KEPT * 100
    })
    .await;
}

async fn a_worker_waits_for_a_reader_that_does_not_read() {
    let pool = pool(1).await;
    let lines = pool.lines();
    let worker = pool.call::<pid>(()).await.unwrap();
    let before = written(worker);
    let call = tokio::spawn(pool.call::<chatter>(MANY).into_future());
    tokio::task::yield_now().await;
    wait_until_full(worker, before).await;
    assert_eq!(lines.missed(), 0);
    let reading = tokio::spawn(rest(lines));
    assert_eq!(call.await.unwrap().unwrap(), worker);
    pool.close().await.unwrap();
    let said = reading.await.unwrap();
    assert_eq!(said.len(), MANY);
    assert!(
        said.iter()
            .enumerate()
            .all(|(number, text)| text.parse() == Ok(number))
    );
    assert_eq!(pool.lines().missed(), 0);
}

async fn a_reader_that_leaves_lets_the_worker_go_on() {
    let pool = pool(1).await;
    let lines = pool.lines();
    let also = pool.lines();
    let worker = pool.call::<pid>(()).await.unwrap();
    let before = written(worker);
    let call = tokio::spawn(pool.call::<chatter>(MANY).into_future());
    tokio::task::yield_now().await;
    wait_until_full(worker, before).await;
    drop(lines);
    assert_eq!(also.missed(), 0, "the other is a reader as well");
    drop(also);
    call.await.unwrap().unwrap();
    pool.close().await.unwrap();
}

async fn what_a_killed_worker_had_written_comes_though_nobody_had_read_it() {
    let pool = pool(1).await;
    let lines = pool.lines();
    let worker = pool.call::<pid>(()).await.unwrap();
    let before = written(worker);
    let call = tokio::spawn(pool.call::<chatter>(MANY).into_future());
    tokio::task::yield_now().await;
    wait_until_full(worker, before).await;
    send(Signal::KILL, worker);
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, TaskError::WorkerLost { .. }), "{error}");
    pool.close().await.unwrap();
    let mut said = rest(lines).await;
    // The last may have been cut short.
    said.pop();
    assert!(
        said.iter()
            .enumerate()
            .all(|(number, text)| text.parse() == Ok(number))
    );
    // A full buffer, and behind it a full pipe.
    assert!(
        said.len() as u64 > KEPT + FULL_PIPE / 100 - 2,
        "{}",
        said.len()
    );
}

async fn streams_of_a_pool_share_its_lines() {
    let pool = pool(1).await;
    let readers = [
        tokio::spawn(rest(pool.lines())),
        tokio::spawn(rest(pool.lines())),
    ];
    pool.call::<chatter>(3000).await.unwrap();
    pool.close().await.unwrap();
    let mut said = Vec::new();
    for reader in readers {
        said.extend(reader.await.unwrap());
    }
    said.sort();
    assert_eq!(said.len(), 3000);
    assert!(
        said.iter()
            .enumerate()
            .all(|(number, text)| text.parse() == Ok(number))
    );
}

async fn a_line_without_end_comes_in_parts() {
    let pool = pool(1).await;
    let reading = tokio::spawn(rest(pool.lines()));
    let words = "é".repeat(100_000);
    pool.call::<say>(words.clone()).await.unwrap();
    pool.close().await.unwrap();
    let said = reading.await.unwrap();
    assert!(said.iter().all(|part| part.len() <= 64 << 10));
    assert_eq!(said.len(), 4);
    assert_eq!(said.concat(), words);
}

async fn the_last_output_of_a_dying_worker_comes_before_the_end() {
    for _ in 0..20 {
        let pool = pool(1).await;
        let reading = tokio::spawn(rest(pool.lines()));
        let error = pool.call::<say_and_abort>(300).await.unwrap_err();
        let TaskError::WorkerLost { exit, stderr, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(exit, Exit::Signal(6));
        assert_eq!(stderr.as_deref(), Some("no end of a line"));
        pool.close().await.unwrap();
        let said = reading.await.unwrap();
        assert_eq!(said.len(), 301);
        assert!(said.contains(&"no end of a line".to_owned()));
    }
}

async fn a_stack_overflow_is_in_the_error() {
    let pool = pool(1).await;
    let error = pool.call::<overflow_the_stack>(()).await.unwrap_err();
    let said = error.to_string();
    let TaskError::WorkerLost { exit, stderr, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(exit, Exit::Signal(6));
    let stderr = stderr.unwrap();
    assert!(stderr.contains("has overflowed its stack"), "{stderr}");
    assert!(
        said.contains(": killed by signal 6; its last words: "),
        "{said}"
    );
    assert!(said.contains("has overflowed its stack"), "{said}");
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn what_is_not_read_is_not_in_the_error() {
    let pool = aio_pool::start()
        .workers(1)
        .stdout(Output::Lines)
        .stderr(Output::Discard)
        .await
        .unwrap();
    let complaint = "unheard".to_owned();
    let error = pool
        .call::<complain_and_abort>(complaint)
        .await
        .unwrap_err();
    assert!(matches!(error, TaskError::WorkerLost { stderr: None, .. }));
    pool.close().await.unwrap();
    let pool = self::pool(1).await;
    let error = pool.call::<abort>(()).await.unwrap_err();
    assert!(
        matches!(error, TaskError::WorkerLost { stderr: None, .. }),
        "it wrote nothing"
    );
    pool.close().await.unwrap();
}

async fn last_words_are_short_in_the_message_and_whole_in_the_field() {
    let pool = pool(1).await;
    let words = format!(
        "before\nfirst\n\n\u{1b}[31msecond\n third \n{}\n",
        "x".repeat(300)
    );
    let error = pool
        .call::<complain_and_abort>(words.clone())
        .await
        .unwrap_err();
    let said = error.to_string();
    let end = format!("; its last words: [31msecond / third / {}", "x".repeat(200));
    assert!(said.ends_with(&end), "{said}");
    let TaskError::WorkerLost { stderr, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(stderr.as_deref(), Some(words.trim()));
    pool.close().await.unwrap();
}

async fn a_worker_that_never_gets_ready_says_why() {
    let start = aio_pool::start()
        .workers(1)
        .env("AIO_POOL_TEST_VICTIM", "nobody")
        .env_remove("RUST_BACKTRACE")
        .stdout(Output::Discard)
        .stderr(Output::Lines);
    let error = start.await.unwrap_err();
    let Error::NeverReady { reason } = error else {
        panic!("{error}");
    };
    assert!(reason.contains("; its last words: "), "{reason}");
    assert!(reason.contains("no victim is called nobody"), "{reason}");
}

async fn what_holds_the_pipe_open_holds_nobody_up() {
    let before = Trace::take();
    let pool = pool(1).await;
    let lines = pool.lines();
    let holder = pool.call::<leave_a_holder>(()).await.unwrap();
    pool.close().await.unwrap();
    assert_eq!(rest(lines).await, ["left"]);
    assert_nothing_left(&before);
    send(Signal::KILL, holder);
}
