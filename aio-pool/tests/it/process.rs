//! One task in a process of its own.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use aio_pool::workers::Output;
use aio_pool::{Error, Exit, Never, Process, TaskError};
use chaos::Trace;
use rustix::process::Signal;

use crate::death::{send, wait_until_stopped};
use crate::deeds::{children_of, until, until_told};
use crate::env::variable;
use crate::guard::assert_nothing_left;
use crate::harness::{runtime, trials};
use crate::line::Line;
use crate::output::say;
use crate::tasks::{Overflow, Picky, Stranger, echo, exit, fib, hold, panics, pid, take_picky};

trials![
    a_joined_process_gives_its_output_and_leaves_nothing,
    an_error_and_a_panic_are_outcomes,
    a_process_that_dies_is_named_and_not_replaced,
    a_process_that_dies_before_its_task_begins_is_not_replaced,
    a_killed_process_leaves_nothing,
    a_dropped_process_leaves_nothing,
    a_join_that_is_dropped_kills,
    a_process_ends_by_itself,
    an_answer_counts_however_the_process_ends,
    a_process_takes_the_options_of_a_pool,
    a_task_that_cannot_be_given_is_an_error_at_once,
    a_process_outlives_the_runtime_that_started_it,
    with_joins_after_ok,
    with_kills_after_err,
    with_leaves_nothing_after_a_panic,
];

aio_pool::task! {
    /// Answers, and leaves something behind that computes for ever.
    async fn answer_and_hang(line: String) -> u32 {
        // Said here: a process that is to end may end before that begins.
        let line = crate::line::call(&line);
        tokio::spawn(async move {
            let _line = line;
            loop {
                std::hint::spin_loop();
            }
        });
        7
    }
}

/// Says so when it is dropped.
struct LastWord(UnixStream);

impl Drop for LastWord {
    fn drop(&mut self) {
        self.0.write_all(&[1]).expect("its ear");
    }
}

aio_pool::task! {
    /// Holds on, and says a word if it is cancelled and not killed.
    async fn hold_with_a_word(line: String) {
        let _word = LastWord(crate::line::call(&line));
        std::future::pending::<()>().await;
    }
}

async fn held(line: &Line) -> Process<hold> {
    aio_pool::process::<hold>(line.name.clone()).await.unwrap()
}

async fn a_joined_process_gives_its_output_and_leaves_nothing() {
    let before = Trace::take();
    let process = aio_pool::process::<pid>(()).await.unwrap();
    let worker = process.pid();
    assert_eq!(process.join().await.unwrap(), worker);
    assert_nothing_left(&before);
}

async fn an_error_and_a_panic_are_outcomes() {
    let process = aio_pool::process::<fib>(200).await.unwrap();
    let error = process.join().await.unwrap_err();
    assert!(
        matches!(error, TaskError::Task(Overflow { .. })),
        "{error:?}"
    );
    let process = aio_pool::start()
        .stderr(Output::Discard)
        .process::<panics>("ouch".to_owned());
    let error = process.await.unwrap().join().await.unwrap_err();
    assert!(matches!(error, TaskError::Panicked { message, .. } if message == "ouch"));
}

async fn a_process_that_dies_is_named_and_not_replaced() {
    let before = Trace::take();
    let process = aio_pool::process::<exit>(3).await.unwrap();
    let worker = process.pid();
    match process.join().await.unwrap_err() {
        TaskError::WorkerLost {
            pid,
            exit,
            started: true,
            beside: 0,
            ..
        } => assert_eq!((pid, exit), (worker, Exit::Code(3))),
        other => panic!("{other:?}"),
    }
    assert_nothing_left(&before);
    let line = Line::open();
    let process = held(&line).await;
    let running = line.next().await;
    assert_eq!(running.pid, process.pid());
    send(Signal::KILL, running.pid);
    let error = process.join().await.unwrap_err();
    assert!(matches!(
        error,
        TaskError::WorkerLost {
            exit: Exit::Signal(9),
            ..
        }
    ));
    drop((line, running));
    before.assert_same().await;
}

/// Says that it was woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

type Starting = Pin<Box<dyn Future<Output = Result<Process<pid>, Error>> + Send>>;

aio_pool::initializer! {
    async fn not_before_it_is_told(line: String) {
        until_told(&line).await;
    }
}

/// A process that is ready, and has not been given its task.
async fn ready() -> (Starting, u32) {
    let line = Line::open();
    let start = aio_pool::start().initializer::<not_before_it_is_told>(line.name.clone());
    let mut starting = start.process::<pid>(()).into_future();
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&flag));
    let polled = starting.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    drop(line.next().await);
    until("a process that is ready", || flag.0.load(Ordering::Acquire)).await;
    let [worker] = children_of(std::process::id())[..] else {
        panic!("one process has one child");
    };
    (starting, worker)
}

async fn a_process_that_dies_before_its_task_begins_is_not_replaced() {
    let before = Trace::take();
    for stop in [true, false] {
        let (starting, worker) = ready().await;
        let process = if stop {
            // It is given its task, and cannot take it.
            send(Signal::STOP, worker);
            wait_until_stopped(worker).await;
            let process = starting.await.unwrap();
            send(Signal::KILL, worker);
            process
        } else {
            send(Signal::KILL, worker);
            until("a worker that is reaped", || {
                children_of(std::process::id()).is_empty()
            })
            .await;
            // As long as it takes to start a worker, had anyone started one.
            let other = aio_pool::start().workers(1).await.unwrap();
            other.close().await.unwrap();
            assert_eq!(children_of(std::process::id()), []);
            starting.await.unwrap()
        };
        assert_eq!(process.pid(), worker);
        match process.join().await.unwrap_err() {
            TaskError::WorkerLost {
                pid,
                exit,
                started: false,
                ..
            } => assert_eq!((pid, exit), (worker, Exit::Signal(9))),
            other => panic!("{other:?}"),
        }
        assert_nothing_left(&before);
    }
}

async fn a_killed_process_leaves_nothing() {
    let before = Trace::take();
    let line = Line::open();
    let process = held(&line).await;
    let running = line.next().await;
    assert!(process.is_running());
    process.kill().await;
    assert!(!std::fs::exists(format!("/proc/{}", running.pid)).unwrap());
    running.gone().await;
    drop(line);
    assert_nothing_left(&before);
}

async fn a_dropped_process_leaves_nothing() {
    let before = Trace::take();
    let line = Line::open();
    let process = aio_pool::process::<hold_with_a_word>(line.name.clone());
    let process = process.await.unwrap();
    let running = line.next().await;
    drop(process);
    running.gone().await;
    drop(line);
    before.assert_same().await;
}

async fn a_join_that_is_dropped_kills() {
    let before = Trace::take();
    let line = Line::open();
    let join = tokio::spawn(held(&line).await.join());
    let running = line.next().await;
    join.abort();
    running.gone().await;
    assert!(join.await.unwrap_err().is_cancelled());
    drop(line);
    before.assert_same().await;
}

async fn a_process_ends_by_itself() {
    let before = Trace::take();
    let process = aio_pool::process::<echo>(vec![9]).await.unwrap();
    while process.is_running() {
        tokio::task::yield_now().await;
    }
    before.assert_same().await;
    assert_eq!(process.join().await.unwrap(), [9]);
}

async fn an_answer_counts_however_the_process_ends() {
    let before = Trace::take();
    let line = Line::open();
    let name = line.name.clone();
    let process = aio_pool::process::<answer_and_hang>(name).await.unwrap();
    let running = line.next().await;
    assert_eq!(process.join().await.unwrap(), 7);
    running.gone().await;
    drop(line);
    assert_nothing_left(&before);
}

async fn a_process_takes_the_options_of_a_pool() {
    let start = aio_pool::start().workers(5).env_each("POOL_P", |place| {
        assert_eq!(place, 0, "it has one place");
        "zero"
    });
    let process = start.process::<variable>("POOL_P".to_owned());
    let value = process.await.unwrap().join().await.unwrap();
    assert_eq!(value.as_deref(), Some("zero"));

    let start = aio_pool::start().stdout(Output::Lines);
    let process = start.process::<say>("hello".to_owned()).await.unwrap();
    let mut lines = process.lines();
    let worker = process.join().await.unwrap();
    let line = lines.next().await.unwrap();
    assert_eq!((line.pid, line.text.as_str()), (worker, "hello"));
    assert_eq!(lines.next().await, None);

    let error = aio_pool::start().env("", "").process::<pid>(()).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "env", .. }));
}

async fn a_task_that_cannot_be_given_is_an_error_at_once() {
    let before = Trace::take();
    let error = aio_pool::process::<take_picky>(Picky::NotWritten).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Encode { .. }), "{error}");
    let error = aio_pool::process::<Stranger>(()).await.unwrap_err();
    let task = "tests/stranger";
    assert_eq!(error, Error::UnknownTask { task });
    assert_nothing_left(&before);
}

async fn a_process_outlives_the_runtime_that_started_it() {
    let before = Trace::take();
    let line = Line::open();
    let name = line.name.clone();
    let start = move || runtime().block_on(aio_pool::process::<hold>(name).into_future());
    let process = std::thread::spawn(start).join().unwrap().unwrap();
    let running = line.next().await;
    assert!(process.is_running());
    std::thread::spawn(move || drop(process)).join().unwrap();
    running.gone().await;
    drop(line);
    before.assert_same().await;
}

async fn with_joins_after_ok() {
    let before = Trace::take();
    let mut worker = 0;
    let body = async |process: &mut Process<pid>| -> Result<(), TaskError<Never>> {
        worker = process.pid();
        Ok(())
    };
    let said = aio_pool::process::<pid>(()).with(body).await.unwrap();
    assert_eq!(said, worker);
    assert_nothing_left(&before);
    let body = async |_: &mut Process<exit>| -> Result<(), TaskError<Never>> { Ok(()) };
    let error = aio_pool::process::<exit>(4).with(body).await.unwrap_err();
    assert!(matches!(error, TaskError::WorkerLost { .. }), "{error:?}");
}

async fn with_kills_after_err() {
    let before = Trace::take();
    let line = Line::open();
    let mut running = None;
    let body = async |_: &mut Process<hold>| -> Result<(), TaskError<Never>> {
        running = Some(line.next().await);
        Err(Error::Closed.into())
    };
    let process = aio_pool::process::<hold>(line.name.clone());
    let error = process.with(body).await.unwrap_err();
    assert_eq!(error, TaskError::Pool(Error::Closed), "the body's own");
    running.unwrap().gone().await;
    drop(line);
    assert_nothing_left(&before);
}

async fn with_leaves_nothing_after_a_panic() {
    let before = Trace::take();
    let line = Line::open();
    let process = aio_pool::process::<hold>(line.name.clone());
    let with = tokio::spawn(
        process.with(async |_| -> Result<(), TaskError<Never>> { panic!("in the body") }),
    );
    assert!(with.await.unwrap_err().is_panic());
    drop(line);
    before.assert_same().await;
}
