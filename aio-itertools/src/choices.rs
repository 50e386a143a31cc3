//! Choices out of the items of a stream, as lists: the stream under permutations and combinations.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::budget::Pace;
use crate::collected::Collected;
use crate::size_hint::{ENDED, SizeHint, exactly};

/// The places in a pool that one choice takes, and the way to the next choice.
pub(crate) trait Places: Sized {
    /// The first choice of `size` out of `pool` items, if there is one.
    fn first(pool: usize, size: usize) -> Option<Self>;

    fn places(&self) -> &[usize];

    /// Goes on to the next choice; `None` after the last one.
    fn next(self) -> Option<Self>;

    /// The number of choices; `None` if a `u128` can't hold it.
    fn total(pool: usize, size: usize) -> Option<u128>;
}

pin_project! {
    /// Collects a stream, then gives a list of copies for each choice out of it.
    pub(crate) struct Choices<S: Stream, P> {
        #[pin]
        pool: Collected<S>,
        size: usize,
        stage: Stage<P>,
        pace: Pace,
    }
}

#[derive(Debug)]
enum Stage<P> {
    Collecting,
    /// The next choice, and how many there are from it on.
    Choosing(P, Option<u128>),
    /// The last choice was given, the end was not.
    Exhausted,
    Ended,
}

impl<S: Stream, P: Places> Choices<S, P> {
    pub(crate) fn new(stream: S, size: usize) -> Self {
        Self {
            pool: Collected::new(stream),
            size,
            stage: Stage::Collecting,
            pace: Pace::new(),
        }
    }

    pub(crate) fn into_parts(self) -> (S, Vec<S::Item>) {
        self.pool.into_parts()
    }
}

impl<S: Stream<Item: Clone>, P: Places> Stream for Choices<S, P> {
    type Item = Vec<S::Item>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        let mut this = self.project();
        if matches!(this.stage, Stage::Ended) {
            return Poll::Ready(None);
        }
        ready!(this.pool.as_mut().poll_collect(cx));
        ready!(this.pace.poll_item(cx));
        let items = this.pool.items();
        if matches!(this.stage, Stage::Collecting) {
            *this.stage = match P::first(items.len(), *this.size) {
                Some(first) => Stage::Choosing(first, P::total(items.len(), *this.size)),
                None => Stage::Exhausted,
            };
        }
        let Stage::Choosing(choice, _) = &this.stage else {
            *this.stage = Stage::Ended;
            return Poll::Ready(None);
        };
        // A copy may panic: the choice stays the next one until it is complete.
        let chosen = choice
            .places()
            .iter()
            .map(|&at| items[at].clone())
            .collect();
        if let Stage::Choosing(choice, left) = mem::replace(this.stage, Stage::Exhausted)
            && let Some(next) = choice.next()
        {
            *this.stage = Stage::Choosing(next, left.map(|left| left - 1));
        }
        Poll::Ready(Some(chosen))
    }

    fn size_hint(&self) -> SizeHint {
        match self.stage {
            Stage::Collecting => {
                let (lower, upper) = self.pool.hint();
                let choices = |pool| exactly(P::total(pool, self.size));
                (choices(lower).0, upper.and_then(|upper| choices(upper).1))
            }
            Stage::Choosing(_, left) => exactly(left),
            Stage::Exhausted | Stage::Ended => ENDED,
        }
    }
}

impl<S: Stream<Item: Clone>, P: Places> FusedStream for Choices<S, P> {
    fn is_terminated(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }
}

impl<S: Stream + fmt::Debug, P: fmt::Debug> fmt::Debug for Choices<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Choices")
            .field("pool", &self.pool)
            .field("size", &self.size)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

/// Places in ascending order, each taken once at most.
#[derive(Debug)]
pub(crate) struct Combination {
    pool: usize,
    places: Vec<usize>,
}

impl Places for Combination {
    fn first(pool: usize, size: usize) -> Option<Self> {
        (size <= pool).then(|| Self {
            pool,
            places: (0..size).collect(),
        })
    }

    fn places(&self) -> &[usize] {
        &self.places
    }

    fn next(mut self) -> Option<Self> {
        let size = self.places.len();
        let moved = (0..size)
            .rev()
            .find(|&at| self.places[at] != at + self.pool - size)?;
        let first = self.places[moved] + 1;
        for (place, value) in self.places[moved..].iter_mut().zip(first..) {
            *place = value;
        }
        Some(self)
    }

    fn total(pool: usize, size: usize) -> Option<u128> {
        binomial(pool as u128, size as u128)
    }
}

/// How many ways there are to take `size` of `pool`; `None` if it is far too many.
pub(crate) fn binomial(pool: u128, size: u128) -> Option<u128> {
    let Some(others) = pool.checked_sub(size) else {
        return Some(0);
    };
    // Each step at least doubles the product, so overflow ends a long loop early.
    (0..size.min(others)).try_fold(1_u128, |product, taken| {
        Some(product.checked_mul(pool - taken)? / (taken + 1))
    })
}
