//! What tasks do that their worker would rather not have them do.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use aio_pool::{Context, Error, Exit, Pool, TaskError, task};
use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::{JoinSet, block_in_place, yield_now};

use crate::harness::trials;
use crate::line::{self, Line};
use crate::polled::polled;
use crate::tasks::{Bulk, give_bulk, hold, nothing, pid};
use crate::worker::block;

trials![
    a_call_begins_beside_a_task_that_computes_and_yields,
    a_cancelled_call_that_waits_costs_no_neighbour_that_computes,
    a_long_answer_arrives_while_the_next_task_computes,
    a_long_item_arrives_while_the_next_task_computes,
    no_place_stays_empty_where_tasks_block_in_place,
    tasks_that_sleep_and_compute_by_turns_all_end,
    a_call_that_blocks_in_place_is_ended_by_another_of_its_worker,
    what_wakes_a_call_may_be_another_call,
    a_first_poll_that_uses_up_its_budget_goes_on,
    a_panic_in_any_drop_is_a_panic_of_that_call_only,
    a_panic_hook_of_a_task_costs_the_place_of_a_panic_and_no_more,
    a_task_that_closes_every_descriptor_costs_its_worker,
    an_exit_on_another_thread_ends_a_worker_that_computes,
    a_task_that_blocks_all_signals_does_not_keep_a_close,
    many_streams_at_once_are_whole_and_half_of_them_may_go,
    a_worker_that_retires_sends_long_answers_and_items_to_the_end,
    a_double_of_a_worker_costs_no_more_than_that_worker,
    calls_by_the_hundred_thousand_leave_no_memory_behind,
    a_waker_that_panics_costs_its_worker_at_most,
];

async fn one_worker(tasks: usize) -> Pool {
    let pool = aio_pool::start().workers(1).tasks_per_worker(tasks).await;
    pool.expect("a pool")
}

fn spin_for(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::hint::spin_loop();
    }
}

static RELEASED: AtomicBool = AtomicBool::new(false);

task! {
    /// Is polite: it lets others have their turn after each millisecond.
    async fn computes_until_released(line: String) {
        let mut line = Some(line);
        let mut steps = 0;
        while !RELEASED.load(Ordering::SeqCst) {
            spin_for(Duration::from_millis(1));
            steps += 1;
            if steps == 50 && let Some(line) = line.take() {
                std::mem::forget(line::call(&line));
            }
            yield_now().await;
        }
    }
}

task! {
    async fn release() {
        RELEASED.store(true, Ordering::SeqCst);
    }
}

async fn a_call_begins_beside_a_task_that_computes_and_yields() {
    let pool = one_worker(4).await;
    let line = Line::open();
    let computing = [(); 3].map(|()| {
        let computing = pool.call::<computes_until_released>(line.name.clone());
        tokio::spawn(computing.into_future())
    });
    // They have computed for much longer than the watcher waits.
    for _ in 0..3 {
        line.next().await;
    }
    pool.call::<release>(()).await.unwrap();
    for computing in computing {
        computing.await.unwrap().unwrap();
    }
    pool.close().await.unwrap();
}

task! {
    /// Says that it has begun, and comes to no await for so many milliseconds.
    async fn computes_for(milliseconds: u64, line: String) -> u32 {
        let _line = line::call(&line);
        spin_for(Duration::from_millis(milliseconds));
        std::process::id()
    }
}

async fn a_cancelled_call_that_waits_costs_no_neighbour_that_computes() {
    let pool = one_worker(2).await;
    let line = Line::open();
    let waiting = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    let held = line.next().await;
    let computing = pool.call::<computes_for>((4_000, line.name.clone()));
    let computing = tokio::spawn(computing.into_future());
    line.next().await;
    waiting.abort();
    assert_eq!(computing.await.unwrap().unwrap(), held.pid);
    pool.close().await.unwrap();
}

async fn a_long_answer_arrives_while_the_next_task_computes() {
    let pool = one_worker(8).await;
    let line = Line::open();
    for _ in 0..10 {
        let before = tokio::spawn(pool.call::<give_bulk>(3 << 20).into_future());
        let blocking = tokio::spawn(pool.call::<block>(line.name.clone()).into_future());
        // It blocks until this test lets it go, which it does only then.
        let held = line.next().await;
        before.await.unwrap().unwrap();
        drop(held);
        blocking.await.unwrap().unwrap();
    }
    pool.close().await.unwrap();
}

task! {
    fn long_item(bytes: usize) -> impl Stream<Item = Bulk> {
        stream::iter([Bulk(bytes)])
    }
}

async fn a_long_item_arrives_while_the_next_task_computes() {
    let pool = one_worker(8).await;
    let line = Line::open();
    for _ in 0..10 {
        let mut items = Box::pin(pool.stream::<long_item>(3 << 20).stream());
        let before = tokio::spawn(async move { items.next().await });
        let blocking = tokio::spawn(pool.call::<block>(line.name.clone()).into_future());
        let held = line.next().await;
        before.await.unwrap().unwrap().unwrap();
        drop(held);
        blocking.await.unwrap().unwrap();
    }
    pool.close().await.unwrap();
}

task! {
    /// Gives its thread's work to another thread, which may go to sleep at once.
    async fn steps_aside(microseconds: u64) {
        yield_now().await;
        block_in_place(|| spin_for(Duration::from_micros(microseconds)));
    }
}

async fn no_place_stays_empty_where_tasks_block_in_place() {
    let pool = one_worker(1).await;
    let inputs = (0..10_000).map(|round| round % 100);
    pool.map::<steps_aside>(inputs).await.unwrap();
    pool.close().await.unwrap();
}

task! {
    async fn naps(nap: u64, work: u64) {
        // not a wait: the worker's timers are what is tested
        tokio::time::sleep(Duration::from_micros(nap)).await;
        spin_for(Duration::from_micros(work));
        yield_now().await;
        // not a wait: as above
        tokio::time::sleep(Duration::from_micros(nap / 2)).await;
    }
}

async fn tasks_that_sleep_and_compute_by_turns_all_end() {
    let mut dice = chaos::dice::Dice::new(u64::from(std::process::id()));
    let pool = one_worker(4).await;
    for _ in 0..30 {
        let inputs: Vec<_> = (0..8)
            .map(|_| (dice.below(25_000), dice.below(9_000)))
            .collect();
        pool.map::<naps>(inputs).await.unwrap();
    }
    pool.close().await.unwrap();
}

static BELL: Notify = Notify::const_new();

task! {
    async fn waits_in_place() -> u32 {
        block_in_place(|| tokio::runtime::Handle::current().block_on(BELL.notified()));
        tokio::task::spawn_blocking(|| {
            tokio::runtime::Handle::current().block_on(async {
                // not a wait: the worker's timers are what is tested
                tokio::time::sleep(Duration::from_millis(1)).await;
                tokio::spawn(async { std::process::id() }).await.expect("no panic")
            })
        }).await.expect("no panic")
    }
}

task! {
    async fn ring() {
        BELL.notify_one();
    }
}

async fn a_call_that_blocks_in_place_is_ended_by_another_of_its_worker() {
    let pool = one_worker(2).await;
    for _ in 0..20 {
        let waiting = tokio::spawn(pool.call::<waits_in_place>(()).into_future());
        yield_now().await;
        pool.call::<ring>(()).await.unwrap();
        waiting.await.unwrap().unwrap();
    }
    pool.close().await.unwrap();
}

type Ends = (
    mpsc::UnboundedSender<u32>,
    Mutex<mpsc::UnboundedReceiver<u32>>,
);

fn pipe() -> &'static Ends {
    static PIPE: std::sync::OnceLock<Ends> = std::sync::OnceLock::new();
    PIPE.get_or_init(|| {
        let (give, take) = mpsc::unbounded_channel();
        (give, Mutex::new(take))
    })
}

task! {
    async fn takes() -> u32 {
        let mut set = JoinSet::new();
        set.spawn(async { pipe().1.lock().await.recv().await });
        set.spawn(std::future::pending());
        tokio::select! {
            taken = set.join_next() => taken.expect("one").expect("no panic").expect("a number"),
            // not a wait: it never ends
            () = tokio::time::sleep(Duration::from_secs(1_000)) => 0,
        }
    }
}

task! {
    async fn gives(n: u32) {
        yield_now().await;
        pipe().0.send(n).expect("a pipe");
    }
}

async fn what_wakes_a_call_may_be_another_call() {
    let pool = one_worker(64).await;
    for _ in 0..20 {
        let takers: Vec<_> = (0..32)
            .map(|_| tokio::spawn(pool.call::<takes>(()).into_future()))
            .collect();
        yield_now().await;
        pool.map::<gives>(1..=32).await.unwrap();
        let mut sum = 0;
        for taker in takers {
            sum += taker.await.unwrap().unwrap();
        }
        assert_eq!(sum, 32 * 33 / 2);
    }
    pool.close().await.unwrap();
}

task! {
    async fn takes_many(n: u32) -> u32 {
        let (give, mut take) = mpsc::unbounded_channel();
        for n in 0..n {
            give.send(n).expect("room");
        }
        let mut sum = 0;
        for _ in 0..n {
            sum += take.recv().await.expect("a number").min(1);
        }
        sum
    }
}

async fn a_first_poll_that_uses_up_its_budget_goes_on() {
    let pool = one_worker(16).await;
    let sums = pool.map::<takes_many>(vec![1_000; 2_000]).await.unwrap();
    assert!(sums.iter().all(|&sum| sum == 999));
    pool.close().await.unwrap();
}

/// Panics when it is dropped in a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Mine;

impl Drop for Mine {
    fn drop(&mut self) {
        assert!(
            std::env::args()
                .nth(1)
                .is_none_or(|word| !word.starts_with("--aio-pool-worker")),
            "a mine"
        );
    }
}

task! {
    async fn drops_its_input(mine: Mine) {
        drop(mine);
    }
}

task! {
    async fn drops_its_output() -> Mine {
        Mine
    }
}

task! {
    async fn drops_its_error() -> Result<(), Mine> {
        Err(Mine)
    }
}

task! {
    fn drops_its_items() -> impl Stream<Item = Mine> {
        stream::iter([Mine])
    }
}

task! {
    fn drops_itself() -> impl Stream<Item = u8> {
        let mine = Mine;
        stream::poll_fn(move |_| {
            let _ = &mine;
            Poll::Ready(None)
        })
    }
}

task! {
    fn drops_itself_early() -> impl Stream<Item = u8> {
        let mine = Mine;
        stream::poll_fn(move |_| {
            let _ = &mine;
            Poll::Ready(Some(1))
        })
    }
}

task! {
    async fn drops_it_elsewhere() {
        let _ = tokio::spawn(async { drop(Mine) }).await;
        let _ = std::thread::spawn(|| drop(Mine)).join();
        let _ = tokio::task::spawn_blocking(|| Mine).await.map(std::mem::forget);
        let abandoned = tokio::task::spawn_blocking(|| Mine);
        drop(abandoned);
        thread_local!(static LATE: std::cell::RefCell<Option<u8>> = const { std::cell::RefCell::new(None) });
        LATE.with(|late| late.replace(Some(1)));
    }
}

fn panicked<T, E>(outcome: Result<T, TaskError<E>>) {
    match outcome {
        Err(TaskError::Panicked { message, .. }) => assert_eq!(message, "a mine"),
        Err(TaskError::WorkerLost { exit, .. }) => panic!("lost: {exit}"),
        Err(_) => panic!("another error"),
        Ok(_) => panic!("no error"),
    }
}

async fn a_panic_in_any_drop_is_a_panic_of_that_call_only() {
    let pool = one_worker(2).await;
    let worker = pool.call::<pid>(()).await.unwrap();
    for _ in 0..10 {
        panicked(pool.call::<drops_its_input>(Mine).await);
        panicked(pool.call::<drops_its_output>(()).await);
        panicked(pool.call::<drops_its_error>(()).await);
        panicked(pool.stream::<drops_its_items>(()).await);
        panicked(pool.stream::<drops_itself>(()).await);
        let mut early = Box::pin(pool.stream::<drops_itself_early>(()).stream());
        early.next().await.unwrap().unwrap();
        drop(early);
        pool.call::<drops_it_elsewhere>(()).await.unwrap();
    }
    assert_eq!(pool.call::<pid>(()).await.unwrap(), worker);
    pool.close().await.unwrap();
}

task! {
    async fn hooks_and_panics() {
        std::panic::set_hook(Box::new(|_| ()));
        panic!("unseen");
    }
}

task! {
    async fn hooks_a_panic_and_panics() {
        let _ = std::panic::take_hook();
        panic!("seen");
    }
}

async fn a_panic_hook_of_a_task_costs_the_place_of_a_panic_and_no_more() {
    let pool = one_worker(2).await;
    let worker = pool.call::<pid>(()).await.unwrap();
    for _ in 0..3 {
        let error = pool.call::<hooks_and_panics>(()).await.unwrap_err();
        assert!(
            matches!(error, TaskError::Panicked { location: None, .. }),
            "{error}"
        );
        let error = pool.call::<hooks_a_panic_and_panics>(()).await.unwrap_err();
        assert!(
            matches!(error, TaskError::Panicked { location: None, .. }),
            "{error}"
        );
    }
    assert_eq!(pool.call::<pid>(()).await.unwrap(), worker);
    pool.close().await.unwrap();
}

task! {
    async fn closes_everything() {
        for fd in 0..1_000 {
            #[expect(unsafe_code, reason = "as a careless daemon would")]
            // SAFETY: nobody of this process is sound after this, and it is to die of it.
            unsafe { libc::close(fd); }
        }
    }
}

async fn a_task_that_closes_every_descriptor_costs_its_worker() {
    let pool = one_worker(2).await;
    for _ in 0..5 {
        let outcome = pool.call::<closes_everything>(()).await;
        assert!(
            matches!(outcome, Err(TaskError::WorkerLost { .. })),
            "{outcome:?}"
        );
        pool.call::<pid>(()).await.unwrap();
    }
    pool.close().await.unwrap();
}

task! {
    async fn exits_aside() {
        std::thread::spawn(|| {
            spin_for(Duration::from_millis(3));
            std::process::exit(3)
        });
        loop {
            std::hint::spin_loop();
        }
    }
}

async fn an_exit_on_another_thread_ends_a_worker_that_computes() {
    let pool = one_worker(2).await;
    for _ in 0..5 {
        let outcome = pool.call::<exits_aside>(()).await;
        assert!(
            matches!(
                outcome,
                Err(TaskError::WorkerLost {
                    exit: Exit::Code(3),
                    ..
                })
            ),
            "{outcome:?}"
        );
    }
    pool.close().await.unwrap();
}

task! {
    async fn blocks_signals() {
        #[expect(unsafe_code, reason = "there is no safe way to block signals")]
        // SAFETY: a set that is filled before it is used.
        unsafe {
            let mut all = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::sigprocmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
            for signal in 1..64 {
                libc::signal(signal, libc::SIG_IGN);
            }
        }
        // not a wait: a timer must work without signals, too
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

task! {
    /// Says that it has begun, and comes to no await ever.
    async fn computes_without_end(line: String) {
        let _said = line::call(&line);
        loop {
            std::hint::spin_loop();
        }
    }
}

async fn a_task_that_blocks_all_signals_does_not_keep_a_close() {
    let pool = one_worker(2).await;
    let line = Line::open();
    pool.call::<blocks_signals>(()).await.unwrap();
    let worker = pool.call::<pid>(()).await.unwrap();
    let mut spinning = pool
        .call::<computes_without_end>(line.name.clone())
        .into_future();
    assert!(polled(&mut spinning).await.is_pending());
    line.next().await;
    drop(spinning);
    let closed = pool.close().await;
    assert!(
        matches!(&closed, Err(Error::Unwilling { pids, .. }) if *pids == [worker]),
        "{closed:?}"
    );
}

task! {
    fn counts(n: u32, long: usize) -> impl Stream<Item = (u32, Bulk)> {
        stream::iter(0..n).then(move |n| async move {
            if n % 7 == 0 { yield_now().await; }
            let long = if n % 100 == 50 { long } else { 3 };
            (n, Bulk(long))
        })
    }
}

async fn many_streams_at_once_are_whole_and_half_of_them_may_go() {
    let pool = one_worker(64).await;
    let streams = (0..64_u32).map(|k| {
        let stream = pool.stream::<counts>((500, 2 << 20));
        tokio::spawn(async move {
            let mut items = Box::pin(stream.stream());
            let most = if k % 2 == 0 { 500 } else { k };
            for expected in 0..most {
                let (n, _) = items.next().await.unwrap().unwrap();
                assert_eq!(n, expected);
            }
            if k % 2 == 0 {
                assert!(items.next().await.is_none());
            }
        })
    });
    for stream in streams.collect::<Vec<_>>() {
        stream.await.unwrap();
    }
    pool.close().await.unwrap();
}

async fn a_worker_that_retires_sends_long_answers_and_items_to_the_end() {
    let start = aio_pool::start()
        .workers(2)
        .tasks_per_worker(4)
        .recycle_after(3);
    let pool = start.await.unwrap();
    let answers = pool.map::<give_bulk>(vec![3 << 20; 60]);
    let streams = async {
        for _ in 0..10 {
            let items = pool.stream::<counts>((120, 2 << 20)).await.unwrap();
            assert_eq!(items.len(), 120);
        }
    };
    let (answers, ()) = tokio::join!(answers.into_future(), streams);
    assert!(answers.unwrap().iter().all(|Bulk(bytes)| *bytes == 3 << 20));
    pool.close().await.unwrap();
}

task! {
    /// Two processes come back from it.
    async fn forks() -> u32 {
        #[expect(unsafe_code, reason = "there is no safe way to fork")]
        // SAFETY: what the child does then is what this is about.
        unsafe { libc::fork(); }
        std::process::id()
    }
}

async fn a_double_of_a_worker_costs_no_more_than_that_worker() {
    let pool = one_worker(2).await;
    for _ in 0..10 {
        let _ = pool.call::<forks>(()).await;
        for _ in 0..5 {
            let _ = pool.call::<nothing>(()).await;
        }
    }
    pool.terminate().await;
}

task! {
    async fn memory() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("a status");
        let now = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let now = now.and_then(|line| line.split_whitespace().next());
        now.expect("a size").parse().expect("a number")
    }
}

task! {
    async fn waits() {
        std::future::pending::<()>().await;
    }
}

async fn calls_by_the_hundred_thousand_leave_no_memory_behind() {
    let pool = one_worker(16).await;
    let mut sizes = Vec::new();
    for _ in 0..4 {
        pool.map::<nothing>(vec![(); 50_000]).await.unwrap();
        sizes.push(pool.call::<memory>(()).await.unwrap());
    }
    for _ in 0..4 {
        for round in 0..2_000 {
            let mut call = pool.call::<waits>(()).into_future();
            assert!(polled(&mut call).await.is_pending());
            if round % 3 == 0 {
                yield_now().await;
            }
            drop(call);
        }
        pool.call::<nothing>(()).await.unwrap();
        sizes.push(pool.call::<memory>(()).await.unwrap());
    }
    // From the second round on it is what it was, but for some pages.
    let grown = sizes[sizes.len() - 1].saturating_sub(sizes[1]);
    assert!(grown < 2_048, "KiB: {sizes:?}");
    pool.close().await.unwrap();
}

task! {
    /// Leaves a waker behind that panics when it is woken.
    async fn lays_a_waker(cx: Context, line: String) {
        struct Loud;
        impl std::task::Wake for Loud {
            fn wake(self: std::sync::Arc<Self>) {
                panic!("a waker");
            }
        }
        let line = line::call(&line);
        let _aside = tokio::spawn({
            let cx = cx.clone();
            async move {
                let mut cancelled = pin!(cx.cancelled());
                let waker = std::task::Waker::from(std::sync::Arc::new(Loud));
                let polled = cancelled.as_mut().poll(&mut std::task::Context::from_waker(&waker));
                assert!(polled.is_pending());
                std::future::pending::<()>().await;
            }
        }).abort_handle();
        yield_now().await;
        let _line = line;
        std::future::pending::<()>().await;
    }
}

async fn a_waker_that_panics_costs_its_worker_at_most() {
    let pool = one_worker(2).await;
    let line = Line::open();
    let call = tokio::spawn(pool.call::<lays_a_waker>(line.name.clone()).into_future());
    let held = line.next().await;
    pool.call::<pid>(()).await.unwrap();
    call.abort();
    held.gone().await;
    pool.call::<pid>(()).await.unwrap();
    pool.close().await.unwrap();
}
