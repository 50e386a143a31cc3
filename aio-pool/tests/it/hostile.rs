//! A worker that lies. Its task takes the socket of its own process and says
//! what the pool must not believe.

use std::io::Write;
use std::os::unix::net::UnixStream;

use aio_pool::{Exit, Pool, TaskError, task};
use rustix::process::{
    PidfdFlags, PidfdGetfdFlags, Signal, getpid, kill_process, pidfd_getfd, pidfd_open,
};

use crate::harness::trials;
use crate::line::Line;
use crate::tasks::{hold, nothing, pid};

trials![
    a_frame_beyond_the_maximum_costs_the_worker,
    a_frame_without_a_head_costs_the_worker,
    an_answer_to_a_call_of_nobody_costs_the_worker,
    an_answer_to_the_call_of_another_worker_costs_only_the_liar,
    a_cancellation_that_nobody_asked_for_costs_the_worker,
    a_second_greeting_costs_the_worker,
    half_a_frame_before_death_is_no_answer,
    a_whole_frame_before_death_is_an_answer,
    a_flood_of_lies_is_survived,
    a_worker_that_hangs_up_and_stays_is_killed,
];

task! {
    /// Writes these bytes on the worker's socket, and never ends.
    async fn say(bytes: Vec<u8>) {
        own_socket().write_all(&bytes).expect("a parent that reads");
        std::future::pending::<()>().await;
    }
}

task! {
    /// Writes these bytes on the worker's socket, and dies.
    async fn say_and_die(bytes: Vec<u8>) {
        own_socket().write_all(&bytes).expect("a parent that reads");
        kill_process(getpid(), Signal::KILL).expect("an end");
    }
}

task! {
    /// Writes these bytes on the worker's socket until nobody reads them.
    async fn flood(bytes: Vec<u8>) {
        let mut socket = own_socket();
        while socket.write_all(&bytes).is_ok() {}
        std::future::pending::<()>().await;
    }
}

task! {
    /// Says no more, and does not end.
    async fn hang_up() {
        let socket = own_socket();
        socket.shutdown(std::net::Shutdown::Write).expect("a connection");
        std::future::pending::<()>().await;
    }
}

/// The first socket of this process: nothing else here has one.
fn own_socket() -> UnixStream {
    let mut sockets: Vec<i32> = std::fs::read_dir("/proc/self/fd")
        .expect("descriptors")
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let target = std::fs::read_link(entry.path()).ok()?;
            let socket = target.to_string_lossy().starts_with("socket:");
            entry.file_name().to_str()?.parse().ok().filter(|_| socket)
        })
        .collect();
    sockets.sort_unstable();
    let own = pidfd_open(getpid(), PidfdFlags::empty()).expect("a pidfd");
    let socket = pidfd_getfd(own, sockets[0], PidfdGetfdFlags::empty()).expect("a copy");
    UnixStream::from(socket)
}

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&length.to_be_bytes()[..], body].concat()
}

/// `Up::Done { call, ending: Output }`, as it is on the wire.
fn done(call: u8) -> Vec<u8> {
    framed(&[3, call, 0])
}

async fn one_worker() -> Pool {
    aio_pool::start().workers(1).await.unwrap()
}

/// The call ends with the worker, for the reason; the pool goes on with another.
async fn costs_the_worker(bytes: Vec<u8>, said: &str) {
    let pool = one_worker().await;
    let liar = pool.call::<pid>(()).await.unwrap();
    let error = pool.call::<say>(bytes).await.unwrap_err();
    let TaskError::WorkerLost {
        pid: lost,
        exit: Exit::Ended { reason },
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(*lost, liar);
    assert!(reason.contains(said), "{reason}");
    assert_ne!(pool.call::<pid>(()).await.unwrap(), liar);
    pool.close().await.unwrap();
}

async fn a_frame_beyond_the_maximum_costs_the_worker() {
    costs_the_worker(vec![0xff; 64], "frame size too big").await;
}

async fn a_frame_without_a_head_costs_the_worker() {
    costs_the_worker(
        framed(&[0x7f; 9]),
        "a frame of 9 bytes without a readable head",
    )
    .await;
    costs_the_worker(framed(&[]), "a frame of 0 bytes without a readable head").await;
}

async fn an_answer_to_a_call_of_nobody_costs_the_worker() {
    costs_the_worker(done(99), "it answered call 99, which it does not have").await;
}

async fn an_answer_to_the_call_of_another_worker_costs_only_the_liar() {
    let pool = aio_pool::start()
        .workers(2)
        .tasks_per_worker(1)
        .await
        .unwrap();
    let line = Line::open();
    // The first call of this pool has number 0.
    let other = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    let held = line.next().await;
    let error = pool.call::<say>(done(0)).await.unwrap_err();
    assert!(
        matches!(error, TaskError::WorkerLost { pid, .. } if pid != held.pid),
        "{error}"
    );
    assert!(!other.is_finished());
    other.abort();
    held.gone().await;
    pool.close().await.unwrap();
}

async fn a_cancellation_that_nobody_asked_for_costs_the_worker() {
    // `Up::Done { call: 1, ending: Cancelled }`: the call that says so.
    costs_the_worker(
        framed(&[3, 1, 3]),
        "it cancelled call 1, as nobody had asked",
    )
    .await;
}

async fn a_second_greeting_costs_the_worker() {
    costs_the_worker(framed(&[0, 1, 0]), "it greeted twice").await;
}

async fn half_a_frame_before_death_is_no_answer() {
    let pool = one_worker().await;
    // The call has number 0; its answer stops before its last byte.
    let mut half = done(0);
    half.pop();
    let error = pool.call::<say_and_die>(half).await.unwrap_err();
    assert!(
        matches!(
            error,
            TaskError::WorkerLost {
                exit: Exit::Signal(9),
                ..
            }
        ),
        "{error}"
    );
    pool.close().await.unwrap();
}

async fn a_whole_frame_before_death_is_an_answer() {
    let pool = one_worker().await;
    // Death and answer race each time; the answer was first.
    for call in 0..100 {
        pool.call::<say_and_die>(done(call)).await.unwrap();
    }
    pool.close().await.unwrap();
}

async fn a_flood_of_lies_is_survived() {
    let pool = one_worker().await;
    let error = pool
        .call::<flood>(done(77).repeat(10_000))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("it answered call 77"), "{error}");
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn a_worker_that_hangs_up_and_stays_is_killed() {
    let pool = one_worker().await;
    let error = pool.call::<hang_up>(()).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.ends_with("it closed its connection and did not end"),
        "{said}"
    );
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}
