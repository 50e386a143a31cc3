//! Values far larger than a socket holds, whole and cut off.

use aio_pool::{Exit, Never, Pool, TaskError};
use rustix::process::Signal;
use tokio::join;

use crate::death::{send, wait_until_stopped};
use crate::deeds::{Blob, Way, arm_for_output, give_blob, return_blob, take_blob};
use crate::harness::trials;
use crate::polled::polled;
use crate::pools::one_worker;
use crate::tasks::pid;

trials![
    large_values_cross_in_both_directions_at_once,
    small_calls_are_answered_between_large_values,
    a_worker_killed_while_it_writes_a_large_output_is_lost,
    a_worker_killed_while_it_is_written_a_large_input_has_not_begun,
    a_worker_killed_between_large_values_both_ways_is_lost,
];

const LARGE: usize = 64 << 20;

async fn large_values_cross_in_both_directions_at_once() {
    let pool = one_worker().await;
    let (back, taken, given) = join!(
        pool.call::<return_blob>(Blob::patterned(LARGE))
            .into_future(),
        pool.call::<take_blob>(Blob::patterned(LARGE)).into_future(),
        pool.call::<give_blob>(LARGE).into_future(),
    );
    let blob = Blob::patterned(LARGE);
    assert!(back.unwrap() == blob);
    assert!(taken.unwrap().1);
    assert!(given.unwrap() == blob);
    pool.close().await.unwrap();
}

async fn small_calls_are_answered_between_large_values() {
    let pool = one_worker().await;
    let large = pool.call::<return_blob>(Blob::patterned(LARGE));
    let large = tokio::spawn(large.into_future());
    tokio::task::yield_now().await;
    let mut small = 0;
    while !large.is_finished() {
        pool.call::<pid>(()).await.unwrap();
        // The last may have come behind it.
        small += u32::from(!large.is_finished());
    }
    assert!(large.await.unwrap().unwrap() == Blob::patterned(LARGE));
    println!("large: {small} small calls beside 64 MiB both ways");
    assert!(small > 0);
    pool.close().await.unwrap();
}

/// Calls until the worker dies in the middle of the answer; each call has one
/// outcome.
async fn until_cut_off<F: Future<Output = Result<Blob, TaskError<Never>>>>(
    call: impl Fn(&Pool) -> F,
) {
    let pool = one_worker().await;
    let victim = loop {
        let worker = pool.call::<arm_for_output>(Way::Kill).await.unwrap();
        match call(&pool).await {
            Err(TaskError::WorkerLost {
                pid,
                exit: Exit::Signal(9),
                started: true,
                beside: 0,
                ..
            }) => {
                assert_eq!(pid, worker);
                break worker;
            }
            // Its end came later than the answer's.
            Ok(blob) => assert!(blob == Blob::patterned(LARGE)),
            Err(other) => panic!("{other}"),
        }
    };
    assert_ne!(pool.call::<pid>(()).await.unwrap(), victim);
    assert!(call(&pool).await.unwrap() == Blob::patterned(LARGE));
    pool.close().await.unwrap();
}

async fn a_worker_killed_while_it_writes_a_large_output_is_lost() {
    until_cut_off(|pool| pool.call::<give_blob>(LARGE).into_future()).await;
}

async fn a_worker_killed_between_large_values_both_ways_is_lost() {
    let blob = Blob::patterned(LARGE);
    until_cut_off(|pool| pool.call::<return_blob>(blob.clone()).into_future()).await;
}

async fn a_worker_killed_while_it_is_written_a_large_input_has_not_begun() {
    let pool = one_worker().await;
    let worker = pool.call::<pid>(()).await.unwrap();
    send(Signal::STOP, worker);
    wait_until_stopped(worker).await;
    let mut calls: Vec<_> = (0..2)
        .map(|_| pool.call::<take_blob>(Blob::patterned(LARGE)).into_future())
        .collect();
    for call in &mut calls {
        assert!(polled(call).await.is_pending());
    }
    send(Signal::KILL, worker);
    for call in calls {
        let (survivor, whole) = call.await.unwrap();
        assert_ne!(survivor, worker);
        assert!(whole);
    }
    pool.close().await.unwrap();
}
