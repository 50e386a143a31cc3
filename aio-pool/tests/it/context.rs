//! What a task learns of where it runs.

use std::collections::BTreeSet;
use std::future::{pending, poll_fn};
use std::io::Read as _;
use std::pin::pin;
use std::process::id;

use aio_pool::{Context, Pool, TaskError, task};
use rustix::process::Signal;

use crate::death::send;
use crate::harness::trials;
use crate::line::{self, Line};
use crate::polled::polled;
use crate::pools::one_worker;
use crate::tasks::pid;

trials![
    a_function_with_a_context_is_still_a_function,
    each_worker_has_a_place_of_its_own_and_its_successor_has_it_too,
    outside_of_a_worker_nothing_is_cancelled,
    a_state_that_nobody_made_is_named,
    a_state_is_found_by_its_type,
    code_that_computes_sees_its_cancellation,
    code_on_another_thread_sees_its_cancellation,
    what_a_task_spawned_is_woken_by_its_cancellation,
    the_end_of_a_call_is_no_cancellation,
];

task! {
    /// The context is no part of the input.
    async fn double(cx: Context, double: u32) -> u32 {
        double * 2 + u32::try_from(cx.place()).unwrap_or(u32::MAX)
    }
}

task! {
    async fn only_a_context(_cx: aio_pool::Context) -> Result<u32, Vec<u8>> {
        Ok(id())
    }
}

task! {
    async fn a_context_and_more(cx: Context, a: Vec<u8>, b: String,) {
        let _ = (cx, a, b);
    }
}

/// Named as ours is, and an ordinary input by its path.
mod other {
    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    pub(crate) struct Context(pub(crate) u8);
}

task! {
    async fn another_context(cx: other::Context) -> u8 {
        cx.0
    }
}

task! {
    /// Says where it is once the test has let it go.
    async fn place(cx: Context, line: String) -> usize {
        let mut line = line::call(&line);
        line.read_to_end(&mut Vec::new()).expect("an end");
        cx.place()
    }
}

task! {
    async fn needs_state(cx: Context) -> String {
        cx.state::<String>().clone()
    }
}

task! {
    /// Comes to no await before it is cancelled.
    async fn computes(cx: Context, line: String) {
        let _line = line::call(&line);
        while !cx.is_cancelled() {
            std::hint::spin_loop();
        }
    }
}

task! {
    async fn blocks(cx: Context, line: String) {
        let blocking = tokio::task::spawn_blocking(move || {
            let _line = line::call(&line);
            while !cx.is_cancelled() {
                std::thread::yield_now();
            }
        });
        blocking.await.expect("an end");
    }
}

task! {
    /// What it spawns waits, after it has once thought better of it.
    async fn spawns(cx: Context, line: String) {
        tokio::spawn(async move {
            assert!(polled(&mut pin!(cx.cancelled())).await.is_pending());
            let _line = line::call(&line);
            cx.cancelled().await;
            assert!(cx.is_cancelled());
            // Asked again, it has not forgotten.
            cx.cancelled().await;
        });
        pending::<()>().await;
    }
}

task! {
    /// What it spawns waits longer than it runs.
    async fn spawns_and_ends(cx: Context, line: String) {
        tokio::spawn(async move {
            let _line = line::call(&line);
            cx.cancelled().await;
        });
    }
}

async fn a_function_with_a_context_is_still_a_function() {
    assert_eq!(double(Context::default(), 21).await, 42);
    assert_eq!(only_a_context(Context::default()).await, Ok(id()));
    let pool = one_worker().await;
    assert_eq!(pool.call::<double>(21).await.unwrap(), 42);
    assert_ne!(pool.call::<only_a_context>(()).await.unwrap(), id());
    let input = (vec![1], "b".to_owned());
    pool.call::<a_context_and_more>(input).await.unwrap();
    let input = other::Context(7);
    assert_eq!(pool.call::<another_context>(input).await.unwrap(), 7);
    pool.close().await.unwrap();
}

/// The places of two workers, and the pid of one.
async fn two_places(pool: &Pool) -> (BTreeSet<usize>, u32) {
    let line = Line::open();
    let calls = [(); 2].map(|()| {
        let call = pool.call::<place>(line.name.clone());
        tokio::spawn(call.into_future())
    });
    // Both run at the same time, so not in the same worker.
    let held = [line.next().await, line.next().await];
    let pid = held[0].pid;
    drop(held);
    let mut places = BTreeSet::new();
    for call in calls {
        places.insert(call.await.unwrap().unwrap());
    }
    (places, pid)
}

async fn each_worker_has_a_place_of_its_own_and_its_successor_has_it_too() {
    let start = aio_pool::start().workers(2).tasks_per_worker(1);
    let pool = start.await.unwrap();
    for _ in 0..3 {
        let (places, pid) = two_places(&pool).await;
        assert_eq!(places, BTreeSet::from([0, 1]));
        send(Signal::KILL, pid);
    }
    pool.terminate().await;
}

async fn outside_of_a_worker_nothing_is_cancelled() {
    let cx = Context::default();
    assert_eq!(cx.place(), 0);
    assert!(!cx.is_cancelled());
    assert!(polled(&mut pin!(cx.cancelled())).await.is_pending());
}

async fn a_state_that_nobody_made_is_named() {
    let pool = one_worker().await;
    let said = pool.call::<needs_state>(()).await.unwrap_err();
    let TaskError::Panicked {
        message, location, ..
    } = said
    else {
        panic!("{said:?}");
    };
    let expected = "no initializer of this worker has made a alloc::string::String";
    assert!(message.starts_with(expected), "{message}");
    let location = location.unwrap();
    assert!(location.contains("tests/it/context.rs"), "{location}");
    pool.close().await.unwrap();
}

async fn a_state_is_found_by_its_type() {
    let cx = Context::default().with_state(1_u8).with_state("two");
    let other = cx.clone().with_state(3_u8);
    assert_eq!((*cx.state::<u8>(), *cx.state::<&str>()), (1, "two"));
    assert_eq!((*other.state::<u8>(), *other.state::<&str>()), (3, "two"));
    assert!(cx.try_state::<u16>().is_none());
    let cx = cx.with_state("a state".to_owned());
    assert_eq!(needs_state(cx).await, "a state");
}

/// Begins a call of this task and drops it: what holds the line must end, and
/// the worker go on.
async fn ends_when_dropped<T>()
where
    T: aio_pool::Task<Input = String>,
{
    let pool = one_worker().await;
    let line = Line::open();
    let mut call = pool.call::<T>(line.name.clone()).into_future();
    let held = {
        let mut next = pin!(line.next());
        poll_fn(|cx| {
            let over = std::pin::Pin::new(&mut call).poll(cx).is_ready();
            assert!(!over, "it has ended by itself");
            next.as_mut().poll(cx)
        })
        .await
    };
    drop(call);
    let worker = held.pid;
    held.gone().await;
    assert_eq!(pool.call::<pid>(()).await.unwrap(), worker);
    pool.close().await.unwrap();
}

async fn code_that_computes_sees_its_cancellation() {
    ends_when_dropped::<computes>().await;
}

async fn code_on_another_thread_sees_its_cancellation() {
    ends_when_dropped::<blocks>().await;
}

async fn what_a_task_spawned_is_woken_by_its_cancellation() {
    ends_when_dropped::<spawns>().await;
}

async fn the_end_of_a_call_is_no_cancellation() {
    let pool = one_worker().await;
    let line = Line::open();
    let call = pool.call::<spawns_and_ends>(line.name.clone());
    call.await.unwrap();
    let held = line.next().await;
    // Were it one, what was spawned would be gone by the end of many others.
    for _ in 0..100 {
        pool.call::<pid>(()).await.unwrap();
    }
    let mut gone = pin!(held.gone());
    assert!(polled(&mut gone).await.is_pending());
    pool.terminate().await;
    gone.await;
}
