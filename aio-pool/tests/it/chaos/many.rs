//! Maps and streams while workers die: each input has one outcome, and each
//! stream its items in their order and one end.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::time::Instant;

use aio_pool::{Never, Pool, TaskError, task};
use chaos::Trace;
use chaos::dice::Dice;
use futures_core::Stream;
use futures_util::stream;
use tokio::join;

use super::{CALLS_PER_DEATH, Recycling, Villain, WORKERS, complete, descriptors};
use crate::deeds::{Way, children_of, until};

/// So many inputs has a map, and so many items a stream at most.
const INPUTS: u32 = 500;

task! {
    /// The input; one in some hundred ends its worker.
    async fn pass(run: u64, input: u32) -> (u64, u32) {
        if Dice::new(run.wrapping_mul(31).wrapping_add(input.into())).below(400) == 0 {
            Way::Abort.die();
        }
        tokio::task::yield_now().await;
        (run, input)
    }
}

task! {
    /// So many items, of which each says whose it is.
    fn pass_on(run: u64, items: u32) -> impl Stream<Item = (u64, u32)> {
        stream::iter((0..items).map(move |item| (run, item)))
    }
}

/// What all of it came to.
#[derive(Debug, Default)]
struct Tally {
    /// Inputs of maps and streams that have ended.
    over: Cell<usize>,
    answered: Cell<usize>,
    lost: Cell<usize>,
    streams: Cell<usize>,
    cut_off: Cell<usize>,
    dead: RefCell<HashSet<u32>>,
}

fn more(count: &Cell<usize>) {
    count.set(count.get() + 1);
}

impl Tally {
    fn lost(&self, error: TaskError<Never>) {
        match error {
            TaskError::WorkerLost { pid, .. } => drop(self.dead.borrow_mut().insert(pid)),
            other => panic!("{other}"),
        }
    }

    fn outcome(&self, outcome: Result<(u64, u32), TaskError<Never>>) -> Option<(u64, u32)> {
        more(&self.over);
        match outcome {
            Ok(answer) => {
                more(&self.answered);
                Some(answer)
            }
            Err(error) => {
                more(&self.lost);
                self.lost(error);
                None
            }
        }
    }
}

/// Each in its turn, or lost.
async fn ordered(pool: &Pool, run: u64, tally: &Tally) {
    let inputs = (0..INPUTS).map(|input| (run, input));
    let mut results = pool.map::<pass>(inputs).limit(20).stream();
    for input in 0..INPUTS {
        let outcome = results.next().await.expect("an outcome of each");
        if let Some(answer) = tally.outcome(outcome) {
            assert_eq!(answer, (run, input));
        }
    }
    assert!(results.next().await.is_none(), "and no other");
}

/// Each once, or lost.
async fn unordered(pool: &Pool, run: u64, tally: &Tally) {
    let inputs = (0..INPUTS).map(|input| (run, input));
    let mut results = pool.map::<pass>(inputs).limit(20).unordered().stream();
    let (mut came, mut lost) = (HashSet::new(), 0);
    while let Some(outcome) = results.next().await {
        match tally.outcome(outcome) {
            Some((of, input)) => {
                assert_eq!(of, run);
                assert!(input < INPUTS && came.insert(input), "{input} twice");
            }
            None => lost += 1,
        }
    }
    assert_eq!(came.len() + lost, INPUTS as usize);
}

/// All of them, or the first of them and a loss.
async fn streamed(pool: &Pool, run: u64, dice: &mut Dice, tally: &Tally) {
    let count = u32::try_from(dice.below(INPUTS.into())).expect("few");
    let mut items = pool.stream::<pass_on>((run, count)).stream();
    let mut next = 0;
    let cut_off = loop {
        match items.next().await {
            Some(Ok(item)) => {
                assert_eq!(item, (run, next));
                next += 1;
            }
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    match cut_off {
        Some(error) => {
            more(&tally.cut_off);
            tally.lost(error);
            assert!(items.next().await.is_none(), "one end");
        }
        None => assert_eq!(next, count, "a stream that is whole"),
    }
    more(&tally.over);
    more(&tally.streams);
}

pub(super) async fn every_input_and_every_stream_has_one_end(deaths: usize) {
    let seed = super::number("AIO_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let begun = Instant::now();
    let before = Trace::take();
    let pool = Recycling::On.start().await;
    complete(&pool).await;
    let open = descriptors();
    let tally = Tally::default();
    let enough =
        || tally.over.get() >= deaths * CALLS_PER_DEATH && tally.dead.borrow().len() >= deaths;
    let maps = async {
        let mut run = seed;
        while !enough() {
            run = run.wrapping_add(2);
            join!(
                ordered(&pool, run, &tally),
                unordered(&pool, run + 1, &tally)
            );
        }
    };
    let streams = async {
        let mut dice = Dice::new(seed.wrapping_add(2));
        let mut run = 0;
        while !enough() {
            run += 1;
            streamed(&pool, run, &mut dice, &tally).await;
        }
    };
    let villain = async {
        let mut dice = Dice::new(seed.wrapping_add(1));
        let mut villain = Villain::new(seed);
        while !enough() {
            let next = tally.over.get() + 30 + dice.below(100) as usize;
            while tally.over.get() < next && !enough() {
                villain.release(tokio::time::Instant::now());
                tokio::task::yield_now().await;
            }
            villain.strike();
            tally.dead.borrow_mut().extend(&villain.dead);
        }
        villain.release_all();
    };
    join!(maps, streams, villain);
    complete(&pool).await;
    let (dead, streams) = (tally.dead.borrow().len(), tally.streams.get());
    println!(
        "chaos: inputs={} answered={} worker_lost={} streams={streams} cut_off={} deaths={dead} \
         seed={seed} in {:?}",
        tally.over.get() - streams,
        tally.answered.get(),
        tally.lost.get(),
        tally.cut_off.get(),
        begun.elapsed()
    );
    until("as many descriptors as at first", || descriptors() <= open).await;
    until("no child but workers", || {
        children_of(std::process::id()).len() == WORKERS
    })
    .await;
    pool.close().await.unwrap();
    before.assert_same().await;
}
