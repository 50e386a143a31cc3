//! A source that follows a script, and values that know how often they were dropped.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use aio_itertools::Stream;

/// Counts the copies and the drops of every value of a case.
pub(crate) struct Ledger {
    made: Vec<AtomicUsize>,
    drops: Vec<AtomicUsize>,
    /// The value whose next drop panics; `usize::MAX` is none.
    trap: AtomicUsize,
}

impl Ledger {
    pub(crate) fn new(values: usize) -> Arc<Self> {
        let zeros = || (0..values).map(|_| AtomicUsize::new(0)).collect();
        Arc::new(Self {
            made: zeros(),
            drops: zeros(),
            trap: AtomicUsize::new(usize::MAX),
        })
    }

    /// A new value with an id of its own, equal to itself alone.
    pub(crate) fn token(self: &Arc<Self>, id: usize) -> Token {
        self.of(Tok { id, value: id })
    }

    pub(crate) fn of(self: &Arc<Self>, tok: Tok) -> Token {
        self.made[tok.id].fetch_add(1, SeqCst);
        Token {
            tok,
            ledger: Arc::clone(self),
        }
    }

    /// The drops of each value, by its id.
    pub(crate) fn drops(&self) -> Vec<usize> {
        self.drops.iter().map(|drops| drops.load(SeqCst)).collect()
    }

    /// Values and copies that were made and not dropped.
    pub(crate) fn alive(&self) -> usize {
        let all = |counts: &[AtomicUsize]| -> usize {
            counts.iter().map(|count| count.load(SeqCst)).sum()
        };
        all(&self.made) - all(&self.drops)
    }

    /// True if every value, and every copy of it, was dropped once.
    pub(crate) fn is_settled(&self) -> bool {
        let pairs = self.made.iter().zip(&self.drops);
        pairs
            .map(|(made, drops)| (made.load(SeqCst), drops.load(SeqCst)))
            .all(|(made, drops)| made == drops)
    }

    /// Lets the next drop of this value panic, after it is counted.
    pub(crate) fn trap(&self, id: usize) {
        self.trap.store(id, SeqCst);
    }
}

/// A value as an oracle sees it: which one it is, and what it compares as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tok {
    pub(crate) id: usize,
    pub(crate) value: usize,
}

/// A value whose copies and drops are counted; it compares by its value.
pub(crate) struct Token {
    tok: Tok,
    ledger: Arc<Ledger>,
}

impl Token {
    pub(crate) fn id(&self) -> usize {
        self.tok.id
    }

    pub(crate) fn value(&self) -> usize {
        self.tok.value
    }
}

impl Clone for Token {
    fn clone(&self) -> Self {
        self.ledger.of(self.tok)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.ledger.drops[self.tok.id].fetch_add(1, SeqCst);
        let trap = &self.ledger.trap;
        // A second panic while one unwinds would abort the test.
        if trap.load(SeqCst) == self.tok.id && !std::thread::panicking() {
            trap.store(usize::MAX, SeqCst);
            resume_unwind(Box::new("trapped"));
        }
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.value() == other.value()
    }
}

impl Eq for Token {}

impl PartialOrd for Token {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Token {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value().cmp(&other.value())
    }
}

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value().hash(state);
    }
}

/// What a source does at one poll before it may give an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    Ready,
    Pending,
    Panic,
}

/// What a source says about its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    Exact,
    Loose,
    Unknown,
}

/// What the test sees of a source that an operator owns.
#[derive(Default)]
pub(crate) struct Watched {
    waker: Mutex<Option<Waker>>,
    taken: AtomicUsize,
    /// Polled since the test looked last.
    polled: AtomicBool,
    ended: AtomicBool,
    polls_after_end: AtomicUsize,
}

impl Watched {
    /// Wakes whoever waits for the source; false if nobody does.
    pub(crate) fn fire(&self) -> bool {
        match self.waker.lock().unwrap().take() {
            Some(waker) => {
                waker.wake();
                true
            }
            None => false,
        }
    }

    /// True if somebody waits for the source.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waker.lock().unwrap().is_some()
    }

    /// True if the source was polled since this was asked last.
    pub(crate) fn was_polled(&self) -> bool {
        self.polled.swap(false, SeqCst)
    }

    /// How many items the source has given.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(SeqCst)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(SeqCst)
    }

    pub(crate) fn polls_after_end(&self) -> usize {
        self.polls_after_end.load(SeqCst)
    }
}

/// A stream of tokens that follows a script of beats, then is always ready.
pub(crate) struct Script {
    number: usize,
    items: VecDeque<Token>,
    /// A source that never ends gives these, always ready.
    endless: Option<Arc<Ledger>>,
    beats: VecDeque<Beat>,
    hint: Hint,
    watched: Arc<Watched>,
}

impl Script {
    /// A source of as many values as said, each equal to itself alone.
    pub(crate) fn new(
        ledger: &Arc<Ledger>,
        values: usize,
        beats: &[Beat],
        hint: Hint,
    ) -> (Self, Arc<Watched>) {
        let toks: Vec<Tok> = (0..values).map(|id| Tok { id, value: id }).collect();
        Self::of(0, ledger, &toks, beats, hint)
    }

    /// The source with this number, of these values.
    pub(crate) fn of(
        number: usize,
        ledger: &Arc<Ledger>,
        toks: &[Tok],
        beats: &[Beat],
        hint: Hint,
    ) -> (Self, Arc<Watched>) {
        let watched = Arc::new(Watched::default());
        let script = Self {
            number,
            items: toks.iter().map(|&tok| ledger.of(tok)).collect(),
            endless: None,
            beats: beats.iter().copied().collect(),
            hint,
            watched: Arc::clone(&watched),
        };
        (script, watched)
    }

    /// A source that is always ready and never ends; its values are 0 to 4 in turn.
    pub(crate) fn endless(number: usize) -> Self {
        let (script, _) = Self::of(number, &Ledger::new(0), &[], &[], Hint::Unknown);
        Self {
            endless: Some(Ledger::new(5)),
            ..script
        }
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The ids of the items that were not taken.
    pub(crate) fn rest(&self) -> Vec<usize> {
        self.items.iter().map(Token::id).collect()
    }
}

impl Stream for Script {
    type Item = Token;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Token>> {
        let this = &mut *self;
        let watched = &this.watched;
        watched.polled.store(true, SeqCst);
        // Who was to be woken is asking now: only a `Pending` makes them wait again.
        drop(watched.waker.lock().unwrap().take());
        if watched.ended.load(SeqCst) {
            watched.polls_after_end.fetch_add(1, SeqCst);
            return Poll::Ready(None);
        }
        match this.beats.pop_front() {
            Some(Beat::Pending) => {
                *watched.waker.lock().unwrap() = Some(cx.waker().clone());
                return Poll::Pending;
            }
            // Past the hook: a thousand cases would print a thousand backtraces.
            Some(Beat::Panic) => resume_unwind(Box::new("scripted")),
            Some(Beat::Ready) | None => {}
        }
        let taken = watched.taken.load(SeqCst);
        if let Some(ledger) = &this.endless {
            let id = taken % 5;
            watched.taken.store(taken.wrapping_add(1), SeqCst);
            return Poll::Ready(Some(ledger.of(Tok { id, value: id })));
        }
        let item = this.items.pop_front();
        match item {
            Some(_) => watched.taken.store(taken + 1, SeqCst),
            None => watched.ended.store(true, SeqCst),
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.endless.is_some() {
            return (usize::MAX, None);
        }
        let left = self.items.len();
        match self.hint {
            Hint::Exact => (left, Some(left)),
            Hint::Loose => (left / 2, Some(left * 2 + 3)),
            Hint::Unknown => (0, None),
        }
    }
}
