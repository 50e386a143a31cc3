//! `gather` against an oracle: random outputs, gaps, limits and wake orders.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use aio_itertools::{Stream, gather};
use futures_util::StreamExt;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::by_hand::{Task, poll_next_cut};
use crate::laws::{CASES, SHARES};
use crate::scripted::Ledger;

#[derive(Clone, Debug)]
struct Case {
    /// For each future, how often it is pending before its output.
    gaps: Vec<usize>,
    limit: usize,
    /// Chooses which of the waiting futures is woken next.
    order: Vec<prop_index::Index>,
    /// How many are woken before the stream is polled again.
    bursts: Vec<usize>,
}

mod prop_index {
    pub(super) use proptest::sample::Index;
}

fn cases(share: u32) -> impl Strategy<Value = Case> {
    // The number of heads in a row: a gap of each length has its share.
    let gap = vec(0..100_u32, 6)
        .prop_map(move |drawn| drawn.into_iter().take_while(|&drawn| drawn < share).count());
    (
        vec(gap, 0..24),
        1..8_usize,
        vec(any::<prop_index::Index>(), 64),
        vec(1..4_usize, 64),
    )
        .prop_map(|(gaps, limit, order, bursts)| Case {
            gaps,
            limit,
            order,
            bursts,
        })
}

type Waiting = Rc<RefCell<Vec<(usize, Waker)>>>;

fn run(case: &Case) -> Result<(), TestCaseError> {
    let ledger = Ledger::new(case.gaps.len());
    let waiting: Waiting = Rc::default();
    let (flying, most, polls) = (
        Rc::new(Cell::new(0)),
        Rc::new(Cell::new(0)),
        Rc::new(Cell::new(0)),
    );
    let futures = case.gaps.iter().enumerate().map(|(id, &gaps)| {
        let (token, waiting) = (ledger.token(id), Rc::clone(&waiting));
        let (flying, most, polls) = (Rc::clone(&flying), Rc::clone(&most), Rc::clone(&polls));
        async move {
            flying.set(flying.get() + 1);
            most.set(usize::max(most.get(), flying.get()));
            let mut left = gaps;
            poll_fn(|cx| {
                polls.set(polls.get() + 1);
                if left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                waiting.borrow_mut().push((id, cx.waker().clone()));
                Poll::Pending
            })
            .await;
            flying.set(flying.get() - 1);
            token
        }
    });
    let mut outputs = gather(futures).limit(case.limit).stream();
    let tasks = [Task::new(), Task::new()];
    let mut seen = Vec::new();
    let mut turn = 0;
    loop {
        let left = case.gaps.len() - seen.len();
        assert_eq!(outputs.size_hint(), (left, Some(left)));
        turn += 1;
        let (task, waker) = &tasks[turn % 2];
        let wakes = task.wakes();
        match poll_next_cut(&mut outputs, waker) {
            Poll::Ready(Some((index, token))) => seen.push((index, token.id())),
            Poll::Ready(None) => break,
            Poll::Pending => {
                let full = outputs.in_flight() == case.limit.min(left);
                assert!(full, "room is filled before it is pending");
                for burst in 0..case.bursts[turn % case.bursts.len()] {
                    let mut waiting = waiting.borrow_mut();
                    if waiting.is_empty() {
                        break;
                    }
                    let chosen = case.order[(turn + burst) % case.order.len()];
                    let chosen = chosen.index(waiting.len());
                    let (_, waker) = waiting.swap_remove(chosen);
                    drop(waiting);
                    waker.wake();
                }
                assert_eq!(task.wakes(), wakes + 1, "one wake for a Pending");
                assert_eq!(tasks[1 - turn % 2].0.wakes() + task.wakes(), total(&tasks));
            }
        }
    }
    assert!(most.get() <= case.limit, "{} in flight", most.get());
    let expected_polls = case.gaps.len() + case.gaps.iter().sum::<usize>();
    assert_eq!(
        polls.get(),
        expected_polls,
        "polled once, and once for each wake-up"
    );
    assert!(seen.iter().all(|(index, id)| index == id));
    seen.sort_unstable();
    assert!(seen.iter().map(|(index, _)| *index).eq(0..case.gaps.len()));
    drop(outputs);
    assert!(ledger.drops().iter().all(|&drops| drops == 1));
    Ok(())
}

fn total(tasks: &[(std::sync::Arc<Task>, Waker); 2]) -> usize {
    tasks.iter().map(|(task, _)| task.wakes()).sum()
}

#[test]
fn random_futures_wakes_and_limits() {
    for share in SHARES {
        let config = Config {
            cases: CASES,
            failure_persistence: None,
            ..Config::default()
        };
        let result = TestRunner::new(config).run(&cases(share), |case| run(&case));
        if let Err(broken) = result {
            panic!("gather at {share} % Pending: {broken}");
        }
        println!("gather pending={share}% cases={CASES}");
    }
}

#[tokio::test]
async fn the_same_outputs_as_buffered() {
    let work = |n: u64| async move {
        for _ in 0..n % 5 {
            tokio::task::yield_now().await;
        }
        n * n
    };
    for limit in [1, 2, 7, 100, 1000] {
        let theirs: Vec<_> = futures_util::stream::iter((0..500).map(work))
            .buffered(limit)
            .collect()
            .await;
        assert_eq!(gather((0..500).map(work)).limit(limit).await, theirs);
    }
    assert_eq!(
        gather((0..500).map(work)).await,
        futures_util::future::join_all((0..500).map(work)).await
    );
}
