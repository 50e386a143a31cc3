//! The two halves of `before_and_after`: any order of reads, wakes, drops and panics.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker, ready};

use aio_itertools::adaptors::{After, Before, before_and_after};
use aio_itertools::consumers::list;
use aio_itertools::{FusedStream, Stream, iter, next, prelude::*};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::TestCaseError;

use crate::by_hand::{Task, poll_next_cut};
use crate::laws::{in_closure, panic_in_closure};
use crate::random::{self, CASES, SHARES};
use crate::scripted::{Beat, Hint, Ledger, Script, Tok, Token, Watched};
use crate::tasks::two_threads;

/// What becomes of the reader of a half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    ReadsOn,
    /// After so many polls it is dropped.
    Dropped(usize),
    /// After so many polls it is kept and never polled again.
    Forgotten(usize),
}

/// What panics besides the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panic {
    Nothing,
    /// This call of the predicate.
    Call(usize),
    /// The drop of this value.
    Drop(usize),
}

#[derive(Clone, Debug)]
struct Case {
    values: Vec<usize>,
    limit: usize,
    beats: Vec<Beat>,
    hint: Hint,
    fates: [Fate; 2],
    /// Chooses which half is polled next.
    turns: Vec<usize>,
    panic: Panic,
    /// A reader that met a panic is dropped, as a task that panics is.
    panics_end_readers: bool,
}

fn cases(share: u32) -> impl Strategy<Value = Case> {
    let beat = (0..100_u32).prop_map(move |drawn| match drawn < share {
        true => Beat::Pending,
        false => Beat::Ready,
    });
    let fate = || {
        prop_oneof![
            2 => Just(Fate::ReadsOn),
            1 => (0..12_usize).prop_map(Fate::Dropped),
            1 => (0..12_usize).prop_map(Fate::Forgotten),
        ]
    };
    let panic = prop_oneof![
        Just(Panic::Nothing),
        (0..12_usize).prop_map(Panic::Call),
        (0..12_usize).prop_map(Panic::Drop),
    ];
    (
        vec(0..5_usize, 0..12),
        1..6_usize,
        vec(beat, 0..32),
        prop_oneof![Just(Hint::Exact), Just(Hint::Loose), Just(Hint::Unknown)],
        [fate(), fate()],
        vec(0..2_usize, 24),
        panic,
        (proptest::bool::ANY, 0..100_usize),
    )
        .prop_map(
            |(values, limit, mut beats, hint, fates, turns, panic, (panics_end_readers, at))| {
                if let Some(beat) = beats.get_mut(at) {
                    *beat = Beat::Panic;
                }
                Case {
                    values,
                    limit,
                    beats,
                    hint,
                    fates,
                    turns,
                    panic,
                    panics_end_readers,
                }
            },
        )
}

/// The ids that each half gives, if the predicate panics at one of its calls.
fn expected(case: &Case) -> [Vec<usize>; 2] {
    let mut ids: Vec<usize> = (0..case.values.len()).collect();
    let fails = |id: &usize| case.values[*id] >= case.limit;
    let asked = ids.iter().position(fails).map_or(ids.len(), |at| at + 1);
    if let Panic::Call(call) = case.panic
        && call < asked
    {
        ids.remove(call);
    }
    let after = ids.iter().position(fails).unwrap_or(ids.len());
    let after = ids.split_off(after);
    [ids, after]
}

type Half = Pin<Box<dyn FusedStream<Item = Token>>>;
type Predicate = Box<dyn FnMut(&Token) -> bool>;

/// One reader: a task that polls its half only when it is its turn.
struct Reader {
    half: Option<Half>,
    fate: Fate,
    task: Arc<Task>,
    waker: Waker,
    /// The wakes before the poll that was `Pending`.
    waits: Option<usize>,
    polls: usize,
    ended: bool,
    given: Vec<usize>,
}

impl Reader {
    fn new(half: Half, fate: Fate) -> Self {
        let (task, waker) = Task::new();
        Self {
            half: Some(half),
            fate,
            task,
            waker,
            waits: None,
            polls: 0,
            ended: false,
            given: Vec::new(),
        }
    }

    fn wants_more(&self) -> bool {
        let forgotten = matches!(self.fate, Fate::Forgotten(at) if self.polls >= at);
        self.half.is_some() && !self.ended && !forgotten
    }

    fn may_be_polled(&self) -> bool {
        self.wants_more() && self.waits.is_none_or(|wakes| self.task.wakes() > wakes)
    }

    fn drop_half(&mut self) {
        let half = self.half.take();
        drop(catch_unwind(AssertUnwindSafe(|| drop(half))));
    }
}

fn law(holds: bool, law: &str) -> Result<(), TestCaseError> {
    match holds {
        true => Ok(()),
        false => Err(TestCaseError::fail(format!("law: {law}"))),
    }
}

fn source_of(case: &Case) -> (Arc<Ledger>, Script, Arc<Watched>) {
    let ids = 0..case.values.len();
    let values = case.values.iter();
    let toks: Vec<Tok> = ids
        .zip(values)
        .map(|(id, &value)| Tok { id, value })
        .collect();
    let ledger = Ledger::new(toks.len());
    let (source, watched) = Script::of(0, &ledger, &toks, &case.beats, case.hint);
    (ledger, source, watched)
}

/// Reads both halves in the order of the case, each only when it was woken.
fn halves_keep_the_laws(
    case: &Case,
    split: fn(Script, Predicate) -> [Half; 2],
) -> Result<(), TestCaseError> {
    let (ledger, source, watched) = source_of(case);
    match case.panic {
        Panic::Nothing => {}
        Panic::Call(call) => panic_in_closure(call),
        Panic::Drop(id) => ledger.trap(id),
    }
    let limit = case.limit;
    let halves = split(
        source,
        Box::new(move |token| {
            in_closure();
            token.value() < limit
        }),
    );
    let mut readers: Vec<Reader> = halves
        .into_iter()
        .zip(case.fates)
        .map(|(half, fate)| Reader::new(half, fate))
        .collect();
    let expected = expected(case);
    let run = read(case, &mut readers, &watched, &expected);
    readers.iter_mut().for_each(Reader::drop_half);
    panic_in_closure(usize::MAX);
    run?;
    law(
        watched.polls_after_end() == 0,
        "the source is not polled after its end",
    )?;
    law(ledger.is_settled(), "each value is dropped once")
}

fn read(
    case: &Case,
    readers: &mut [Reader],
    watched: &Watched,
    expected: &[Vec<usize>; 2],
) -> Result<(), TestCaseError> {
    // What a trap in the drop of a value does to the outputs is not foretold.
    let foretold = !matches!(case.panic, Panic::Drop(_));
    for step in 0.. {
        law(step < 500, "it ends, and nobody is woken for nothing")?;
        for reader in readers.iter_mut() {
            if matches!(reader.fate, Fate::Dropped(at) if reader.polls >= at) {
                reader.drop_half();
            }
        }
        let turn = case.turns[step % case.turns.len()];
        let Some(turn) = [turn, 1 - turn]
            .into_iter()
            .find(|&turn| readers[turn].may_be_polled())
        else {
            if !readers.iter().any(Reader::wants_more) {
                break;
            }
            law(watched.fire(), "whoever waits is woken")?;
            continue;
        };
        let reader = &mut readers[turn];
        let Some(half) = &mut reader.half else {
            unreachable!("a half that is dropped is not polled");
        };
        if foretold && !matches!(case.panic, Panic::Call(_)) {
            let left = expected[turn].len() - reader.given.len();
            let (lower, upper) = half.size_hint();
            law(
                lower <= left && upper.is_none_or(|upper| left <= upper),
                "size_hint brackets what is left",
            )?;
        }
        law(!half.is_terminated(), "is_terminated is not true early")?;
        reader.polls += 1;
        reader.waits = None;
        let wakes = reader.task.wakes();
        let waker = &reader.waker;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            poll_next_cut(half, waker).map(|item| item.map(|token| token.id()))
        }));
        match polled {
            Ok(Poll::Pending) => reader.waits = Some(wakes),
            Ok(Poll::Ready(Some(id))) => reader.given.push(id),
            Ok(Poll::Ready(None)) => {
                reader.ended = true;
                law(half.is_terminated(), "is_terminated is true at the end")?;
                let again = poll_next_cut(half, waker);
                law(
                    matches!(again, Poll::Ready(None)),
                    "nothing comes after the end",
                )?;
            }
            Err(_) if case.panics_end_readers => reader.drop_half(),
            Err(_) => {}
        }
    }
    for (reader, expected) in readers.iter().zip(expected).filter(|_| foretold) {
        let complete = !reader.ended || reader.given.len() == expected.len();
        law(
            complete && expected.starts_with(&reader.given),
            "each half gives what is its own",
        )?;
    }
    Ok(())
}

fn check(share: u32, split: fn(Script, Predicate) -> [Half; 2]) -> Result<(), String> {
    let law = |case: Case| halves_keep_the_laws(&case, split);
    random::check(CASES * 4, cases(share), law).map_err(|broken| broken.to_string())
}

#[test]
fn the_halves_keep_the_laws_in_any_order_of_reads_and_drops() {
    for share in SHARES {
        let checked = check(share, |source, predicate| {
            let (before, after) = source.before_and_after(predicate);
            [Box::pin(before), Box::pin(after)]
        });
        if let Err(broken) = checked {
            panic!("{share} % Pending: {broken}");
        }
        println!("before_and_after pending={share}% cases={}", CASES * 4);
    }
}

/// The obvious way, which the laws must reject: whoever polled last is woken, alone.
struct Obvious {
    shared: Rc<RefCell<ObviousState>>,
    is_before: bool,
    done: bool,
}

struct ObviousState {
    source: Script,
    predicate: Predicate,
    passed: VecDeque<Token>,
    first: Option<Token>,
    over: bool,
    ended: bool,
}

impl Stream for Obvious {
    type Item = Token;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Token>> {
        let shared = Rc::clone(&self.shared);
        let state = &mut *shared.borrow_mut();
        loop {
            let mine = match self.is_before {
                true => state.passed.pop_front(),
                false => state.first.take(),
            };
            if mine.is_some() {
                return Poll::Ready(mine);
            }
            if state.ended || (self.is_before && state.over) {
                self.done = true;
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut state.source).poll_next(cx)) {
                Some(item) if state.over => return Poll::Ready(Some(item)),
                Some(item) if (state.predicate)(&item) => state.passed.push_back(item),
                first => {
                    state.over = true;
                    state.ended = first.is_none();
                    state.first = first;
                }
            }
        }
    }
}

impl FusedStream for Obvious {
    fn is_terminated(&self) -> bool {
        self.done
    }
}

#[test]
fn the_laws_reject_halves_that_share_one_waker() {
    let broken = SHARES.into_iter().find_map(|share| {
        check(share, |source, predicate| {
            let shared = Rc::new(RefCell::new(ObviousState {
                source,
                predicate,
                passed: VecDeque::new(),
                first: None,
                over: false,
                ended: false,
            }));
            [true, false].map(|is_before| -> Half {
                Box::pin(Obvious {
                    shared: Rc::clone(&shared),
                    is_before,
                    done: false,
                })
            })
        })
        .err()
    });
    let broken = broken.unwrap_or_default();
    assert!(broken.contains("law: whoever waits is woken"), "{broken}");
}

#[test]
fn a_cut_at_any_poll_loses_nothing() {
    let cuts = Cell::new(0);
    random::at_every_share("before_and_after", CASES, cases, |case| {
        for cut in 0..case.turns.len() {
            law(reunited_after(&case, cut), "a cut loses nothing")?;
            cuts.set(cuts.get() + 1);
        }
        Ok(())
    });
    println!("cuts={} lost=0", cuts.get());
}

/// Polls the halves so many times and puts them together again: true if all is there.
fn reunited_after(case: &Case, cut: usize) -> bool {
    let (_ledger, source, _watched) = source_of(case);
    let (mut before, mut after) = source.before_and_after(|token| token.value() < case.limit);
    let mut all = Vec::new();
    for &turn in &case.turns[..cut] {
        let polled = catch_unwind(AssertUnwindSafe(|| match turn {
            0 => poll_next_cut(&mut before, Waker::noop()),
            _ => poll_next_cut(&mut after, Waker::noop()),
        }));
        if let Ok(Poll::Ready(Some(token))) = polled {
            all.push(token.id());
        }
    }
    let (source, taken) = before.reunite(after).unwrap();
    let taken: Vec<usize> = taken.iter().map(Token::id).collect();
    let rest = source.rest();
    let in_order = taken.iter().chain(&rest).is_sorted();
    all.extend(taken);
    all.extend(rest);
    all.sort_unstable();
    in_order && all.into_iter().eq(0..case.values.len())
}

#[tokio::test]
async fn the_example_of_pythons_recipes_comes_out_the_same() {
    let upper = |c: &char| c.is_ascii_uppercase();
    let (all_upper, remainder) = before_and_after(iter("ABCdEfGhI".chars()), upper);
    assert_eq!(all_upper.collect::<String>().await, "ABC");
    assert_eq!(remainder.collect::<String>().await, "dEfGhI");
    // There it waits for ever if the remainder is read first.
    let (all_upper, remainder) = before_and_after(iter("ABCdEfGhI".chars()), upper);
    assert_eq!(remainder.collect::<String>().await, "dEfGhI");
    assert_eq!(all_upper.collect::<String>().await, "ABC");
}

#[tokio::test]
async fn a_dropped_half_costs_the_other_nothing() {
    let (before, after) = iter(1..6).before_and_after(|n| *n < 3);
    drop(before);
    assert_eq!(after.collect::<Vec<_>>().await, [3, 4, 5]);
    let (before, after) = iter(1..6).before_and_after(|n| *n < 3);
    drop(after);
    assert_eq!(before.collect::<Vec<_>>().await, [1, 2]);
}

#[test]
fn items_that_nobody_will_read_are_dropped_and_others_are_kept() {
    let begin = || {
        let ledger = Ledger::new(4);
        let beats = [Beat::Ready, Beat::Ready, Beat::Pending];
        let (source, _) = Script::new(&ledger, 4, &beats, Hint::Exact);
        let (before, after) = source.before_and_after(|token| token.id() < 3);
        (ledger, before, after)
    };
    let (ledger, before, mut after) = begin();
    assert!(poll_next_cut(&mut after, Waker::noop()).is_pending());
    assert_eq!(ledger.drops(), [0, 0, 0, 0]);
    drop(before);
    assert_eq!(ledger.drops(), [1, 1, 0, 0]);
    assert!(poll_next_cut(&mut after, Waker::noop()).is_ready());
    assert_eq!(ledger.drops(), [1, 1, 1, 1]);

    let (ledger, before, mut after) = begin();
    drop(before);
    assert!(poll_next_cut(&mut after, Waker::noop()).is_pending());
    assert_eq!(ledger.drops(), [1, 1, 0, 0]);
}

#[tokio::test]
async fn the_rest_is_sized_exactly_once_it_has_begun() {
    let (mut before, mut after) = iter(1..6).before_and_after(|n| *n < 3);
    assert_eq!(before.size_hint(), (0, Some(5)));
    assert_eq!(after.size_hint(), (0, Some(5)));
    assert_eq!(next(&mut before).await, Some(1));
    assert_eq!(next(&mut after).await, Some(3));
    // The 2 was kept on the way.
    assert_eq!(before.size_hint(), (1, Some(1)));
    assert_eq!(after.size_hint(), (2, Some(2)));
}

#[test]
fn whichever_half_waits_is_woken_though_the_other_polled_last() {
    let ledger = Ledger::new(2);
    let beats = [Beat::Pending; 4];
    let (source, watched) = Script::new(&ledger, 2, &beats, Hint::Exact);
    let (mut before, mut after) = source.before_and_after(|token| token.id() == 0);
    let (first, first_waker) = Task::new();
    let (second, second_waker) = Task::new();
    assert!(poll_next_cut(&mut before, &first_waker).is_pending());
    assert!(poll_next_cut(&mut after, &second_waker).is_pending());
    assert!(watched.fire());
    assert_eq!((first.wakes(), second.wakes()), (1, 1));
    // A half that is gone is not woken.
    assert!(poll_next_cut(&mut before, &first_waker).is_pending());
    assert!(poll_next_cut(&mut after, &second_waker).is_pending());
    drop(before);
    assert!(watched.fire());
    assert_eq!((first.wakes(), second.wakes()), (1, 2));
}

#[tokio::test]
async fn halves_of_two_streams_are_handed_back() {
    let predicate: fn(&i32) -> bool = |n| *n < 2;
    let (mut before, other_after) = iter(1..4).before_and_after(predicate);
    let (other_before, after) = iter(1..4).before_and_after(predicate);
    assert_eq!(next(&mut before).await, Some(1));
    let refused = before.reunite(after).map(drop).unwrap_err();
    fn is_error<E: std::error::Error + Send + Sync + 'static>(error: &E) -> String {
        error.to_string()
    }
    assert_eq!(
        is_error(&refused),
        "`before` and `after` are not the halves of one stream"
    );
    let (before, after) = refused.into_halves();
    let (rest, taken) = before.reunite(other_after).unwrap();
    assert!(taken.is_empty());
    assert_eq!(rest.collect::<Vec<_>>().await, [2, 3]);
    let (rest, _) = other_before.reunite(after).unwrap();
    assert_eq!(rest.collect::<Vec<_>>().await, [1, 2, 3]);
}

/// A source whose poll tells that it has begun, and waits until it may go on.
struct Slow {
    begun: mpsc::Sender<()>,
    go_on: mpsc::Receiver<Poll<Option<u8>>>,
}

impl Stream for Slow {
    type Item = u8;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u8>> {
        self.begun.send(()).unwrap();
        self.go_on.recv().unwrap()
    }
}

#[test]
fn a_half_never_blocks_on_the_other_and_is_woken_when_it_is_done() {
    chaos::watchdog::closure("a half meets the other in its poll", || {
        // Even a source that has nothing: nobody else would wake who asked for it.
        for answer in [Poll::Pending, Poll::Ready(Some(1)), Poll::Ready(None)] {
            let (begun, has_begun) = mpsc::channel();
            let (may, go_on) = mpsc::channel();
            let (mut before, mut after) = Slow { begun, go_on }.before_and_after(|_| true);
            let (task, waker) = Task::new();
            std::thread::scope(|scope| {
                scope.spawn(|| poll_next_cut(&mut before, Waker::noop()));
                has_begun.recv().unwrap();
                assert!(poll_next_cut(&mut after, &waker).is_pending());
                assert_eq!(after.size_hint(), (0, None));
                assert_eq!(task.wakes(), 0);
                may.send(answer).unwrap();
            });
            assert_eq!(task.wakes(), 1);
        }
    });
}

type Rest = After<BoxStream<'static, u8>, fn(&u8) -> bool>;

/// A waker that reads the second half at once, on the spot.
struct ReadsInline(Mutex<Option<Rest>>);

impl Wake for ReadsInline {
    fn wake(self: Arc<Self>) {
        let after = self.0.lock().unwrap().take();
        assert!(poll_next_cut(&mut after.unwrap(), Waker::noop()).is_pending());
    }
}

#[test]
fn a_waker_that_reads_the_other_half_inside_a_poll_is_no_deadlock() {
    chaos::watchdog::closure("a waker reads the other half", || {
        // A source that wakes while it is being polled.
        let source = futures_util::stream::poll_fn(|cx: &mut Context<'_>| {
            cx.waker().wake_by_ref();
            Poll::<Option<u8>>::Pending
        });
        let (mut before, after) = before_and_after(source.boxed(), (|_| true) as fn(&u8) -> bool);
        let waker = Waker::from(Arc::new(ReadsInline(Mutex::new(Some(after)))));
        assert!(poll_next_cut(&mut before, &waker).is_pending());
    });
}

#[test]
fn two_tasks_on_two_threads_read_both_halves() {
    chaos::watchdog::closure("two tasks read a half each", || {
        two_threads().block_on(async {
            for _ in 0..100 {
                let (sender, receiver) = tokio::sync::mpsc::channel(1);
                let source = futures_util::stream::unfold(receiver, |mut receiver| async {
                    receiver.recv().await.map(|n: u32| (n, receiver))
                });
                let halves: (Before<_, _>, After<_, _>) = source.before_and_after(|n| *n < 50);
                let before = tokio::spawn(list(halves.0));
                let after = tokio::spawn(list(halves.1));
                for n in 0..100 {
                    sender.send(n).await.unwrap();
                }
                drop(sender);
                assert!(before.await.unwrap().into_iter().eq(0..50));
                assert!(after.await.unwrap().into_iter().eq(50..100));
            }
        });
    });
}
