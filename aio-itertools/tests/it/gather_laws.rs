//! `gather` and its kin against an oracle: random outputs, gaps, limits and wake orders.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aio_itertools::asyncio::gather_iter;
use aio_itertools::{FusedStream, Stream, as_completed, gather, iter, try_gather};
use futures_util::StreamExt;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::TestCaseError;

use crate::by_hand::{Task, poll_next_cut};
use crate::random::{CASES, at_every_share};
use crate::scripted::{Ledger, Token};
use crate::tasks::one_thread;

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

/// The forms of gathering, as streams of an index, where there is one, and a token.
#[derive(Clone, Copy, Debug)]
enum Form {
    Gather,
    TryGather,
    GatherIter,
    AsCompleted,
    Within,
}

const FORMS: [Form; 5] = [
    Form::Gather,
    Form::TryGather,
    Form::GatherIter,
    Form::AsCompleted,
    Form::Within,
];

type Output = (Option<usize>, Token);

trait Running: FusedStream<Item = Output> + Unpin {
    fn in_flight(&self) -> usize;
}

struct Adapted<S: Stream> {
    stream: S,
    decode: fn(S::Item) -> Output,
    in_flight: fn(&S) -> usize,
}

impl<S: Stream + Unpin> Stream for Adapted<S> {
    type Item = Output;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Output>> {
        let decode = self.decode;
        let polled = Pin::new(&mut self.stream).poll_next(cx);
        polled.map(|item| item.map(decode))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl<S: FusedStream + Unpin> FusedStream for Adapted<S> {
    fn is_terminated(&self) -> bool {
        self.stream.is_terminated()
    }
}

impl<S: FusedStream + Unpin> Running for Adapted<S> {
    fn in_flight(&self) -> usize {
        (self.in_flight)(&self.stream)
    }
}

fn build<'a, I>(form: Form, futures: I, limit: usize) -> Box<dyn Running + 'a>
where
    I: Iterator + 'a,
    I::Item: Future<Output = Token>,
{
    match form {
        Form::Gather => Box::new(Adapted {
            stream: gather(futures).limit(limit).stream(),
            decode: |(index, token)| (Some(index), token),
            in_flight: |outputs| outputs.in_flight(),
        }),
        Form::TryGather => {
            let futures = futures.map(|future| async { Ok::<_, ()>(future.await) });
            Box::new(Adapted {
                stream: try_gather(futures).limit(limit).stream(),
                decode: |output| output.map(|(index, token)| (Some(index), token)).unwrap(),
                in_flight: |outputs| outputs.in_flight(),
            })
        }
        Form::GatherIter => Box::new(Adapted {
            stream: gather_iter(iter(futures)).limit(limit).stream(),
            decode: |(index, token)| (Some(index), token),
            in_flight: |outputs| outputs.in_flight(),
        }),
        Form::AsCompleted => Box::new(Adapted {
            stream: as_completed(futures).limit(limit).stream(),
            decode: |token| (None, token),
            in_flight: |outputs| outputs.in_flight(),
        }),
        Form::Within => Box::new(Adapted {
            stream: as_completed(futures)
                .limit(limit)
                .deadline(Duration::MAX)
                .stream(),
            decode: |output| (None, output.unwrap()),
            in_flight: |outputs| outputs.in_flight(),
        }),
    }
}

type Waiting = Rc<RefCell<Vec<(usize, Waker)>>>;

fn run(form: Form, case: &Case) -> Result<(), TestCaseError> {
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
    let mut outputs = build(form, futures, case.limit);
    let tasks = [Task::new(), Task::new()];
    let mut seen = Vec::new();
    let mut turn = 0;
    loop {
        let left = case.gaps.len() - seen.len();
        assert!(!outputs.is_terminated());
        let ends_early = matches!(form, Form::TryGather | Form::Within);
        let lower = if ends_early { left.min(1) } else { left };
        assert_eq!(outputs.size_hint(), (lower, Some(left)));
        turn += 1;
        let (task, waker) = &tasks[turn % 2];
        let wakes = task.wakes();
        match poll_next_cut(&mut *outputs, waker) {
            Poll::Ready(Some((index, token))) => {
                assert!(index.is_none_or(|index| index == token.id()));
                seen.push(token.id());
            }
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
    assert!(outputs.is_terminated());
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..case.gaps.len()));
    drop(outputs);
    assert!(ledger.drops().iter().all(|&drops| drops == 1));
    Ok(())
}

fn total(tasks: &[(std::sync::Arc<Task>, Waker); 2]) -> usize {
    tasks.iter().map(|(task, _)| task.wakes()).sum()
}

#[test]
fn random_futures_wakes_and_limits() {
    // A deadline needs a clock; inside a task there would be a budget as well.
    let runtime = one_thread();
    let _clock = runtime.enter();
    for form in FORMS {
        at_every_share(&format!("{form:?}"), CASES, cases, |case| run(form, &case));
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
