//! Attacks on the parent's side: what runs under its lock, who is forgotten, and
//! what an idle pool still does.

use std::io::Read as _;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use aio_pool::futures::Answer;
use aio_pool::{Error, Pool, TaskError, initializer, task};
use futures_core::Stream;
use futures_util::stream;
use rustix::process::Signal;

use crate::death::{send, wait_until_stopped};
use crate::deeds::{finish_when_told, is_alive, until_told, workers_of};
use crate::harness::trials;
use crate::line::Line;
use crate::map::double;
use crate::polled::polled;
use crate::tasks::{Bulk, hold, nothing, pid, spin, take_bulk};

trials![
    a_map_of_an_ended_pool_wakes_nobody_under_the_lock,
    a_waker_that_is_dropped_may_cancel_a_call,
    a_waker_that_panics_costs_neither_the_pool_nor_other_calls,
    a_worker_whose_last_call_is_taken_back_leaves,
    calls_do_not_wait_for_ever_behind_a_recycled_worker_that_nothing_replaces,
    a_call_is_not_carried_from_one_recycled_worker_to_the_next_for_ever,
    a_call_behind_computing_goes_to_a_worker_whose_calls_were_cancelled,
    a_pool_that_waits_does_not_look_at_the_clock,
    a_worker_that_is_stopped_is_not_asked_again_and_again,
    a_worker_that_is_stopped_keeps_nobody_elses_calls,
    cancelling_very_many_calls_takes_no_minutes,
    very_many_calls_wait_behind_one_that_must_be_alone,
    a_waker_may_cancel_submit_and_close,
    every_handle_may_be_dropped_by_a_waker_on_the_pools_own_thread,
    answers_come_when_the_first_runtime_is_gone,
    limits_beyond_any_clock_are_no_limits,
    workers_that_are_recycled_do_not_pile_up,
    a_call_behind_what_a_task_left_computing_goes_elsewhere,
    many_workers_start_work_and_end,
    calls_from_many_threads_all_end_whatever_ends_the_pool,
];

/// Does something when it is woken for the first time.
struct OnWake(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl OnWake {
    fn waker(run: impl FnOnce() + Send + 'static) -> Waker {
        Waker::from(Arc::new(Self(Mutex::new(Some(Box::new(run))))))
    }
}

impl Wake for OnWake {
    fn wake(self: Arc<Self>) {
        let run = self.0.lock().unwrap().take();
        if let Some(run) = run {
            run();
        }
    }
}

/// Does something when it is dropped.
struct OnDrop<F: FnOnce() + Send + Sync>(Option<F>);

impl<F: FnOnce() + Send + Sync> Wake for OnDrop<F> {
    fn wake(self: Arc<Self>) {}
}

impl<F: FnOnce() + Send + Sync> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run();
        }
    }
}

fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// A call that has been made, of a pool none of whose workers can answer.
async fn made(pool: &Pool) -> Answer<pid> {
    let mut call = pool.call::<pid>(()).into_future();
    assert!(polled(&mut call).await.is_pending());
    call
}

async fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        tokio::task::yield_now().await;
    }
}

async fn a_map_of_an_ended_pool_wakes_nobody_under_the_lock() {
    let pool = aio_pool::start().workers(1).queue(2).await.unwrap();
    let mut call = pool.call::<for_ever>(0).into_future();
    assert!(polled(&mut call).await.is_pending());
    pool.terminate().await;
    // It fills the queue, so it waits for a place in it when its calls are
    // refused and their places come free.
    let mut results = pool.map::<double>(0..9).stream();
    let waker = OnWake::waker(move || drop(call));
    let polled = Pin::new(&mut results).poll_next(&mut Context::from_waker(&waker));
    let closed = Err(TaskError::Pool(Error::Closed));
    assert_eq!(polled, Poll::Ready(Some(closed)));
}

task! {
    /// Yields an item every now and then, once the test hangs up.
    fn ticks(line: String) -> impl Stream<Item = u32> {
        stream::unfold((0, Some(line)), async |(n, line)| {
            if let Some(line) = line {
                until_told(&line).await;
            }
            // not a wait: it is what a slow producer does
            tokio::time::sleep(Duration::from_millis(20)).await;
            Some((n, (n + 1, None)))
        })
    }
}

async fn a_waker_that_is_dropped_may_cancel_a_call() {
    let pool = aio_pool::start().workers(1).await.unwrap();
    let line = Line::open();
    let mut held = pool.call::<hold>(line.name.clone()).into_future();
    assert!(polled(&mut held).await.is_pending());
    line.next().await;
    let mut ticks = pool.stream::<ticks>(line.name.clone()).stream();
    let given = Arc::new(Mutex::new(None));
    let first = Waker::from(Arc::new(OnDrop(Some({
        let given = Arc::clone(&given);
        move || {
            let Some((held, quiet)) = given.lock().unwrap().take() else {
                return;
            };
            // Now, and not before, there may be an item.
            drop(quiet);
            // not a wait: an item comes meanwhile
            std::thread::sleep(Duration::from_millis(300));
            drop(held);
        }
    }))));
    let pending = Pin::new(&mut ticks).poll_next(&mut Context::from_waker(&first));
    assert!(pending.is_pending());
    let quiet = line.next().await;
    *given.lock().unwrap() = Some((held, quiet));
    drop(first);
    // The stream is in other hands now.
    for n in 0..20 {
        assert_eq!(ticks.next().await, Some(Ok(n)));
    }
    drop(ticks);
    pool.close().await.unwrap();
}

async fn a_waker_that_panics_costs_neither_the_pool_nor_other_calls() {
    let pool = aio_pool::start().workers(1).await.unwrap();
    let line = Line::open();
    let mut other = pool.call::<hold>(line.name.clone()).into_future();
    assert!(polled(&mut other).await.is_pending());
    let held = line.next().await;
    let call = pool.call::<finish_when_told>(line.name.clone());
    let mut call = call.into_future();
    let woken = Arc::new(AtomicUsize::new(0));
    let waker = {
        let woken = Arc::clone(&woken);
        OnWake::waker(move || {
            woken.fetch_add(1, Ordering::SeqCst);
            panic!("a waker of somebody's own");
        })
    };
    // It is not told before somebody is to be woken.
    assert!(poll_with(&mut call, &waker).is_pending());
    drop(line.next().await);
    until(|| woken.load(Ordering::SeqCst) == 1).await;
    drop(other);
    held.gone().await;
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn a_worker_whose_last_call_is_taken_back_leaves() {
    let pool = aio_pool::start().workers(1).recycle_after(1).await.unwrap();
    let first = workers_of(std::process::id())[0];
    send(Signal::STOP, first);
    wait_until_stopped(first).await;
    // Longer than a socket takes, so its end is still here.
    let mut call = pool.call::<take_bulk>(Bulk(8 << 20)).into_future();
    assert!(polled(&mut call).await.is_pending());
    drop(call);
    send(Signal::CONT, first);
    assert_ne!(pool.call::<pid>(()).await.unwrap(), first);
    until(|| !is_alive(first)).await;
    pool.close().await.unwrap();
}

initializer! {
    async fn unless_there_is(path: PathBuf) -> Result<(), String> {
        match path.exists() {
            true => Err("there is".to_owned()),
            false => Ok(()),
        }
    }
}

async fn calls_do_not_wait_for_ever_behind_a_recycled_worker_that_nothing_replaces() {
    let folder = chaos::scratch::folder();
    let path = folder.path().join("in the way");
    let start = aio_pool::start().workers(1).recycle_after(1);
    let pool = start
        .initializer::<unless_there_is>(path.clone())
        .await
        .unwrap();
    std::fs::write(&path, "").unwrap();
    let line = Line::open();
    let last = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    let held = line.next().await;
    let waits = tokio::spawn(pool.call::<pid>(()).into_future());
    // Ten attempts, and then it gives up.
    let attempts = Instant::now();
    until(|| attempts.elapsed() > Duration::from_secs(8)).await;
    last.abort();
    held.gone().await;
    let error = waits.await.unwrap().unwrap_err();
    assert!(
        matches!(error, TaskError::Pool(Error::NeverReady { .. })),
        "{error:?}"
    );
    pool.close().await.unwrap();
}

/// Two workers of two tasks, of which the second is stopped, with a call that it
/// has not read, and the first computes for ever, with a call behind it.
struct Stuck {
    pool: Pool,
    endless: Answer<spin>,
    behind: Answer<pid>,
    unread: Vec<Answer<pid>>,
    stopped: u32,
}

impl Stuck {
    async fn with(unread: usize) -> Self {
        let start = aio_pool::start().workers(2).tasks_per_worker(2);
        let pool = start.await.unwrap();
        let line = Line::open();
        let mut endless = pool.call::<spin>(line.name.clone()).into_future();
        assert!(polled(&mut endless).await.is_pending());
        let spinning = line.next().await.pid;
        let workers = workers_of(std::process::id());
        let stopped = *workers.iter().find(|&&pid| pid != spinning).unwrap();
        send(Signal::STOP, stopped);
        wait_until_stopped(stopped).await;
        let mut calls = Vec::new();
        for _ in 0..=unread {
            calls.push(made(&pool).await);
        }
        // The first goes to the worker that has nothing, the second to the older.
        let behind = calls.remove(1);
        Self {
            pool,
            endless,
            behind,
            unread: calls,
            stopped,
        }
    }
}

initializer! {
    /// Leaves something behind that keeps the worker from every call, until the
    /// test hangs up.
    async fn leaves_something_that_blocks(line: String) {
        tokio::spawn(async move {
            let mut line = crate::line::call(&line);
            // Whatever comes, it is an end.
            let _ = line.read(&mut [0]);
        });
    }
}

async fn a_call_is_not_carried_from_one_recycled_worker_to_the_next_for_ever() {
    let line = Line::open();
    let start = aio_pool::start().workers(1).recycle_after(1);
    let start = start.initializer::<leaves_something_that_blocks>(line.name.clone());
    let pool = start.await.unwrap();
    let mut blocked = vec![line.next().await];
    let called = Instant::now();
    let mut call = pin!(pool.call::<pid>(()).into_future());
    assert!(polled(&mut call).await.is_pending());
    // The second comes because the first has its only call by now, and each
    // further one because the call was moved to the one before.
    for _ in 0..7 {
        blocked.push(line.next().await);
    }
    let moved = called.elapsed();
    // It stays with each twice as long as with the one before, so it comes to
    // stay for as long as a worker needs.
    let least = Duration::from_millis(10 + 20 + 40 + 80 + 160 + 320);
    assert!(moved >= least, "moved six times within {moved:?}");
    drop(blocked);
    let answer = loop {
        tokio::select! {
            biased;
            answer = &mut call => break answer,
            // It was moved once more meanwhile.
            another = line.next() => drop(another),
        }
    };
    answer.unwrap();
    pool.terminate().await;
}

async fn a_call_behind_computing_goes_to_a_worker_whose_calls_were_cancelled() {
    let stuck = Stuck::with(1).await;
    drop(stuck.unread);
    send(Signal::CONT, stuck.stopped);
    // It has nothing to do, and the other will never come to this.
    assert_eq!(stuck.behind.await, Ok(stuck.stopped));
    drop(stuck.endless);
    stuck.pool.close().await.unwrap_err();
}

/// How often the thread that looks after the workers has run.
fn looks() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let runs = threads.filter_map(|thread| {
        let thread = thread.unwrap().path();
        let name = std::fs::read_to_string(thread.join("comm")).ok()?;
        if name.trim() != "aio-pool" {
            return None;
        }
        let status = std::fs::read_to_string(thread.join("status")).ok()?;
        let line = |line: &&str| line.starts_with("voluntary_ctxt_switches");
        let switches = status.lines().find(line)?;
        switches.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    runs.sum()
}

async fn looks_in_a_second() -> u64 {
    let before = looks();
    // not a wait: what is counted is what happens by itself in some time
    tokio::time::sleep(Duration::from_secs(1)).await;
    looks() - before
}

async fn a_pool_that_waits_does_not_look_at_the_clock() {
    let start = aio_pool::start().workers(2).tasks_per_worker(4);
    let pool = start.await.unwrap();
    let line = Line::open();
    let mut holds = Vec::new();
    // Two in either worker.
    for _ in 0..4 {
        let mut call = pool.call::<hold>(line.name.clone()).into_future();
        assert!(polled(&mut call).await.is_pending());
        let held = line.next().await;
        holds.push((call, held));
    }
    let stopped = holds[0].1.pid;
    send(Signal::STOP, stopped);
    wait_until_stopped(stopped).await;
    // The other worker may have answered it by now.
    let mut call = pool.call::<pid>(()).into_future();
    let _ = polled(&mut call).await;
    drop(call);
    send(Signal::CONT, stopped);
    // Until both are at rest.
    let mut looks = u64::MAX;
    for _ in 0..3 {
        looks = looks.min(looks_in_a_second().await);
    }
    assert!(looks < 20, "{looks}");
    drop(holds);
    pool.close().await.unwrap();
}

async fn a_worker_that_is_stopped_is_not_asked_again_and_again() {
    let start = aio_pool::start().workers(2).tasks_per_worker(4);
    let pool = start.await.unwrap();
    let workers = workers_of(std::process::id());
    send(Signal::STOP, workers[0]);
    wait_until_stopped(workers[0]).await;
    // For each of the first there is one in the other worker, until it ends.
    let mut calls = Vec::new();
    for _ in 0..8 {
        let mut call = pool.call::<pid>(()).into_future();
        // The other worker may be so fast that it has answered.
        if polled(&mut call).await.is_pending() {
            calls.push(call);
        }
    }
    calls.retain_mut(|call| poll_with(call, Waker::noop()).is_pending());
    let mut looks = u64::MAX;
    for _ in 0..3 {
        looks = looks.min(looks_in_a_second().await);
    }
    println!("looks in a second: {looks}");
    assert!(looks < 50, "{looks}");
    send(Signal::CONT, workers[0]);
    for call in calls {
        call.await.unwrap();
    }
    pool.close().await.unwrap();
}

async fn a_worker_that_is_stopped_keeps_nobody_elses_calls() {
    let start = aio_pool::start().workers(3).tasks_per_worker(4);
    let pool = start.await.unwrap();
    let line = Line::open();
    let mut spins = Vec::new();
    let mut pids = Vec::new();
    for _ in 0..2 {
        let mut call = pool.call::<spin>(line.name.clone()).into_future();
        assert!(polled(&mut call).await.is_pending());
        pids.push(line.next().await.pid);
        spins.push(call);
    }
    let mut held = pool.call::<hold>(line.name.clone()).into_future();
    assert!(polled(&mut held).await.is_pending());
    let idle = line.next().await.pid;
    assert!(!pids.contains(&idle));
    // The first is stopped, and the third too for a moment: either gets three.
    send(Signal::STOP, pids[0]);
    send(Signal::STOP, idle);
    wait_until_stopped(pids[0]).await;
    wait_until_stopped(idle).await;
    let mut calls = Vec::new();
    for _ in 0..9 {
        calls.push(made(&pool).await);
    }
    // One fewer behind the second, so that the first always has the most.
    drop(calls.remove(4));
    send(Signal::CONT, idle);
    // Those of the second and the third; those of the first when it can read.
    let mut answered = 0;
    while answered < 5 {
        let before = answered;
        let mut rest = Vec::new();
        for mut call in calls {
            match polled(&mut call).await {
                Poll::Ready(pid) => {
                    assert_eq!(pid, Ok(idle));
                    answered += 1;
                }
                Poll::Pending => rest.push(call),
            }
        }
        calls = rest;
        if before == answered {
            tokio::task::yield_now().await;
        }
    }
    send(Signal::CONT, pids[0]);
    for call in calls {
        call.await.unwrap();
    }
    drop((spins, held));
    let _ = pool.close().await;
}

task! {
    async fn for_ever(n: u64) -> u64 {
        std::future::pending::<()>().await;
        n
    }
}

async fn cancelling_very_many_calls_takes_no_minutes() {
    const CALLS: usize = 40_000;
    let start = aio_pool::start().workers(1).tasks_per_worker(CALLS);
    let pool = start.await.unwrap();
    let mut results = pool.map::<for_ever>(0..).limit(CALLS).stream();
    for _ in 0..CALLS / 100 {
        assert!(polled(&mut Box::pin(results.next())).await.is_pending());
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    drop(results);
    println!("dropped in {:?}", begun.elapsed());
    pool.call::<nothing>(()).await.unwrap();
    println!("next answered after {:?}", begun.elapsed());
    pool.close().await.unwrap();
}

async fn very_many_calls_wait_behind_one_that_must_be_alone() {
    const CALLS: usize = 20_000;
    let start = aio_pool::start().workers(2).tasks_per_worker(4);
    let pool = start.await.unwrap();
    let line = Line::open();
    let mut holds = Vec::new();
    // Alone, too: otherwise one worker that is slow leaves both to the other.
    for _ in 0..2 {
        let call = pool.call::<hold>(line.name.clone()).exclusive();
        let mut call = call.into_future();
        assert!(polled(&mut call).await.is_pending());
        let held = line.next().await;
        holds.push((call, held));
    }
    let begun = Instant::now();
    let mut calls = Vec::new();
    for _ in 0..CALLS {
        let mut call = pool.call::<pid>(()).exclusive().into_future();
        assert!(polled(&mut call).await.is_pending());
        calls.push(call);
    }
    println!("submitted in {:?}", begun.elapsed());
    drop(holds);
    for call in calls {
        call.await.unwrap();
    }
    println!("answered after {:?}", begun.elapsed());
    pool.close().await.unwrap();
}

async fn a_waker_may_cancel_submit_and_close() {
    let pool = aio_pool::start().workers(1).await.unwrap();
    let line = Line::open();
    let mut held = pool.call::<hold>(line.name.clone()).into_future();
    assert!(polled(&mut held).await.is_pending());
    let gone = line.next().await;
    let (tell, told) = tokio::sync::oneshot::channel();
    let waker = {
        let pool = pool.clone();
        OnWake::waker(move || {
            drop(held);
            // This is the thread that would hear of an answer and of an end.
            let mut next = pool.call::<pid>(()).into_future();
            assert!(poll_with(&mut next, Waker::noop()).is_pending());
            let mut closing = Box::pin(async move { pool.close().await });
            assert!(poll_with(&mut closing, Waker::noop()).is_pending());
            tell.send((next, closing)).ok().unwrap();
        })
    };
    let call = pool.call::<finish_when_told>(line.name.clone());
    let mut call = call.into_future();
    assert!(poll_with(&mut call, &waker).is_pending());
    drop(line.next().await);
    let (next, closing) = told.await.unwrap();
    gone.gone().await;
    next.await.unwrap();
    closing.await.unwrap();
    call.await.unwrap();
}

async fn every_handle_may_be_dropped_by_a_waker_on_the_pools_own_thread() {
    let pool = aio_pool::start().workers(1).queue(4).await.unwrap();
    let worker = workers_of(std::process::id())[0];
    let line = Line::open();
    let mut map = pool.map::<for_ever>(0..).limit(100).stream();
    assert!(polled(&mut Box::pin(map.next())).await.is_pending());
    // Nobody lets it yield anything.
    let mut items = pool.stream::<ticks>(line.name.clone()).stream();
    assert!(polled(&mut Box::pin(items.next())).await.is_pending());
    let mut held = pool.call::<hold>(line.name.clone()).into_future();
    assert!(polled(&mut held).await.is_pending());
    let lines = pool.lines();
    let (tell, told) = tokio::sync::oneshot::channel();
    let gate = Line::open();
    let call = pool.call::<finish_when_told>(gate.name.clone());
    let mut call = call.into_future();
    let waker = OnWake::waker(move || {
        drop((map, items, held, lines, pool));
        tell.send(()).unwrap();
    });
    let polled = poll_with(&mut call, &waker);
    assert!(polled.is_pending());
    drop(gate.next().await);
    told.await.unwrap();
    until(|| !is_alive(worker)).await;
    let _ = call.await;
}

async fn answers_come_when_the_first_runtime_is_gone() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let line = Line::open();
    let name = line.name.clone();
    std::thread::spawn(move || {
        let runtime = crate::harness::runtime();
        let made = runtime.block_on(async {
            let pool = aio_pool::start().workers(1).await.unwrap();
            let spawned = pool.call::<for_ever>(0).into_future();
            let _spawned = tokio::spawn(spawned);
            tokio::task::yield_now().await;
            let mut call = pool.call::<finish_when_told>(name).into_future();
            assert!(polled(&mut call).await.is_pending());
            (pool, call)
        });
        drop(runtime);
        tell.send(made).ok().unwrap();
    });
    let (pool, call) = told.await.unwrap();
    drop(line.next().await);
    call.await.unwrap();
    pool.call::<pid>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn limits_beyond_any_clock_are_no_limits() {
    let century = Duration::from_secs(100 * 366 * 24 * 3600);
    for limit in [century, Duration::MAX, Duration::from_secs(u64::MAX / 4)] {
        let pool = aio_pool::start().workers(1).timeout(limit).await.unwrap();
        let call = pool.call::<pid>(()).timeout(limit).run_timeout(limit);
        call.await.unwrap();
        let line = Line::open();
        let call = pool.call::<hold>(line.name.clone()).run_timeout(limit);
        let mut call = call.into_future();
        assert!(polled(&mut call).await.is_pending());
        let held = line.next().await;
        assert!(looks_in_a_second().await < 20);
        drop(call);
        held.gone().await;
        pool.close().await.unwrap();
    }
}

async fn workers_that_are_recycled_do_not_pile_up() {
    const CALLS: usize = 12;
    let start = aio_pool::start().workers(1).tasks_per_worker(1);
    let pool = start.recycle_after(1).await.unwrap();
    let line = Line::open();
    let mut calls = Vec::new();
    for _ in 0..CALLS {
        let mut call = pool.call::<hold>(line.name.clone()).into_future();
        assert!(polled(&mut call).await.is_pending());
        calls.push(call);
    }
    let held = line.next().await;
    // As long as it takes to start all that might be started.
    for _ in 0..3 {
        aio_pool::process::<nothing>(())
            .await
            .unwrap()
            .join()
            .await
            .unwrap();
    }
    // The one that is to go, the one in its place, and nobody else.
    let workers = workers_of(std::process::id()).len();
    assert!(workers <= 2, "{workers} processes where one was asked for");
    drop((calls, held));
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

task! {
    /// Leaves something behind that comes to no await.
    async fn leave_computing(line: String) {
        tokio::spawn(async move {
            let _line = crate::line::call(&line);
            loop {
                std::hint::spin_loop();
            }
        });
    }
}

async fn a_call_behind_what_a_task_left_computing_goes_elsewhere() {
    let pool = aio_pool::start().workers(2).await.unwrap();
    let line = Line::open();
    let left = pool.call::<leave_computing>(line.name.clone());
    left.await.unwrap();
    let computing = line.next().await.pid;
    assert_ne!(pool.call::<pid>(()).await.unwrap(), computing);
    pool.terminate().await;
}

async fn many_workers_start_work_and_end() {
    const WORKERS: usize = 200;
    let begun = Instant::now();
    let start = aio_pool::start().workers(WORKERS);
    let pool = start.await.unwrap();
    println!("ready after {:?}", begun.elapsed());
    let outputs = pool.map::<double>(0..100_000).await.unwrap();
    assert_eq!(outputs.len(), 100_000);
    println!("mapped after {:?}", begun.elapsed());
    for _ in 0..1_000 {
        pool.call::<nothing>(()).await.unwrap();
    }
    println!("called after {:?}", begun.elapsed());
    pool.close().await.unwrap();
    println!("closed after {:?}", begun.elapsed());
}

/// Wakes a thread.
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, without a runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

async fn calls_from_many_threads_all_end_whatever_ends_the_pool() {
    let mut dice = chaos::dice::Dice::new(u64::from(std::process::id()));
    for round in 0..12 {
        let start = aio_pool::start().workers(2).tasks_per_worker(4).queue(8);
        let start = if round % 2 == 0 {
            start
        } else {
            start.recycle_after(50)
        };
        let pool = start.await.unwrap();
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let pool = pool.clone();
                let mut dice = chaos::dice::Dice::new(round * 100 + thread);
                std::thread::spawn(move || {
                    let mut outcomes = 0;
                    loop {
                        let call = pool.call::<pid>(());
                        let call = match dice.below(8) {
                            0 => call.exclusive(),
                            1 => call.run_timeout(Duration::from_secs(100)),
                            _ => call,
                        };
                        let mut call = call.into_future();
                        match dice.below(6) {
                            0 => {
                                if poll_with(&mut call, Waker::noop()).is_ready() {
                                    continue;
                                }
                                // Another thread drops it, or goes on with it.
                                if dice.below(2) == 0 {
                                    std::thread::spawn(move || drop(call));
                                } else {
                                    std::thread::spawn(move || block_on(call))
                                        .join()
                                        .unwrap()
                                        .ok();
                                }
                            }
                            1 => {
                                let map = pool.map::<double>(0..dice.below(600)).unordered();
                                let _ = block_on(map.into_future());
                            }
                            _ => match block_on(call) {
                                Ok(_) | Err(TaskError::WorkerLost { .. }) => {}
                                Err(
                                    TaskError::Pool(Error::Closed) | TaskError::Cancelled { .. },
                                ) => {
                                    return outcomes;
                                }
                                Err(other) => panic!("{other:?}"),
                            },
                        }
                        outcomes += 1;
                    }
                })
            })
            .collect();
        for _ in 0..dice.below(40) {
            let _ = pool.call::<pid>(()).await;
            if dice.below(8) == 0
                && let Some(&victim) = workers_of(std::process::id()).first()
            {
                let victim = rustix::process::Pid::from_raw(victim as i32).unwrap();
                let _ = rustix::process::kill_process(victim, Signal::KILL);
            }
        }
        match dice.below(2) {
            0 => drop(pool.close().await),
            _ => pool.terminate().await,
        }
        let outcomes: u32 = tokio::task::spawn_blocking(move || {
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        })
        .await
        .unwrap();
        println!("round {round}: {outcomes} outcomes");
    }
}
