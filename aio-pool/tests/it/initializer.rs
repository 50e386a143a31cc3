//! What each worker runs before it is ready.

use std::fmt;
use std::future::pending;
use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aio_pool::{Context, Error, Initializer, Never, Start, initializer, register, task};
use chaos::Trace;
use rustix::process::Signal;
use tokio::sync::{mpsc, oneshot};

use crate::death::send;
use crate::harness::trials;
use crate::line::{self, Line};
use crate::tasks::Picky;
use crate::victims::{victim, with_line};

trials![
    it_runs_once_in_each_worker_and_tasks_share_what_it_made,
    it_is_still_a_function,
    it_runs_again_in_a_worker_that_replaces_another,
    several_run_in_order_and_each_state_is_kept,
    what_it_spawns_lives_as_long_as_the_worker,
    one_that_fails_is_named_with_what_it_said,
    one_that_panics_is_named_with_message_and_place,
    one_that_does_not_end_is_named,
    one_that_ends_its_process_is_named,
    one_that_fails_later_ends_in_one_clear_error,
    the_end_of_the_program_ends_a_worker_that_is_not_ready,
    two_of_one_state_are_refused,
    those_without_a_state_may_be_many,
    one_that_nobody_registered_is_named,
    an_input_that_does_not_cross_is_an_error_on_either_side,
    a_password_is_not_in_the_debug_output,
];

/// Where and how often an initializer has run.
struct Counted {
    pid: u32,
    runs: u32,
}

initializer! {
    async fn counted(first: u32) -> Counted {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        Counted { pid: id(), runs: first + RUNS.fetch_add(1, Ordering::Relaxed) }
    }
}

task! {
    async fn count(cx: Context) -> (u32, u32, u32) {
        let Counted { pid, runs } = cx.state();
        (id(), *pid, *runs)
    }
}

/// Not a number.
struct Refusal(u32);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no such database: {}", self.0)
    }
}

struct Database(Vec<Option<u32>>);

initializer! {
    /// The angle brackets at the end are one token.
    async fn connect(number: u32, exists: bool) -> Result<Database, Refusal> {
        if exists { Ok(Database(vec![Some(number)])) } else { Err(Refusal(number)) }
    }
}

static LAST: AtomicU32 = AtomicU32::new(0);

struct First(u32);
struct Second(u32);

initializer! {
    async fn first(n: u32) -> First {
        tokio::task::yield_now().await;
        First(LAST.swap(n, Ordering::Relaxed))
    }
}

initializer! {
    async fn second(n: u32) -> Second {
        Second(LAST.swap(n, Ordering::Relaxed))
    }
}

task! {
    async fn order(cx: Context) -> (u32, u32) {
        (cx.state::<First>().0, cx.state::<Second>().0)
    }
}

/// Questions to what an initializer has spawned.
type Questions = mpsc::Sender<(u32, oneshot::Sender<u32>)>;

initializer! {
    async fn answering() -> Questions {
        let (questions, mut asked) = mpsc::channel::<(u32, oneshot::Sender<u32>)>(1);
        tokio::spawn(async move {
            while let Some((n, answer)) = asked.recv().await {
                let _ = answer.send(n * 2);
            }
        });
        questions
    }
}

task! {
    async fn ask(cx: Context, n: u32) -> u32 {
        let (answer, answered) = oneshot::channel();
        cx.state::<Questions>().send((n, answer)).await.expect("an ear");
        answered.await.expect("an answer")
    }
}

initializer! {
    async fn panics(before_it_awaits: bool) {
        if !before_it_awaits {
            tokio::task::yield_now().await;
        }
        panic!("no milk")
    }
}

initializer! {
    async fn waits_for_ever() {
        pending::<()>().await;
    }
}

initializer! {
    async fn computes_for_ever() {
        loop {
            std::hint::spin_loop();
        }
    }
}

initializer! {
    async fn exits() {
        std::process::exit(0)
    }
}

initializer! {
    async fn aborts() {
        std::process::abort()
    }
}

initializer! {
    /// Fails where no test listens.
    async fn calls(line: String) {
        drop(line::call(&line));
    }
}

initializer! {
    pub(crate) async fn calls_and_waits(line: String) {
        let _line = line::call(&line);
        pending::<()>().await;
    }
}

initializer! {
    async fn picky(picky: Picky) {
        let _ = picky;
    }
}

/// By hand, with a name of its own.
enum ByHand {}

impl Initializer for ByHand {
    const NAME: &'static str = "tests/by-hand";
    type Input = String;
    type State = String;
    type Error = Never;

    async fn init(text: String) -> Result<String, Never> {
        Ok(text.to_uppercase())
    }
}

register!(ByHand);

task! {
    async fn shout(cx: Context) -> String {
        cx.state::<String>().clone()
    }
}

/// Nobody registered it.
enum Stranger {}

impl Initializer for Stranger {
    const NAME: &'static str = "tests/strange-initializer";
    type Input = ();
    type State = ();
    type Error = Never;

    async fn init((): ()) -> Result<(), Never> {
        Ok(())
    }
}

async fn it_runs_once_in_each_worker_and_tasks_share_what_it_made() {
    let start = aio_pool::start().workers(2).initializer::<counted>(7);
    let pool = start.await.unwrap();
    for _ in 0..20 {
        let (worker, made_in, runs) = pool.call::<count>(()).await.unwrap();
        assert_eq!((made_in, runs), (worker, 7));
    }
    pool.close().await.unwrap();
}

async fn it_is_still_a_function() {
    assert_eq!(
        connect(1, true).await.map(|it| it.0).ok(),
        Some(vec![Some(1)])
    );
    let start = aio_pool::start().workers(1);
    let start = start.initializer::<ByHand>("hey".to_owned());
    let pool = start.initializer::<connect>((1, true)).await.unwrap();
    assert_eq!(pool.call::<shout>(()).await.unwrap(), "HEY");
    pool.close().await.unwrap();
}

async fn it_runs_again_in_a_worker_that_replaces_another() {
    let start = aio_pool::start().workers(1).initializer::<counted>(1);
    let pool = start.await.unwrap();
    let (first, ..) = pool.call::<count>(()).await.unwrap();
    send(Signal::KILL, first);
    // It may still be given to the dying one, before it begins.
    let (second, made_in, runs) = pool.call::<count>(()).await.unwrap();
    assert_ne!(second, first);
    assert_eq!((made_in, runs), (second, 1));
    pool.close().await.unwrap();
}

async fn several_run_in_order_and_each_state_is_kept() {
    let start = aio_pool::start().workers(1);
    let start = start.initializer::<second>(1).initializer::<first>(2);
    let pool = start.await.unwrap();
    assert_eq!(pool.call::<order>(()).await.unwrap(), (1, 0));
    pool.close().await.unwrap();
    let start = aio_pool::start().workers(1);
    let start = start.initializer::<first>(1).initializer::<second>(2);
    let pool = start.await.unwrap();
    assert_eq!(pool.call::<order>(()).await.unwrap(), (0, 1));
    pool.close().await.unwrap();
}

async fn what_it_spawns_lives_as_long_as_the_worker() {
    let start = aio_pool::start().workers(1).initializer::<answering>(());
    let pool = start.await.unwrap();
    for n in 0..50 {
        assert_eq!(pool.call::<ask>(n).await.unwrap(), n * 2);
    }
    pool.close().await.unwrap();
}

/// Why no pool was started; nothing is left over of the attempt.
async fn refused(start: Start) -> String {
    let before = Trace::take();
    let error = start.await.expect_err("a pool that cannot be");
    before.assert_same().await;
    assert!(matches!(error, Error::NeverReady { .. }), "{error:?}");
    let said = error.to_string();
    assert!(!said.contains("first line of main"), "{said}");
    said
}

async fn one_that_fails_is_named_with_what_it_said() {
    let start = aio_pool::start().workers(2);
    let said = refused(start.initializer::<connect>((7, false))).await;
    let expected = "initializer it::initializer::connect failed: no such database: 7";
    assert!(said.ends_with(expected), "{said}");
}

async fn one_that_panics_is_named_with_message_and_place() {
    for before_it_awaits in [true, false] {
        let start = aio_pool::start().workers(1);
        let said = refused(start.initializer::<panics>(before_it_awaits)).await;
        let expected = "initializer it::initializer::panics panicked at ";
        assert!(said.contains(expected), "{said}");
        assert!(said.contains("tests/it/initializer.rs:"), "{said}");
        assert!(said.ends_with(": no milk"), "{said}");
    }
}

async fn one_that_does_not_end_is_named() {
    let start = || aio_pool::start().workers(2).initializer::<counted>(0);
    for (start, name) in [
        (start().initializer::<waits_for_ever>(()), "waits_for_ever"),
        (
            start().initializer::<computes_for_ever>(()),
            "computes_for_ever",
        ),
    ] {
        let mut limit = Duration::from_millis(300);
        loop {
            let said = refused(start.clone().timeout(limit)).await;
            let late = format!("was not ready within {limit:?}");
            assert!(said.contains(&late), "{said}");
            if said.ends_with(&format!("{late}, in initializer it::initializer::{name}")) {
                break;
            }
            // It had not come to that in time.
            limit *= 2;
            assert!(limit < chaos::watchdog::LIMIT, "{said}");
        }
    }
}

async fn one_that_ends_its_process_is_named() {
    let start = aio_pool::start().workers(1);
    let said = refused(start.clone().initializer::<exits>(())).await;
    let expected = "exited with status 0, in initializer it::initializer::exits";
    assert!(said.ends_with(expected), "{said}");
    let said = refused(start.initializer::<aborts>(())).await;
    let expected = "killed by signal 6, in initializer it::initializer::aborts";
    assert!(said.ends_with(expected), "{said}");
}

async fn one_that_fails_later_ends_in_one_clear_error() {
    let line = Line::open();
    let start = aio_pool::start().workers(1);
    let start = start.initializer::<counted>(0);
    let pool = start.initializer::<calls>(line.name.clone()).await.unwrap();
    let worker = line.next().await.pid;
    drop(line);
    send(Signal::KILL, worker);
    let error = loop {
        if let Err(error) = pool.call::<count>(()).await
            && let aio_pool::TaskError::Pool(error) = error
        {
            break error;
        }
    };
    assert!(matches!(error, Error::NeverReady { .. }), "{error:?}");
    let said = error.to_string();
    let expected = "initializer it::initializer::calls panicked at ";
    assert!(said.contains(expected), "{said}");
    pool.close().await.unwrap();
}

async fn the_end_of_the_program_ends_a_worker_that_is_not_ready() {
    let line = Line::open();
    let mut program = with_line(victim("initialize-for-ever"), &line.name)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let held = line.next().await;
    assert_ne!(held.pid, program.id());
    send(Signal::KILL, program.id());
    held.gone().await;
    program.wait().unwrap();
}

async fn two_of_one_state_are_refused() {
    let start = aio_pool::start().initializer::<counted>(1);
    let error = start.initializer::<counted>(2).await.unwrap_err();
    let said = "option initializer of aio_pool::start() must be given once for each type of state";
    assert_eq!(error.to_string(), said);
}

async fn those_without_a_state_may_be_many() {
    let line = Line::open();
    let start = aio_pool::start().workers(1);
    let start = start.initializer::<calls>(line.name.clone());
    let pool = start.initializer::<calls>(line.name.clone()).await.unwrap();
    assert_eq!(line.next().await.pid, line.next().await.pid);
    pool.close().await.unwrap();
}

async fn one_that_nobody_registered_is_named() {
    let start = aio_pool::start().initializer::<Stranger>(());
    let error = start.await.unwrap_err();
    let task = Stranger::NAME;
    assert_eq!(error, Error::UnknownTask { task });
}

async fn an_input_that_does_not_cross_is_an_error_on_either_side() {
    let start = aio_pool::start().workers(1);
    let error = start.clone().initializer::<picky>(Picky::NotWritten).await;
    let error = error.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Encode {
                task: picky::NAME,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error.to_string().ends_with("it will not be written"),
        "{error}"
    );
    let said = refused(start.initializer::<picky>(Picky::NotRead)).await;
    let expected = "picky failed: its input cannot be read: it will not be read";
    assert!(said.ends_with(expected), "{said}");
}

async fn a_password_is_not_in_the_debug_output() {
    let start = aio_pool::start().initializer::<ByHand>("hunter2".to_owned());
    let debug = format!("{start:?}");
    assert!(debug.contains(ByHand::NAME), "{debug}");
    assert!(!debug.contains("hunter2"), "{debug}");
    assert!(!debug.contains("104, 117, 110"), "{debug}");
}
