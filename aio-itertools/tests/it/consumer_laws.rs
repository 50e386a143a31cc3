//! The laws that every consumer keeps, checked against plain iterators.
//!
//! Adding a consumer is adding one entry to [`consumer_entries`](crate::consumer_entries).
//! The oracle pulls from iterators that count, so it says both what the answer
//! is and how many items a consumer may take for it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll, Waker};

use proptest::test_runner::{TestCaseError, TestError};

use crate::by_hand::{Task, poll_next_cut, poll_once};
use crate::laws::{Case, ENOUGH, Panic, Stage, cases, disarm, law};
use crate::random::{self, CASES, SHARES};
use crate::scripted::{Script, Tok};

/// The facts of a consumer, in the order of the card in its documentation.
#[derive(Clone, Copy)]
pub(crate) struct ConsumerCard {
    pub(crate) cancel_safety: &'static str,
    pub(crate) memory: &'static str,
    pub(crate) stops_early: &'static str,
    pub(crate) fairness: &'static str,
    pub(crate) errors: &'static str,
    pub(crate) runtime: &'static str,
}

impl ConsumerCard {
    /// What most consumers are; an entry names what differs.
    pub(crate) const PLAIN: Self = Self {
        cancel_safety: "Not cancel safe",
        memory: "nothing is kept",
        stops_early: "no",
        fairness: "one unit of the budget in 64 items",
        errors: "none of its own: an `Err` is an item like another",
        runtime: "any",
    };

    pub(crate) fn rows(&self) -> [(&'static str, &'static str); 6] {
        [
            ("cancel safety", self.cancel_safety),
            ("memory", self.memory),
            ("stops early", self.stops_early),
            ("fairness", self.fairness),
            ("errors", self.errors),
            ("runtime", self.runtime),
        ]
    }

    /// Whether an endless source may be answered.
    fn stops(&self) -> bool {
        self.stops_early.starts_with("at ")
    }
}

/// What a consumer gives, as ids and numbers.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Vec<usize>> + 'a>>;

/// The values of one source, which the oracle takes as an iterator.
pub(crate) type Values<'a> = &'a mut dyn Iterator<Item = Tok>;

/// Makes an answer of a consumer's future, and of what its output is as ids and numbers.
pub(crate) fn answer<'a, F: Future + 'a>(
    future: F,
    encode: fn(F::Output) -> Vec<usize>,
) -> Answer<'a> {
    Box::pin(Encoded {
        future: Box::pin(future),
        encode,
    })
}

/// No `async` block: that would hide how the future answers a poll after its end.
struct Encoded<F: Future> {
    future: Pin<Box<F>>,
    encode: fn(F::Output) -> Vec<usize>,
}

impl<F: Future> Future for Encoded<F> {
    type Output = Vec<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<usize>> {
        let polled = self.future.as_mut().poll(cx);
        polled.map(self.encode)
    }
}

/// An entry of the registry.
#[derive(Clone, Copy)]
pub(crate) struct Consumer {
    /// The function whose documentation holds the card, and its file in `src`.
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) card: ConsumerCard,
    pub(crate) sources: usize,
    /// The consumer over its sources, with a parameter of at least one.
    pub(crate) build: for<'a> fn(Vec<&'a mut Script>, usize) -> Answer<'a>,
    /// The same over iterators, from which it takes no value too many.
    pub(crate) oracle: for<'a> fn(Vec<Values<'a>>, usize) -> Vec<usize>,
    /// The most values that it holds between two polls, by what it has taken
    /// of each source and by its parameter.
    pub(crate) most: fn(&[&[Tok]], usize) -> usize,
    /// Whether values are in a hash table of std, which leaks the rest when the
    /// drop of one panics.
    pub(crate) in_a_table: bool,
}

impl Consumer {
    /// One source, a plain card, nothing held: an entry names what differs.
    pub(crate) fn plain(
        name: &'static str,
        file: &'static str,
        build: for<'a> fn(Vec<&'a mut Script>, usize) -> Answer<'a>,
        oracle: for<'a> fn(Vec<Values<'a>>, usize) -> Vec<usize>,
    ) -> Self {
        Self {
            name,
            file,
            card: ConsumerCard::PLAIN,
            sources: 1,
            build,
            oracle,
            most: |_, _| 0,
            in_a_table: false,
        }
    }
}

/// Counts what is taken of it.
struct Counted<I> {
    values: I,
    taken: usize,
}

impl<I: Iterator> Iterator for Counted<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let value = self.values.next();
        self.taken += usize::from(value.is_some());
        value
    }
}

/// The answer of the oracle, and how much of each source it takes for it.
fn expected<I>(consumer: &Consumer, values: Vec<I>, parameter: usize) -> (Vec<usize>, Vec<usize>)
where
    I: Iterator<Item = Tok>,
{
    let mut counted: Vec<Counted<I>> = values
        .into_iter()
        .map(|values| Counted { values, taken: 0 })
        .collect();
    let values = counted.iter_mut().map(|c| -> Values<'_> { c }).collect();
    let answer = (consumer.oracle)(values, parameter);
    (answer, counted.iter().map(|c| c.taken).collect())
}

fn ids(toks: &[Tok]) -> Vec<usize> {
    toks.iter().map(|tok| tok.id).collect()
}

/// Runs all laws over random cases; the error names the law that was broken.
pub(crate) fn check(consumer: &Consumer, share: u32) -> Result<(), TestError<Case>> {
    random::check(CASES, cases(consumer.sources, false, share), |case| {
        let polls = answers_as_the_oracle(consumer, &case)?;
        (0..=polls).try_for_each(|cut| cut_leaves_the_rest(consumer, &case, cut))?;
        let values = case.values.iter().map(Vec::len).sum();
        // As far as there are calls: further on a case is the same without a panic.
        let mut calls = 0..=values;
        while let Some(call) = calls.next()
            && survives(consumer, &case, Panic::InClosure(call))?
        {}
        (0..values).try_for_each(|id| survives(consumer, &case, Panic::InDrop(id)).map(drop))
    })
}

/// Polls it to its end, and compares the answer and what the sources have left.
fn answers_as_the_oracle(consumer: &Consumer, case: &Case) -> Result<usize, TestCaseError> {
    let (stage, mut sources) = Stage::set(case);
    let values = stage.toks.iter().map(|toks| toks.iter().copied()).collect();
    let (answer, takes) = expected(consumer, values, case.parameter);
    let mut future = (consumer.build)(sources.iter_mut().collect(), case.parameter);
    let tasks = [Task::new(), Task::new()];
    let mut polls = 0;
    loop {
        law!(polls < ENOUGH, "it ends");
        let turn = if case.two_tasks { polls % 2 } else { 0 };
        let (task, waker) = &tasks[turn];
        let (before, other) = (task.wakes(), tasks[1 - turn].0.wakes());
        let chosen = case.order[polls % case.order.len()];
        polls += 1;
        stage.watched.iter().for_each(|watched| {
            watched.was_polled();
        });
        let polled = catch_unwind(AssertUnwindSafe(|| poll_once(future.as_mut(), waker)));
        match polled {
            Ok(Poll::Pending) => {
                holds_no_more(consumer, case, &stage)?;
                stage.fire(chosen);
                law!(
                    task.wakes() == before + 1,
                    "one wake for a Pending, for the latest task"
                );
                law!(
                    tasks[1 - turn].0.wakes() == other,
                    "no wake for an older task"
                );
            }
            Ok(Poll::Ready(given)) => {
                law!(
                    given == answer,
                    "the answer is the oracle's",
                    "{given:?} for {answer:?}"
                );
                let taken = takings(&stage);
                law!(
                    taken == takes,
                    "it takes no item too many",
                    "{taken:?} for {takes:?}"
                );
                break;
            }
            // A panic of the source is the consumer's end.
            Err(_) => break,
        }
    }
    law!(
        panics_when_polled(&mut future),
        "a poll after the end panics"
    );
    law!(
        stage.watched.iter().all(|w| w.polls_after_end() == 0),
        "the source is not polled after its end"
    );
    drop(future);
    the_rest_is_there(&stage, &mut sources)?;
    drop(sources);
    law!(stage.ledger.is_settled(), "each value is dropped once");
    Ok(polls)
}

/// How much of each source was taken.
fn takings(stage: &Stage) -> Vec<usize> {
    stage
        .watched
        .iter()
        .map(|watched| watched.taken())
        .collect()
}

/// Polls a future that has ended, with nothing printed for each of a thousand cases.
fn panics_when_polled(future: &mut Answer<'_>) -> bool {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let printing = take_hook();
        set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                printing(panic);
            }
        }));
    });
    EXPECTED.set(true);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        poll_once(future.as_mut(), Waker::noop()).is_pending()
    }));
    EXPECTED.set(false);
    polled.is_err()
}

thread_local! {
    /// True while a panic is what the test asks for.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

fn holds_no_more(consumer: &Consumer, case: &Case, stage: &Stage) -> Result<(), TestCaseError> {
    let taken: Vec<&[Tok]> = stage
        .toks
        .iter()
        .zip(&stage.watched)
        .map(|(toks, watched)| &toks[..watched.taken()])
        .collect();
    let untaken = stage.toks.iter().map(Vec::len).sum::<usize>()
        - taken.iter().map(|taken| taken.len()).sum::<usize>();
    let held = stage.ledger.alive() - untaken;
    law!(
        held <= (consumer.most)(&taken, case.parameter),
        "it holds no more than its card says",
        "{held} values"
    );
    Ok(())
}

/// What a source hasn't given can still be taken of it, and nothing else is alive.
fn the_rest_is_there(stage: &Stage, sources: &mut [Script]) -> Result<(), TestCaseError> {
    let (_task, waker) = Task::new();
    let rests: Vec<usize> = sources.iter().map(|source| source.rest().len()).collect();
    law!(
        stage.ledger.alive() == rests.iter().sum(),
        "what was taken is dropped with the future"
    );
    for ((source, toks), watched) in sources.iter_mut().zip(&stage.toks).zip(&stage.watched) {
        let taken = watched.taken();
        if watched.has_ended() {
            law!(taken == toks.len(), "a source ends after its last item");
            continue;
        }
        let mut rest = Vec::new();
        loop {
            match catch_unwind(AssertUnwindSafe(|| poll_next_cut(source, &waker))) {
                Ok(Poll::Ready(Some(token))) => rest.push(token.id()),
                Ok(Poll::Ready(None)) => break,
                Ok(Poll::Pending) | Err(_) => {}
            }
        }
        law!(
            rest == ids(&toks[taken..]),
            "a source that is lent has exactly the rest",
            "{rest:?} after {taken}"
        );
    }
    Ok(())
}

/// Drops the future after `cut` polls: all that it took is dropped, the rest is in the sources.
fn cut_leaves_the_rest(consumer: &Consumer, case: &Case, cut: usize) -> Result<(), TestCaseError> {
    let (stage, mut sources) = Stage::set(case);
    let (_task, waker) = Task::new();
    let mut future = (consumer.build)(sources.iter_mut().collect(), case.parameter);
    for _ in 0..cut {
        let polled = catch_unwind(AssertUnwindSafe(|| poll_once(future.as_mut(), &waker)));
        if !matches!(polled, Ok(Poll::Pending)) {
            break;
        }
    }
    let taken = takings(&stage);
    drop(future);
    law!(takings(&stage) == taken, "a cut takes nothing");
    the_rest_is_there(&stage, &mut sources)?;
    drop(sources);
    law!(stage.ledger.is_settled(), "each value is dropped once");
    Ok(())
}

/// A panic passes to the caller and is the end: no hang, and no value is dropped twice or never.
///
/// True if it came to the call that panics.
fn survives(consumer: &Consumer, case: &Case, panic: Panic) -> Result<bool, TestCaseError> {
    let (stage, mut sources) = Stage::set(case);
    stage.prepare(panic);
    let (_task, waker) = Task::new();
    let mut future = (consumer.build)(sources.iter_mut().collect(), case.parameter);
    let mut polls = 0;
    loop {
        law!(polls < ENOUGH, "it ends after a panic");
        polls += 1;
        match catch_unwind(AssertUnwindSafe(|| poll_once(future.as_mut(), &waker))) {
            Ok(Poll::Pending) => drop(stage.fire(polls)),
            Ok(Poll::Ready(_)) => break,
            Err(_) => {
                law!(
                    panics_when_polled(&mut future),
                    "a poll after a panic panics"
                );
                break;
            }
        }
    }
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
    drop(dropped);
    let panicked = disarm();
    law!(
        stage.watched.iter().all(|w| w.polls_after_end() == 0),
        "the source is not polled after its end, after a panic"
    );
    stage.ledger.trap(usize::MAX);
    if consumer.in_a_table && matches!(panic, Panic::InDrop(_)) {
        return Ok(panicked);
    }
    the_rest_is_there(&stage, &mut sources)?;
    drop(sources);
    law!(
        stage.ledger.is_settled(),
        "each value is dropped once, after a panic"
    );
    Ok(panicked)
}

/// Runs all laws for some consumers; each group of entries calls it in a test of its own.
pub(crate) fn keep_the_laws(consumers: Vec<Consumer>) {
    for consumer in consumers {
        for share in SHARES {
            if let Err(broken) = check(&consumer, share) {
                panic!("{} at {share} % Pending: {broken}", consumer.name);
            }
            println!("{} pending={share}% cases={CASES}", consumer.name);
        }
        if consumer.card.stops() {
            stops_on_an_endless_source(consumer);
        }
        let (build, count) = (consumer.build, consumer.sources);
        crate::neighbours::yields_locally(move || async move {
            let mut sources: Vec<_> = (0..count).map(|_| Script::endless(0)).collect();
            // What ends all the same, at the second item, has had its turns by then.
            build(sources.iter_mut().collect(), 3).await;
        });
    }
}

/// A consumer that stops early answers for a source that doesn't end.
fn stops_on_an_endless_source(consumer: Consumer) {
    const PARAMETER: usize = 3;
    chaos::watchdog::closure(consumer.name, move || {
        // Each source starts one further, so that two of them differ.
        let values = |source| (0..5).map(|id| Tok { id, value: id }).cycle().skip(source);
        let values: Vec<_> = (0..consumer.sources).map(values).collect();
        let (answer, takes) = expected(&consumer, values, PARAMETER);
        let (_task, waker) = Task::new();
        let take = |source: &mut Script| match poll_next_cut(source, &waker) {
            Poll::Ready(Some(token)) => token.id(),
            _ => panic!("an endless source is always ready"),
        };
        let mut sources: Vec<Script> = (0..consumer.sources).map(Script::endless).collect();
        for (source, script) in sources.iter_mut().enumerate() {
            for _ in 0..source {
                take(script);
            }
        }
        let mut future = (consumer.build)(sources.iter_mut().collect(), PARAMETER);
        let given = poll_once(future.as_mut(), Waker::noop());
        assert_eq!(given, Poll::Ready(answer), "{}", consumer.name);
        drop(future);
        for (source, script) in sources.iter_mut().enumerate() {
            assert_eq!(
                take(script),
                (source + takes[source]) % 5,
                "{}",
                consumer.name
            );
        }
    });
}
