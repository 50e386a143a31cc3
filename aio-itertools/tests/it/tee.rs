//! One stream for several readers, against a model of its policies.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use aio_itertools::adaptors::Branch;
use aio_itertools::lag::{self, Lag, Lagged};
use aio_itertools::{FusedStream, Stream, iter, next, prelude::*};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::TestCaseError;

use crate::by_hand::{Task, poll_next_cut};
use crate::random::{CASES, at_every_share};
use crate::scripted::{Beat, Hint, Ledger, Script, Token, Watched};

/// What a poll of a branch gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Out {
    Item(usize),
    Missed(u64),
    End,
    Pending,
    Panic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Block(usize),
    DropOldest(usize),
    Fail(usize),
    Unbounded,
}

#[derive(Clone, Debug)]
struct Case {
    rule: Rule,
    values: usize,
    beats: Vec<Beat>,
    hint: Hint,
    acts: Vec<Act>,
}

/// What happens next; a number that is too large counts again from the first branch.
#[derive(Clone, Copy, Debug)]
enum Act {
    Poll(usize),
    Drop(usize),
    Clone(usize),
    /// The source says that it is ready.
    Fire,
}

/// A branch as it should be.
#[derive(Clone, Copy, Debug)]
struct Reader {
    position: usize,
    until: Option<usize>,
    done: bool,
}

impl Reader {
    fn needs(&self, item: usize) -> bool {
        !self.done && self.position <= item && self.until.is_none_or(|until| item < until)
    }
}

/// All branches and the source as they should be: plain numbers, no sharing.
struct Model {
    rule: Rule,
    beats: VecDeque<Beat>,
    values: usize,
    /// How many items the source has given.
    next: usize,
    ended: bool,
    readers: Vec<Option<Reader>>,
}

impl Model {
    fn live(&self) -> impl Iterator<Item = &Reader> {
        self.readers.iter().flatten()
    }

    /// The items that are still needed and not lost.
    fn kept(&self) -> usize {
        let first = match self.rule {
            Rule::DropOldest(most) => self.next.saturating_sub(most),
            _ => 0,
        };
        (first..self.next)
            .filter(|&item| self.live().any(|reader| reader.needs(item)))
            .count()
    }

    fn is_full(&self) -> bool {
        matches!(self.rule, Rule::Block(most) if self.kept() >= most)
    }

    /// True if the branch finds nothing and must not poll the source.
    fn is_held_back(&self, reader: Reader) -> bool {
        !reader.done && reader.position == self.next && !self.ended && self.is_full()
    }

    /// True if the branch finds nothing and may poll the source.
    fn needs_the_source(&self, reader: Reader) -> bool {
        let has_failed = reader.until.is_some();
        let all_read = reader.position == self.next && !has_failed;
        !reader.done && all_read && !self.ended && !self.is_full()
    }

    fn poll(&mut self, branch: usize) -> Out {
        let reader = self.readers[branch].unwrap();
        if reader.done {
            return Out::End;
        }
        if self.is_held_back(reader) {
            return Out::Pending;
        }
        if self.needs_the_source(reader) {
            match self.beats.pop_front() {
                Some(Beat::Pending) => return Out::Pending,
                Some(Beat::Panic) => return Out::Panic,
                Some(Beat::Ready) | None if self.next == self.values => self.ended = true,
                Some(Beat::Ready) | None => self.push(),
            }
        }
        self.read(branch)
    }

    fn push(&mut self) {
        if let Rule::Fail(most) = self.rule {
            for reader in self.readers.iter_mut().flatten() {
                if reader.until.is_none() && !reader.done && self.next - reader.position >= most {
                    reader.until = Some(self.next);
                }
            }
        }
        self.next += 1;
    }

    fn read(&mut self, branch: usize) -> Out {
        let (next, rule) = (self.next, self.rule);
        let reader = self.readers[branch].as_mut().unwrap();
        if let Some(until) = reader.until.filter(|&until| reader.position == until) {
            reader.done = true;
            return Out::Missed((next - until) as u64);
        }
        if let Rule::DropOldest(most) = rule {
            let missed = (next - reader.position).saturating_sub(most);
            if missed > 0 {
                reader.position += missed;
                return Out::Missed(missed as u64);
            }
        }
        if reader.position == next {
            reader.done = true;
            return Out::End;
        }
        reader.position += 1;
        Out::Item(reader.position - 1)
    }

    /// The most that may be kept.
    fn bound(&self) -> usize {
        let failed = self.live().filter(|reader| reader.until.is_some()).count();
        match self.rule {
            Rule::Block(most) | Rule::DropOldest(most) => most,
            Rule::Fail(most) => most * (1 + failed),
            Rule::Unbounded => usize::MAX,
        }
    }
}

/// A branch under test.
struct Subject<L: Lag> {
    branch: Branch<Script, L>,
    task: (Arc<Task>, Waker),
    /// The wake-ups before its last poll, if that was `Pending`.
    asleep: Option<usize>,
    outputs: usize,
    /// Size hints, each with the number of outputs before it.
    hints: Vec<(usize, (usize, Option<usize>))>,
}

impl<L: Lag> Subject<L> {
    fn new(branch: Branch<Script, L>) -> Self {
        Self {
            branch,
            task: Task::new(),
            asleep: None,
            outputs: 0,
            hints: Vec::new(),
        }
    }

    fn is_asleep(&self) -> bool {
        self.asleep == Some(self.task.0.wakes())
    }
}

macro_rules! law {
    ($holds:expr, $law:literal $(, $($detail:tt)+)?) => {
        if !$holds {
            let detail = String::new() $(+ &format!(": {}", format_args!($($detail)+)))?;
            return Err(TestCaseError::fail(format!("law: {}{detail}", $law)));
        }
    };
}

/// The branches under test beside their model.
struct Bench<L: Lag> {
    case: Case,
    ledger: Arc<Ledger>,
    watched: Arc<Watched>,
    model: Model,
    subjects: Vec<Option<Subject<L>>>,
    decode: fn(L::Item<Token>) -> Out,
}

impl<L: Lag> Bench<L> {
    fn new(case: &Case, lag: L, decode: fn(L::Item<Token>) -> Out) -> Self {
        let ledger = Ledger::new(case.values);
        let (source, watched) = Script::new(&ledger, case.values, &case.beats, case.hint);
        let branches: [_; 3] = source.tee(lag);
        let reader = Reader {
            position: 0,
            until: None,
            done: false,
        };
        Self {
            model: Model {
                rule: case.rule,
                beats: case.beats.iter().copied().collect(),
                values: case.values,
                next: 0,
                ended: false,
                readers: vec![Some(reader); 3],
            },
            case: case.clone(),
            ledger,
            watched,
            subjects: branches.map(Subject::new).map(Some).into(),
            decode,
        }
    }

    fn act(&mut self, act: Act) -> Result<(), TestCaseError> {
        match act {
            Act::Poll(n) => {
                let n = n % self.subjects.len();
                // A task polls when it was woken and at no other time.
                if self.subjects[n].as_ref().is_some_and(|s| !s.is_asleep()) {
                    self.poll(n)?;
                }
            }
            Act::Drop(n) => {
                let n = n % self.subjects.len();
                self.subjects[n] = None;
                self.model.readers[n] = None;
            }
            Act::Clone(n) => {
                let n = n % self.subjects.len();
                if let Some(subject) = &self.subjects[n] {
                    let mut copy = Subject::new(subject.branch.clone());
                    copy.outputs = subject.outputs;
                    self.subjects.push(Some(copy));
                    self.model.readers.push(self.model.readers[n]);
                }
            }
            Act::Fire => {
                self.watched.fire();
            }
        }
        self.look()
    }

    fn poll(&mut self, n: usize) -> Result<Out, TestCaseError> {
        let expected = self.model.poll(n);
        let decode = self.decode;
        let subject = self.subjects[n].as_mut().unwrap();
        let terminated = subject.branch.is_terminated();
        let wakes = subject.task.0.wakes();
        let (branch, waker) = (&mut subject.branch, &subject.task.1);
        let polled = catch_unwind(AssertUnwindSafe(|| poll_next_cut(branch, waker)));
        subject.asleep = None;
        let out = match polled {
            Err(_) => Out::Panic,
            Ok(Poll::Pending) => {
                subject.asleep = Some(wakes);
                Out::Pending
            }
            Ok(Poll::Ready(None)) => Out::End,
            Ok(Poll::Ready(Some(item))) => {
                subject.outputs += 1;
                decode(item)
            }
        };
        law!(
            out == expected,
            "a branch gives what is its",
            "{out:?}, not {expected:?}"
        );
        law!(
            terminated <= (out == Out::End),
            "is_terminated is not true before the end"
        );
        let ended = self.model.readers[n].unwrap().done;
        law!(
            subject.branch.is_terminated() == ended,
            "is_terminated is true after the end"
        );
        Ok(out)
    }

    /// What must hold after every act.
    fn look(&mut self) -> Result<(), TestCaseError> {
        if self.subjects.iter().all(Option::is_none) {
            law!(self.ledger.alive() == 0, "the last branch drops it all");
            return Ok(());
        }
        let held = self.ledger.alive() - (self.case.values - self.watched.taken());
        let kept = self.model.kept();
        law!(
            held == kept,
            "what is kept is what somebody needs",
            "{held}, not {kept}"
        );
        law!(
            held <= self.model.bound(),
            "the lag bounds what is kept",
            "{held}"
        );
        law!(
            self.watched.polls_after_end() == 0,
            "the source is not polled after its end"
        );
        for (subject, reader) in self.subjects.iter_mut().zip(&self.model.readers) {
            let (Some(subject), Some(reader)) = (subject, reader) else {
                continue;
            };
            subject
                .hints
                .push((subject.outputs, subject.branch.size_hint()));
            if subject.is_asleep() {
                let source = self.model.needs_the_source(*reader) && self.watched.is_awaited();
                law!(
                    source || self.model.is_held_back(*reader),
                    "whoever waits is woken",
                    "{reader:?}"
                );
            }
        }
        Ok(())
    }

    /// Lets all branches read to their ends, and looks back.
    fn finish(mut self) -> Result<(), TestCaseError> {
        let mut rounds = 0;
        loop {
            let mut polled = false;
            for n in 0..self.subjects.len() {
                let done = self.model.readers[n].is_none_or(|reader| reader.done);
                if !done && self.subjects[n].as_ref().is_some_and(|s| !s.is_asleep()) {
                    self.poll(n)?;
                    self.look()?;
                    polled = true;
                }
            }
            if !polled && !self.watched.fire() {
                break;
            }
            rounds += 1;
            law!(rounds < 1000, "it ends");
        }
        for (subject, reader) in self.subjects.iter().zip(&self.model.readers) {
            let (Some(subject), Some(reader)) = (subject, reader) else {
                continue;
            };
            law!(reader.done, "nobody is stranded", "{reader:?}");
            for &(before, (lower, upper)) in &subject.hints {
                let left = subject.outputs - before;
                law!(
                    lower <= left && upper.is_none_or(|upper| left <= upper),
                    "size_hint brackets what is left",
                    "{lower}..{upper:?} for {left}"
                );
                let lossless = matches!(self.case.rule, Rule::Block(_) | Rule::Unbounded);
                law!(
                    !lossless
                        || self.case.hint != Hint::Exact
                        || (lower, upper) == (left, Some(left)),
                    "size_hint is exact"
                );
            }
        }
        drop(self.subjects);
        law!(self.ledger.is_settled(), "each copy is dropped once");
        Ok(())
    }
}

fn plain(token: Token) -> Out {
    Out::Item(token.id())
}

fn or_missed(item: Result<Token, Lagged>) -> Out {
    match item {
        Ok(token) => Out::Item(token.id()),
        Err(lagged) => Out::Missed(lagged.missed()),
    }
}

fn run<L: Lag>(
    case: &Case,
    lag: L,
    decode: fn(L::Item<Token>) -> Out,
) -> Result<(), TestCaseError> {
    let mut bench = Bench::new(case, lag, decode);
    for &act in &case.acts {
        bench.act(act)?;
    }
    bench.finish()
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    match case.rule {
        Rule::Block(most) => run(case, lag::block(most), plain),
        Rule::DropOldest(most) => run(case, lag::drop_oldest(most), or_missed),
        Rule::Fail(most) => run(case, lag::fail(most), or_missed),
        Rule::Unbounded => run(case, lag::unbounded(), plain),
    }
}

fn cases(rule: fn(usize) -> Rule, share: u32) -> impl Strategy<Value = Case> {
    let beat = (0..100_u32).prop_map(move |drawn| match drawn < share {
        true => Beat::Pending,
        false => Beat::Ready,
    });
    let hint = prop_oneof![Just(Hint::Exact), Just(Hint::Loose), Just(Hint::Unknown)];
    let act = (0..20_u32, 0..6_usize).prop_map(|(kind, n)| match kind {
        0 => Act::Drop(n),
        1 => Act::Clone(n),
        2..=7 => Act::Fire,
        _ => Act::Poll(n),
    });
    (
        1..4_usize,
        0..10_usize,
        vec(beat, 0..24),
        hint,
        vec(act, 0..80),
        0..60_usize,
    )
        .prop_map(move |(most, values, mut beats, hint, acts, panic_at)| {
            if let Some(beat) = beats.get_mut(panic_at) {
                *beat = Beat::Panic;
            }
            Case {
                rule: rule(most),
                values,
                beats,
                hint,
                acts,
            }
        })
}

fn branches_do_as_their_model_does(rule: fn(usize) -> Rule) {
    let name = format!("tee {:?}", rule(0));
    let cases = |share| cases(rule, share);
    at_every_share(&name, 4 * CASES, cases, |case| check(&case));
}

#[test]
fn branches_that_block_do_as_their_model_does() {
    branches_do_as_their_model_does(Rule::Block);
}

#[test]
fn branches_that_drop_the_oldest_do_as_their_model_does() {
    branches_do_as_their_model_does(Rule::DropOldest);
}

#[test]
fn branches_that_fail_do_as_their_model_does() {
    branches_do_as_their_model_does(Rule::Fail);
}

#[test]
fn unbounded_branches_do_as_their_model_does() {
    branches_do_as_their_model_does(|_| Rule::Unbounded);
}

/// Every order in which three branches can be polled so often, each being dropped
/// after its last poll if `drops` says so.
fn orders(polls: [usize; 3], drops: bool, so_far: &mut Vec<Act>, each: &mut dyn FnMut(&[Act])) {
    let mut left = false;
    for n in 0..3 {
        let mut fewer = polls;
        if fewer[n] > 0 {
            left = true;
            fewer[n] -= 1;
            let last = fewer[n] == 0 && drops;
            so_far.push(if last { Act::Drop(n) } else { Act::Poll(n) });
            orders(fewer, drops, so_far, each);
            so_far.pop();
        }
    }
    if !left {
        each(so_far);
    }
}

const NARROW: [Rule; 4] = [
    Rule::Block(1),
    Rule::DropOldest(1),
    Rule::Fail(1),
    Rule::Unbounded,
];

const WIDER: [Rule; 3] = [Rule::Block(2), Rule::DropOldest(2), Rule::Fail(2)];

fn all_orders(
    rules: &[Rule],
    polls: [usize; 3],
    drops: bool,
    values: usize,
    beats: &[Beat],
) -> usize {
    let mut count = 0;
    orders(polls, drops, &mut Vec::new(), &mut |acts| {
        for &rule in rules {
            let case = Case {
                rule,
                values,
                beats: beats.into(),
                hint: Hint::Exact,
                acts: acts.into(),
            };
            check(&case).unwrap_or_else(|broken| panic!("{broken} in {case:?}"));
            count += 1;
        }
    });
    count
}

#[test]
fn every_order_of_polls_of_three_branches() {
    // Three items and the end; the third branch comes to its end afterwards.
    let count = all_orders(&NARROW, [4, 4, 3], false, 3, &[]);
    println!("orders={count}");
}

#[test]
fn every_order_of_polls_of_three_branches_with_a_lag_of_two() {
    let count = all_orders(&WIDER, [4, 4, 3], false, 3, &[]);
    println!("orders={count}");
}

#[test]
fn every_order_of_polls_and_drops_of_three_branches() {
    let mut count = 0;
    for drops in 0..27 {
        // Dropped after no poll, one or two.
        let polls = [drops % 3 + 1, drops / 3 % 3 + 1, drops / 9 + 1];
        count += all_orders(&NARROW, polls, true, 3, &[]);
        count += all_orders(&WIDER, polls, true, 3, &[]);
    }
    println!("orders={count}");
}

#[test]
fn every_order_of_polls_where_the_source_is_pending_or_panics() {
    use Beat::{Panic, Pending, Ready};
    let mut count = 0;
    for beats in [
        [Pending, Ready, Pending, Pending],
        [Ready, Pending, Panic, Ready],
        [Panic, Pending, Ready, Panic],
    ] {
        count += all_orders(&NARROW, [3, 3, 3], false, 2, &beats);
        count += all_orders(&NARROW, [3, 3, 3], true, 2, &beats);
    }
    println!("orders={count}");
}

fn id(polled: Poll<Option<Token>>) -> Option<usize> {
    match polled {
        Poll::Ready(Some(token)) => Some(token.id()),
        Poll::Ready(None) | Poll::Pending => None,
    }
}

#[test]
fn another_takes_over_when_the_one_that_polled_last_is_dropped() {
    use Beat::{Pending, Ready};
    let ledger = Ledger::new(2);
    let beats = [Pending, Ready, Pending, Pending];
    let (source, watched) = Script::new(&ledger, 2, &beats, Hint::Exact);
    let [mut left, mut right] = source.tee(lag::block(1));
    let ((_, left_waker), (task, right_waker)) = (Task::new(), Task::new());
    assert!(poll_next_cut(&mut right, &right_waker).is_pending());
    assert!(watched.fire());
    assert_eq!(task.wakes(), 1);
    assert_eq!(id(poll_next_cut(&mut right, &right_waker)), Some(0));
    assert_eq!(id(poll_next_cut(&mut left, &left_waker)), Some(0));

    assert!(poll_next_cut(&mut right, &right_waker).is_pending());
    assert!(poll_next_cut(&mut left, &left_waker).is_pending());
    drop(left);
    assert!(watched.fire());
    assert_eq!(task.wakes(), 2);
    assert_eq!(id(poll_next_cut(&mut right, &right_waker)), Some(1));
}

#[test]
fn a_branch_that_is_kept_and_not_polled_strands_nobody() {
    let ledger = Ledger::new(1);
    let beats = [Beat::Pending, Beat::Pending];
    let (source, watched) = Script::new(&ledger, 1, &beats, Hint::Exact);
    let [mut left, mut right] = source.tee(lag::block(1));
    let ((idle, left_waker), (task, right_waker)) = (Task::new(), Task::new());
    assert!(poll_next_cut(&mut right, &right_waker).is_pending());
    // Its task looks once, and turns to something else.
    assert!(poll_next_cut(&mut left, &left_waker).is_pending());
    assert!(watched.fire());
    assert_eq!((idle.wakes(), task.wakes()), (1, 1));
    assert_eq!(id(poll_next_cut(&mut right, &right_waker)), Some(0));
}

#[test]
fn a_source_that_wakes_inside_its_poll_is_heard() {
    let mut polls = 0;
    let source = futures_util::stream::poll_fn(move |cx| {
        polls += 1;
        match polls {
            1 => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            2 => Poll::Ready(Some(())),
            _ => Poll::Pending,
        }
    });
    let [mut branch, mut other] = source.tee(lag::block(1));
    let ((task, waker), (idle, idle_waker)) = (Task::new(), Task::new());
    assert!(poll_next_cut(&mut branch, &waker).is_pending());
    assert_eq!(task.wakes(), 1);
    assert!(poll_next_cut(&mut branch, &waker).is_ready());
    // It was woken for the first item; nothing has come for it since.
    assert!(poll_next_cut(&mut other, &idle_waker).is_ready());
    assert!(poll_next_cut(&mut other, &idle_waker).is_pending());
    assert!(poll_next_cut(&mut branch, &waker).is_pending());
    assert_eq!((task.wakes(), idle.wakes()), (1, 0));
}

#[test]
fn another_takes_over_when_the_source_panics() {
    let mut polls = 0;
    let source = futures_util::stream::poll_fn(move |_| {
        polls += 1;
        match polls {
            1 => Poll::Pending,
            2 => resume_unwind(Box::new("in a poll")),
            _ => Poll::Ready(Some(())),
        }
    });
    let [mut branch, mut other] = source.tee(lag::block(1));
    let ((task, waker), (_, other_waker)) = (Task::new(), Task::new());
    assert!(poll_next_cut(&mut branch, &waker).is_pending());
    catch_unwind(AssertUnwindSafe(|| poll_next_cut(&mut other, &other_waker))).unwrap_err();
    assert_eq!(task.wakes(), 1);
    assert!(poll_next_cut(&mut branch, &waker).is_ready());
    assert!(poll_next_cut(&mut other, &other_waker).is_ready());
}

#[test]
fn who_is_held_back_goes_on_when_the_slow_one_reads_or_is_dropped() {
    let ledger = Ledger::new(3);
    let (source, _) = Script::new(&ledger, 3, &[], Hint::Exact);
    let [mut fast, mut slow] = source.tee(lag::block(1));
    let ((task, waker), (_, other)) = (Task::new(), Task::new());
    assert_eq!(id(poll_next_cut(&mut fast, &waker)), Some(0));
    assert!(poll_next_cut(&mut fast, &waker).is_pending());
    assert_eq!(id(poll_next_cut(&mut slow, &other)), Some(0));
    assert_eq!(task.wakes(), 1);
    assert_eq!(id(poll_next_cut(&mut fast, &waker)), Some(1));
    assert!(poll_next_cut(&mut fast, &waker).is_pending());
    drop(slow);
    assert_eq!(task.wakes(), 2);
    assert_eq!(id(poll_next_cut(&mut fast, &waker)), Some(2));
}

#[test]
fn the_last_reader_gets_the_item_itself() {
    let ledger = Ledger::new(4);
    let (source, _) = Script::new(&ledger, 4, &[], Hint::Exact);
    let branches: [_; 3] = source.tee(lag::unbounded());
    let (_task, waker) = Task::new();
    for mut branch in branches {
        while poll_next_cut(&mut branch, &waker) != Poll::Ready(None) {}
    }
    // Three readers: two copies and the original.
    assert_eq!(ledger.drops(), [3, 3, 3, 3]);
}

#[tokio::test]
async fn one_reader_more_at_run_time_starts_where_the_first_is() {
    let [mut first] = iter(0..3).tee(lag::unbounded());
    next(&mut first).await;
    let mut branches = vec![first; 5];
    for branch in &mut branches {
        assert_eq!(next(branch).await, Some(1));
    }
    assert_eq!(branches[4].size_hint(), (1, Some(1)));
    let late = branches[0].clone();
    while next(&mut branches[0]).await.is_some() {}
    assert!(branches[0].clone().is_terminated());
    assert!(!late.is_terminated());
    assert_eq!(
        format!("{late:?}"),
        "Branch { lag: Unbounded, unread: 1, branches: 6, done: false, .. }"
    );
}

#[tokio::test]
async fn the_largest_lag_is_no_bound() {
    let [mut fast, mut slow] = iter(0..100).tee(lag::drop_oldest(usize::MAX));
    while next(&mut fast).await.is_some() {}
    assert_eq!(slow.size_hint(), (100, Some(100)));
    assert_eq!(next(&mut slow).await, Some(Ok(0)));
    let [] = iter(0..).tee(lag::block(1));
}

#[test]
fn a_lag_of_zero_panics_at_its_call() {
    let panics: [fn(); 3] = [
        || _ = lag::block(0),
        || _ = lag::drop_oldest(0),
        || _ = lag::fail(0),
    ];
    for panics in panics {
        let said = catch_unwind(panics).unwrap_err();
        let said = said.downcast_ref::<String>().unwrap();
        assert_eq!(said, "the lag must be at least 1, got 0");
    }
}

#[test]
fn a_loss_says_how_much() {
    let mut branch = {
        let [mut fast, slow] = iter(0..3).tee(lag::drop_oldest(1));
        let (_task, waker) = Task::new();
        while poll_next_cut(&mut fast, &waker) != Poll::Ready(None) {}
        slow
    };
    let (_task, waker) = Task::new();
    let Poll::Ready(Some(Err(lagged))) = poll_next_cut(&mut branch, &waker) else {
        panic!("nothing is lost");
    };
    assert_eq!(
        lagged.to_string(),
        "the branch was too slow and missed 2 items"
    );
}

type Reentrant = Branch<aio_itertools::sources::Iter<std::vec::IntoIter<Nosy>>, lag::Unbounded>;

/// A value that, when it is cloned or dropped, looks at the tee that it went through.
struct Nosy {
    tee: Arc<Mutex<Option<Reentrant>>>,
    looks: Arc<AtomicUsize>,
}

impl Nosy {
    fn look(&self) {
        if let Some(branch) = &*self.tee.lock().unwrap() {
            branch.size_hint();
            drop(branch.clone());
            self.looks.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Clone for Nosy {
    fn clone(&self) -> Self {
        self.look();
        Self {
            tee: Arc::clone(&self.tee),
            looks: Arc::clone(&self.looks),
        }
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        self.look();
    }
}

#[test]
fn values_may_use_the_tee_while_they_are_cloned_or_dropped() {
    chaos::watchdog::closure("a value that uses its tee", || {
        let tee = Arc::new(Mutex::new(None));
        let looks = Arc::new(AtomicUsize::new(0));
        let values: Vec<Nosy> = (0..3)
            .map(|_| Nosy {
                tee: Arc::clone(&tee),
                looks: Arc::clone(&looks),
            })
            .collect();
        let [mut left, right, third] = iter(values).tee(lag::unbounded());
        *tee.lock().unwrap() = Some(third);
        let (_task, waker) = Task::new();
        while poll_next_cut(&mut left, &waker).map(|item| item.is_some()) != Poll::Ready(false) {}
        drop(right);
        let third = tee.lock().unwrap().take();
        drop(third);
        // Three clones, and three drops of them.
        assert_eq!(looks.load(Ordering::SeqCst), 6);
    });
}

/// A value whose clone panics as often as said.
struct Brittle(Arc<AtomicUsize>);

impl Clone for Brittle {
    fn clone(&self) -> Self {
        let left = self.0.load(Ordering::SeqCst);
        if left > 0 {
            self.0.store(left - 1, Ordering::SeqCst);
            resume_unwind(Box::new("in a clone"));
        }
        Self(Arc::clone(&self.0))
    }
}

#[test]
fn a_panic_in_a_clone_loses_nothing() {
    let panics = Arc::new(AtomicUsize::new(2));
    let [mut left, mut right] = iter([Brittle(Arc::clone(&panics))]).tee(lag::unbounded());
    let (_task, waker) = Task::new();
    for branch in [&mut left, &mut right] {
        catch_unwind(AssertUnwindSafe(|| {
            poll_next_cut(branch, &waker).is_ready()
        }))
        .unwrap_err();
    }
    assert_eq!(panics.load(Ordering::SeqCst), 0);
    for mut branch in [left, right] {
        for more in [true, false] {
            let polled = poll_next_cut(&mut branch, &waker);
            assert!(matches!(polled, Poll::Ready(item) if item.is_some() == more));
        }
    }
}

#[test]
fn a_panic_in_a_drop_wedges_nobody() {
    let ledger = Ledger::new(3);
    let (source, _) = Script::new(&ledger, 3, &[], Hint::Exact);
    let [mut fast, mut slow] = source.tee(lag::drop_oldest(1));
    let (_task, waker) = Task::new();
    assert_eq!(
        poll_next_cut(&mut fast, &waker).map(|t| t.map(or_missed)),
        Poll::Ready(Some(Out::Item(0)))
    );
    // The second item pushes the first one out, whose drop panics.
    ledger.trap(0);
    catch_unwind(AssertUnwindSafe(|| {
        poll_next_cut(&mut fast, &waker).is_ready()
    }))
    .unwrap_err();
    let outputs = |branch: &mut Branch<_, _>| {
        let mut outputs = Vec::new();
        while let Poll::Ready(Some(item)) = poll_next_cut(branch, &waker) {
            outputs.push(or_missed(item));
        }
        outputs
    };
    assert_eq!(outputs(&mut fast), [Out::Item(1), Out::Item(2)]);
    assert_eq!(outputs(&mut slow), [Out::Missed(2), Out::Item(2)]);
    drop((fast, slow));
    assert!(ledger.is_settled());
}

/// A number that takes its time to be cloned.
#[derive(Debug, PartialEq)]
struct Slow(usize);

impl Clone for Slow {
    fn clone(&self) -> Self {
        std::thread::yield_now();
        Self(self.0)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn branches_on_threads_of_their_own_each_get_all() {
    const ITEMS: usize = 2000;
    async fn read<L: Lag + 'static>(lag: L) -> Vec<Vec<L::Item<Slow>>>
    where
        L::Item<Slow>: Send,
    {
        let (give, take) = tokio::sync::mpsc::channel(1);
        let source = tokio_stream::wrappers::ReceiverStream::new(take);
        let feed = tokio::spawn(async move {
            for n in 0..ITEMS {
                give.send(Slow(n)).await.unwrap();
            }
        });
        let [first] = source.tee(lag);
        let readers: Vec<_> = vec![first; 4]
            .into_iter()
            .map(|mut branch| {
                tokio::spawn(async move {
                    let mut items = Vec::new();
                    while let Some(item) = next(&mut branch).await {
                        items.push(item);
                        if items.len() % 100 == 0 {
                            branch = branch.clone();
                        }
                    }
                    items
                })
            })
            .collect();
        feed.await.unwrap();
        let mut outputs = Vec::new();
        for reader in readers {
            outputs.push(reader.await.unwrap());
        }
        outputs
    }

    chaos::watchdog::future("four readers on four threads", async {
        let all: Vec<Slow> = (0..ITEMS).map(Slow).collect();
        for lag in [1, 3, 64] {
            for items in read(lag::block(lag)).await {
                assert_eq!(items, all);
            }
            for items in read(lag::drop_oldest(lag)).await {
                let mut position = 0;
                for item in items {
                    match item {
                        Ok(Slow(n)) => assert_eq!(n, std::mem::replace(&mut position, n + 1)),
                        Err(lagged) => position += usize::try_from(lagged.missed()).unwrap(),
                    }
                }
                assert_eq!(position, ITEMS);
            }
            for items in read(lag::fail(lag)).await {
                let given = items.iter().flatten().count();
                let mut numbers = items.iter().flatten().map(|Slow(n)| *n);
                assert!(numbers.by_ref().eq(0..given));
                assert_eq!(given < ITEMS, items.last().unwrap().is_err());
            }
        }
        for items in read(lag::unbounded()).await {
            assert_eq!(items, all);
        }
    })
    .await;
}
