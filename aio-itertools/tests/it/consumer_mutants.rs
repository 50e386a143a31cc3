//! Deliberately wrong consumers, each of which the laws must reject.

use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use aio_itertools::Stream;

use crate::by_hand::poll_next_cut;
use crate::consumer_laws::{Consumer, ConsumerCard, answer, check};
use crate::laws::{in_closure, only};
use crate::random::SHARES;
use crate::scripted::{Script, Token};

/// What is wrong with a consumer that gives the smallest of the first few items.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    GivesTheLastOfTies,
    TakesOneTooMany,
    StopsTooEarly,
    PollsAfterTheEnd,
    ForgetsToWake,
    WakesTwice,
    WakesTheFirstTask,
    Hoards,
    LeaksTheLosers,
    LeaksInAPanic,
    StuckAfterAPanic,
    AnswersAgain,
    TakesWhenCut,
}

struct Wrong<'a> {
    fault: Fault,
    source: &'a mut Script,
    best: Option<Token>,
    hoard: Vec<Token>,
    left: usize,
    state: State,
    first: Option<Waker>,
}

#[derive(PartialEq, Eq)]
enum State {
    Running,
    /// Inside a poll, and for ever if it panicked.
    Inside,
    Done,
}

impl Wrong<'_> {
    fn take(&mut self, item: Token) {
        let item = ManuallyDrop::new(item);
        let called = catch_unwind(AssertUnwindSafe(in_closure));
        if let Err(panic) = called {
            if self.fault != Fault::LeaksInAPanic {
                drop(ManuallyDrop::into_inner(item));
            }
            resume_unwind(panic);
        }
        let item = ManuallyDrop::into_inner(item);
        if self.fault == Fault::Hoards {
            self.hoard.push(item.clone());
        }
        let wins = match (&self.best, self.fault) {
            (None, _) => true,
            (Some(best), Fault::GivesTheLastOfTies) => item <= *best,
            (Some(best), _) => item < *best,
        };
        let loser = match wins {
            true => self.best.replace(item),
            false => Some(item),
        };
        if self.fault == Fault::LeaksTheLosers {
            mem::forget(loser);
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Token>> {
        let first = self.first.get_or_insert_with(|| cx.waker().clone()).clone();
        let waker = match self.fault {
            Fault::ForgetsToWake => Waker::noop(),
            Fault::WakesTheFirstTask => &first,
            _ => cx.waker(),
        };
        let mut inner = Context::from_waker(waker);
        while self.left > 0 {
            let polled = Pin::new(&mut *self.source).poll_next(&mut inner);
            if polled.is_pending() && self.fault == Fault::WakesTwice {
                cx.waker().wake_by_ref();
            }
            match ready!(polled) {
                Some(item) => self.take(item),
                None if self.fault == Fault::PollsAfterTheEnd => {
                    drop(Pin::new(&mut *self.source).poll_next(&mut inner));
                    break;
                }
                None => break,
            }
            self.left -= 1;
        }
        Poll::Ready(self.best.take())
    }
}

impl Future for Wrong<'_> {
    type Output = Option<Token>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Token>> {
        match (&self.state, self.fault) {
            (State::Running, _) => {}
            (State::Inside, Fault::StuckAfterAPanic) => return Poll::Pending,
            (State::Done, Fault::AnswersAgain) => return Poll::Ready(None),
            _ => panic!("polled after its end"),
        }
        self.state = State::Inside;
        let polled = self.poll_answer(cx);
        self.state = match polled {
            Poll::Ready(_) => State::Done,
            Poll::Pending => State::Running,
        };
        polled
    }
}

impl Drop for Wrong<'_> {
    fn drop(&mut self) {
        if self.fault == Fault::TakesWhenCut && self.state == State::Running {
            // The script may panic here, which is not what is wrong with it.
            drop(catch_unwind(AssertUnwindSafe(|| {
                drop(poll_next_cut(&mut *self.source, Waker::noop()));
            })));
        }
    }
}

macro_rules! mutant {
    ($fault:ident) => {
        Consumer {
            card: ConsumerCard::PLAIN,
            most: |_, _| 1,
            ..Consumer::plain(
                stringify!($fault),
                "consumers/extremes.rs",
                |sources, few| {
                    let wrong = Wrong {
                        fault: Fault::$fault,
                        source: only(sources),
                        best: None,
                        hoard: Vec::new(),
                        left: match Fault::$fault {
                            Fault::TakesOneTooMany => few + 1,
                            Fault::StopsTooEarly => few - 1,
                            _ => few,
                        },
                        state: State::Running,
                        first: None,
                    };
                    answer(wrong, |best| best.iter().map(Token::id).collect())
                },
                |values, few| {
                    let best = only(values).take(few).min_by_key(|tok| tok.value);
                    best.iter().map(|tok| tok.id).collect()
                },
            )
        }
    };
}

/// The first law of which a check complains, at any share of `Pending`.
fn broken_law(mutant: &Consumer) -> Option<String> {
    SHARES
        .into_iter()
        .find_map(|share| check(mutant, share).err())
        .map(|broken| broken.to_string())
}

#[test]
fn the_laws_reject_every_wrong_consumer() {
    assert_eq!(broken_law(&mutant!(None)), None, "nothing is wrong with it");
    let answer = "the answer is the oracle's";
    let takes = "it takes no item too many";
    let settled = "what was taken is dropped with the future";
    let mutants: [(_, &[&str]); 13] = [
        (mutant!(GivesTheLastOfTies), &[answer]),
        // Which of the two notices first depends on the case.
        (mutant!(TakesOneTooMany), &[answer, takes]),
        (mutant!(StopsTooEarly), &[answer, takes]),
        (
            mutant!(PollsAfterTheEnd),
            &["the source is not polled after its end"],
        ),
        (mutant!(ForgetsToWake), &["one wake for a Pending"]),
        (mutant!(WakesTwice), &["one wake for a Pending"]),
        (mutant!(WakesTheFirstTask), &["one wake for a Pending"]),
        (mutant!(Hoards), &["it holds no more than its card says"]),
        (mutant!(LeaksTheLosers), &[settled, "it holds no more"]),
        (mutant!(LeaksInAPanic), &[settled]),
        (
            mutant!(StuckAfterAPanic),
            &["a poll after a panic panics", "a poll after the end panics"],
        ),
        (mutant!(AnswersAgain), &["a poll after the end panics"]),
        (mutant!(TakesWhenCut), &["a cut takes nothing"]),
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
