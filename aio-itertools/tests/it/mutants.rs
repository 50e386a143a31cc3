//! Deliberately wrong operators, each of which the laws must reject.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use aio_itertools::{FusedStream, Stream};

use crate::laws::{Card, Held, Operator, check, ids, in_closure, only, subject};
use crate::random::SHARES;
use crate::scripted::{Script, Tok, Token};

/// What is wrong with a batching operator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    DropsTheLastBatch,
    OneItemTooMany,
    PollsAfterTheEnd,
    HintForgetsTheBuffer,
    ForgetsToWake,
    WakesTwice,
    WakesTheFirstTask,
    LosesItemsWhenPending,
    KeepsTheBufferBack,
    NeverTerminates,
    TerminatesTooEarly,
    LeaksAValue,
    Hoards,
    LeaksInAPanic,
    LosesItemsInAPanic,
    HintsAfterTheEnd,
    StuckAfterAPanic,
}

struct Wrong {
    fault: Fault,
    source: Script,
    batch: Vec<Token>,
    hoard: Vec<Token>,
    size: usize,
    done: bool,
    over: bool,
    /// True while a closure runs, and for ever if it panicked.
    inside: bool,
    first: Option<Waker>,
}

impl Wrong {
    fn take(&mut self, item: Token) {
        let item = mem::ManuallyDrop::new(item);
        self.inside = true;
        let called = catch_unwind(AssertUnwindSafe(in_closure));
        match (called, self.fault) {
            (Err(panic), Fault::LeaksInAPanic) => resume_unwind(panic),
            (Err(panic), fault) => {
                self.inside = fault == Fault::StuckAfterAPanic;
                if fault == Fault::LosesItemsInAPanic {
                    self.batch.clear();
                }
                drop(mem::ManuallyDrop::into_inner(item));
                resume_unwind(panic);
            }
            (Ok(()), fault) => {
                self.inside = false;
                let item = mem::ManuallyDrop::into_inner(item);
                if fault == Fault::Hoards {
                    self.hoard.push(item.clone());
                }
                self.batch.push(item);
            }
        }
    }
}

impl Stream for Wrong {
    type Item = Vec<Token>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<Token>>> {
        let this = &mut *self;
        if this.done && this.fault != Fault::PollsAfterTheEnd {
            this.over = true;
            return Poll::Ready(None);
        }
        if this.inside && this.fault == Fault::StuckAfterAPanic {
            return Poll::Pending;
        }
        let first = this.first.get_or_insert_with(|| cx.waker().clone()).clone();
        let size = this.size + usize::from(this.fault == Fault::OneItemTooMany);
        loop {
            let waker = match this.fault {
                Fault::ForgetsToWake => Waker::noop(),
                Fault::WakesTheFirstTask => &first,
                _ => cx.waker(),
            };
            let polled = Pin::new(&mut this.source).poll_next(&mut Context::from_waker(waker));
            if polled.is_pending() {
                match this.fault {
                    Fault::WakesTwice => cx.waker().wake_by_ref(),
                    Fault::LosesItemsWhenPending => this.batch.clear(),
                    _ => {}
                }
            }
            match ready!(polled) {
                Some(item) => {
                    this.take(item);
                    if this.batch.len() == size {
                        return Poll::Ready(Some(mem::take(&mut this.batch)));
                    }
                }
                None => {
                    this.done = true;
                    let last = mem::take(&mut this.batch);
                    if this.fault == Fault::LeaksAValue {
                        this.over = true;
                        last.into_iter().for_each(mem::forget);
                        return Poll::Ready(None);
                    }
                    let lost = last.is_empty() || this.fault == Fault::DropsTheLastBatch;
                    this.over = lost || this.fault == Fault::TerminatesTooEarly;
                    return Poll::Ready((!lost).then_some(last));
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.done && self.fault != Fault::HintsAfterTheEnd {
            return (0, Some(0));
        }
        if self.over {
            return (0, None);
        }
        let buffered = match self.fault {
            Fault::HintForgetsTheBuffer => 0,
            _ => self.batch.len(),
        };
        let (lower, upper) = self.source.size_hint();
        (
            (lower + buffered).div_ceil(self.size),
            upper.map(|upper| (upper + buffered).div_ceil(self.size)),
        )
    }
}

impl FusedStream for Wrong {
    fn is_terminated(&self) -> bool {
        self.over && self.fault != Fault::NeverTerminates
    }
}

macro_rules! mutant {
    ($fault:ident) => {
        Operator {
            card: Card {
                memory: "one batch",
                ..Card::PLAIN
            },
            held: Held::All,
            most: |size| size - 1,
            ..Operator::plain(
                stringify!($fault),
                "adaptors/batched.rs",
                |sources, size| {
                    let wrong = Wrong {
                        fault: Fault::$fault,
                        source: only(sources),
                        batch: Vec::new(),
                        hoard: Vec::new(),
                        size,
                        done: false,
                        over: false,
                        inside: false,
                        first: None,
                    };
                    subject(
                        wrong,
                        |batch| ids(batch),
                        |mut wrong| {
                            if wrong.fault == Fault::KeepsTheBufferBack {
                                wrong.batch.clear();
                            }
                            (vec![wrong.source], wrong.batch)
                        },
                    )
                },
                |values, size| {
                    let ids = |batch: &[Tok]| batch.iter().map(|tok| tok.id).collect();
                    values[0].chunks(size).map(ids).collect()
                },
            )
        }
    };
}

/// The first law of which a check complains, at any share of `Pending`.
fn broken_law(mutant: &Operator) -> Option<String> {
    SHARES
        .into_iter()
        .find_map(|share| check(mutant, share).err())
        .map(|broken| broken.to_string())
}

#[test]
fn the_laws_reject_every_mutant() {
    let mutants: [(_, &[&str]); 17] = [
        (mutant!(DropsTheLastBatch), &["the output is the oracle's"]),
        (mutant!(OneItemTooMany), &["size_hint"]),
        (
            mutant!(PollsAfterTheEnd),
            &["the source is not polled after its end"],
        ),
        (mutant!(HintForgetsTheBuffer), &["size_hint"]),
        (mutant!(ForgetsToWake), &["one wake for a Pending"]),
        (mutant!(WakesTwice), &["one wake for a Pending"]),
        (mutant!(WakesTheFirstTask), &["one wake for a Pending"]),
        // Which of the two notices first depends on the case.
        (
            mutant!(LosesItemsWhenPending),
            &["size_hint", "the output is the oracle's"],
        ),
        (mutant!(KeepsTheBufferBack), &["a cut loses nothing"]),
        (
            mutant!(NeverTerminates),
            &["is_terminated is true after the end"],
        ),
        (
            mutant!(TerminatesTooEarly),
            &["is_terminated is not true before the end was given"],
        ),
        (mutant!(LeaksAValue), &["the output is the oracle's"]),
        (mutant!(Hoards), &["it holds no more than its card says"]),
        (
            mutant!(LeaksInAPanic),
            &["each value is dropped once, after a panic"],
        ),
        (
            mutant!(LosesItemsInAPanic),
            &["a panic of a closure loses only its arguments"],
        ),
        (
            mutant!(HintsAfterTheEnd),
            &["size_hint is exact after the end"],
        ),
        (mutant!(StuckAfterAPanic), &["it ends after a panic"]),
    ];
    for (mutant, laws) in &mutants {
        let broken = broken_law(mutant).unwrap_or_default();
        assert!(
            laws.iter().any(|law| broken.contains(law)),
            "{} was judged: {broken:?}",
            mutant.name
        );
    }
    println!("mutants={} rejected={}", mutants.len(), mutants.len());
}
