//! procspawn's pool, with its defaults, as its example `pool` shows.
//!
//! A call that waits holds descriptors, so so many as a process may have bound the
//! calls in flight: a window of them, whose oldest is waited for first.

use std::collections::VecDeque;

use procspawn::{JoinHandle, Pool};
use serde_bytes::ByteBuf;
use work::{IN_FLIGHT, WORKERS, Work, burn, measure, measure_starts, payload, plus_one};

fn main() {
    procspawn::init();
    let work = Work::from_arguments();
    if work.kind == "first" {
        return measure_starts(
            &work,
            |number| {
                let pool = start(1);
                let answer = pool.spawn(number, plus_one).join();
                (pool, answer.expect("an answer"))
            },
            drop,
        );
    }
    let pool = start(WORKERS);
    match work.kind.as_str() {
        "sequential" => measure(&work, |n| windowed(&pool, n, 1, plus_one)),
        "mapped" => measure(&work, |n| windowed(&pool, n, IN_FLIGHT, plus_one)),
        "large" => measure(&work, |n| {
            (0..n as u64).map(|number| large(&pool, number)).sum()
        }),
        "cpu" => measure(&work, |n| windowed(&pool, n, 4 * WORKERS, burn)),
        _ => work.unasked(),
    }
}

fn start(workers: usize) -> Pool {
    Pool::new(workers).expect("a pool")
}

fn windowed(pool: &Pool, n: usize, window: usize, task: fn(u64) -> u64) -> u64 {
    let mut sum = 0_u64;
    let mut waiting: VecDeque<JoinHandle<u64>> = VecDeque::with_capacity(window);
    let mut take = |handle: JoinHandle<u64>| {
        sum = sum.wrapping_add(handle.join().expect("an answer"));
    };
    for number in 0..n as u64 {
        if waiting.len() == window {
            waiting.pop_front().map(&mut take);
        }
        waiting.push_back(pool.spawn(number, task));
    }
    waiting.into_iter().for_each(&mut take);
    sum
}

fn large(pool: &Pool, number: u64) -> u64 {
    let sent = ByteBuf::from(payload::large(number));
    let answer = pool.spawn(sent, |payload: ByteBuf| payload).join();
    payload::came_back(number, &answer.expect("an answer"))
}
