//! A source that follows a script, and values that know how often they were dropped.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use aio_itertools::Stream;

/// Counts the drops of every value of a case.
pub(crate) struct Ledger {
    drops: Vec<AtomicUsize>,
}

impl Ledger {
    pub(crate) fn new(values: usize) -> Arc<Self> {
        Arc::new(Self {
            drops: (0..values).map(|_| AtomicUsize::new(0)).collect(),
        })
    }

    pub(crate) fn token(self: &Arc<Self>, id: usize) -> Token {
        Token {
            id,
            ledger: Arc::clone(self),
        }
    }

    /// The drops of each value, by its id.
    pub(crate) fn drops(&self) -> Vec<usize> {
        self.drops
            .iter()
            .map(|drops| drops.load(Ordering::SeqCst))
            .collect()
    }
}

/// A value that can't be cloned and whose drop is counted.
pub(crate) struct Token {
    id: usize,
    ledger: Arc<Ledger>,
}

impl Token {
    pub(crate) fn id(&self) -> usize {
        self.id
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.ledger.drops[self.id].fetch_add(1, Ordering::SeqCst);
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

    pub(crate) fn polls_after_end(&self) -> usize {
        self.polls_after_end.load(Ordering::SeqCst)
    }
}

/// A stream of tokens that follows a script of beats, then is always ready.
pub(crate) struct Script {
    items: VecDeque<Token>,
    beats: VecDeque<Beat>,
    hint: Hint,
    watched: Arc<Watched>,
}

impl Script {
    pub(crate) fn new(
        ledger: &Arc<Ledger>,
        values: usize,
        beats: &[Beat],
        hint: Hint,
    ) -> (Self, Arc<Watched>) {
        let watched = Arc::new(Watched::default());
        let script = Self {
            items: (0..values).map(|id| ledger.token(id)).collect(),
            beats: beats.iter().copied().collect(),
            hint,
            watched: Arc::clone(&watched),
        };
        (script, watched)
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
        if this.watched.ended.load(Ordering::SeqCst) {
            this.watched.polls_after_end.fetch_add(1, Ordering::SeqCst);
            return Poll::Ready(None);
        }
        match this.beats.pop_front() {
            Some(Beat::Pending) => {
                *this.watched.waker.lock().unwrap() = Some(cx.waker().clone());
                return Poll::Pending;
            }
            // Past the hook: a thousand cases would print a thousand backtraces.
            Some(Beat::Panic) => std::panic::resume_unwind(Box::new("scripted")),
            Some(Beat::Ready) | None => {}
        }
        let item = this.items.pop_front();
        if item.is_none() {
            this.watched.ended.store(true, Ordering::SeqCst);
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.items.len();
        match self.hint {
            Hint::Exact => (left, Some(left)),
            Hint::Loose => (left / 2, Some(left * 2 + 3)),
            Hint::Unknown => (0, None),
        }
    }
}
