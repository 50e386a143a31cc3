use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker, ready};

use futures_core::{FusedStream, Stream};

use crate::budget::Pace;
use crate::size_hint::{ENDED, SizeHint, at_most, plus};
use crate::waiters::Waiters;

/// Splits `stream` in two at the first item that `predicate` is false for: the items
/// before it, and that item with all the others.
///
/// A header and its body, or a backlog and what is live, are what it is for. Nothing
/// is lost in between, as it is when a `takewhile` is followed by the rest.
///
/// The halves may be read in any order, in turns, in two tasks, or dropped. Each moves
/// the source on as far as it must: reading [`After`] first keeps all that comes before
/// in memory for [`Before`], however much that is, or drops it if `Before` was dropped.
/// In Python, reading the second first waits for ever.
///
/// The predicate answers at once and isn't asked again after its first false. If it
/// panics, the item that it looked at is dropped, and both halves can go on.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::before_and_after, iter, next};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let lines = iter(["# title", "# date", "text", "# no header"]);
/// let (mut header, mut body) = before_and_after(lines, |line| line.starts_with('#'));
/// assert_eq!(next(&mut header).await, Some("# title"));
/// // The second line is kept for the header meanwhile.
/// assert_eq!(next(&mut body).await, Some("text"));
/// assert_eq!(next(&mut header).await, Some("# date"));
/// assert_eq!(next(&mut header).await, None);
/// assert_eq!(next(&mut body).await, Some("# no header"));
/// assert_eq!(next(&mut body).await, None);
/// # }
/// ```
#[doc(alias = "span")]
#[doc(alias = "split")]
pub fn before_and_after<S, P>(stream: S, predicate: P) -> (Before<S, P>, After<S, P>)
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    let waiters = Arc::new(Waiters::default());
    let shared = Arc::new(Shared {
        source: Mutex::new(Source {
            stream: Box::pin(stream),
            predicate,
        }),
        state: Mutex::new(State {
            passed: VecDeque::new(),
            before_is_read: true,
            over: false,
            first: None,
        }),
        waker: Waker::from(Arc::clone(&waiters)),
        waiters,
        asked: AtomicBool::new(false),
    });
    let before = Before {
        shared: Arc::clone(&shared),
        done: false,
        pace: Pace::new(),
    };
    let after = After {
        shared,
        begun: false,
        done: false,
        pace: Pace::new(),
    };
    (before, after)
}

/// The first half of [`before_and_after`](crate::adaptors::before_and_after()): the items
/// before the first that the predicate is false for.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | none |
/// | memory | without bound, if `After` is read first: all items that come before |
/// | fairness | one unit of the budget in 64 items |
/// | fused | yes: the source is not polled after its end |
/// | size_hint | at most the source's and what is kept |
/// | errors | items pass as they are |
/// | runtime | any |
#[must_use = "streams do nothing unless polled"]
pub struct Before<S: Stream, P> {
    shared: Arc<Shared<S, P>>,
    done: bool,
    pace: Pace,
}

/// The second half of [`before_and_after`](crate::adaptors::before_and_after()): the first
/// item that the predicate is false for, and all the others.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | none |
/// | memory | its first item, if `Before` met it |
/// | fairness | one unit of the budget in 64 items |
/// | fused | yes: the source is not polled after its end |
/// | size_hint | at most the source's; exact when the source's is, from its first item on |
/// | errors | items pass as they are |
/// | runtime | any |
#[must_use = "streams do nothing unless polled"]
pub struct After<S: Stream, P> {
    shared: Arc<Shared<S, P>>,
    /// True once the first item is given: from then on the source is its alone.
    begun: bool,
    done: bool,
    pace: Pace,
}

#[derive(Clone, Copy)]
enum Half {
    Before,
    After,
}

impl Half {
    fn other(self) -> Self {
        match self {
            Self::Before => Self::After,
            Self::After => Self::Before,
        }
    }
}

/// No code of others ever runs, and no value is dropped, while `state` is locked. A half
/// that finds `source` locked never waits for it: it asks to be woken when it is free.
struct Shared<S: Stream, P> {
    source: Mutex<Source<S, P>>,
    state: Mutex<State<S::Item>>,
    /// What the source is polled with until `After` has begun.
    waker: Waker,
    /// The halves that wait for the source: whichever polled it last, both are woken.
    waiters: Arc<Waiters>,
    /// True if a half found that the other has the source on loan.
    asked: AtomicBool,
}

struct Source<S, P> {
    stream: Pin<Box<S>>,
    predicate: P,
}

struct State<T> {
    /// Items that were taken from the source and that `Before` hasn't given yet.
    passed: VecDeque<T>,
    before_is_read: bool,
    /// True once the predicate was false or the source has ended.
    over: bool,
    /// The item that the predicate was false for, until `After` gives it.
    first: Option<T>,
}

/// Both locks stay usable after a panic: what they guard is whole whenever code of others
/// runs.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Stream, P> Shared<S, P> {
    fn state(&self) -> MutexGuard<'_, State<S::Item>> {
        lock(&self.state)
    }

    /// Lends the source to a half, unless the other has it.
    ///
    /// Whoever asks shows that it has the state locked, and saw in it that the source is
    /// still to be asked: so the two can't change in between.
    fn lend(&self, borrower: Half, _state: &State<S::Item>) -> Option<Loan<'_, S, P>> {
        let source = self.try_source().or_else(|| {
            // Whoever still has it looks at `asked` after it has given it back.
            self.asked.swap(true, Ordering::SeqCst);
            self.try_source()
        })?;
        let nudge = Nudge {
            waiters: &self.waiters,
            asked: &self.asked,
            other: borrower.other(),
            due: false,
        };
        Some(Loan { source, nudge })
    }

    fn try_source(&self) -> Option<MutexGuard<'_, Source<S, P>>> {
        match self.source.try_lock() {
            Ok(source) => Some(source),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl<S, P> Shared<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    /// Takes one item from the source. It is given at once if it is `Before` that asks and
    /// the item is its own; any other is put where its half looks for it.
    fn poll_source(&self, half: Half, cx: &Context<'_>) -> Poll<Option<S::Item>> {
        if !self.waiters.knows(half as usize, cx.waker()) {
            drop(self.waiters.wait(half as usize, cx.waker().clone()));
        }
        let state = self.state();
        let is_before = matches!(half, Half::Before);
        if state.over || (is_before && !state.passed.is_empty()) {
            return Poll::Ready(None);
        }
        let Some(mut loan) = self.lend(half, &state) else {
            return Poll::Pending;
        };
        drop(state);
        let Source { stream, predicate } = &mut *loan.source;
        // A source that has given something, or panicked, wakes nobody by itself.
        loan.nudge.due = true;
        let mut cx = Context::from_waker(&self.waker);
        let Poll::Ready(item) = stream.as_mut().poll_next(&mut cx) else {
            loan.nudge.due = false;
            return Poll::Pending;
        };
        let passed = item.as_ref().is_some_and(predicate);
        if passed && is_before {
            return Poll::Ready(item);
        }
        let mut state = self.state();
        if !passed {
            state.over = true;
            state.first = item;
        } else if state.before_is_read {
            state.passed.extend(item);
        } else {
            drop(state);
            drop(item);
        }
        Poll::Ready(None)
    }
}

/// The source on loan. The order of the fields is the order of their drops: the source
/// is free again when the other half is woken.
struct Loan<'a, S: Stream, P> {
    source: MutexGuard<'a, Source<S, P>>,
    nudge: Nudge<'a>,
}

/// Wakes the other half, when it is dropped, if that has something to see or to do.
struct Nudge<'a> {
    waiters: &'a Waiters,
    asked: &'a AtomicBool,
    other: Half,
    due: bool,
}

impl Drop for Nudge<'_> {
    fn drop(&mut self) {
        let asked = self.asked.swap(false, Ordering::SeqCst);
        if (asked || self.due)
            && let Some(waker) = self.waiters.leave(self.other as usize)
        {
            waker.wake();
        }
    }
}

impl<S: Stream, P> Before<S, P> {
    /// Puts the halves together again: gives back the source, and the items that were
    /// taken from it and not given, in order.
    ///
    /// The source was pinned and stays so; it is a stream as it is.
    ///
    /// # Errors
    ///
    /// If `after` is the half of another stream; both are handed back.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (mut before, after) = iter(1..=9).before_and_after(|n| *n < 3);
    /// while next(&mut before).await.is_some() {}
    /// let (mut rest, taken) = before.reunite(after).unwrap();
    /// assert_eq!(taken, [3]);
    /// assert_eq!(next(&mut rest).await, Some(4));
    /// # }
    /// ```
    #[doc(alias = "into_parts")]
    #[expect(
        clippy::type_complexity,
        reason = "as `into_parts` of other adaptors, or the halves"
    )]
    pub fn reunite(
        self,
        after: After<S, P>,
    ) -> Result<(Pin<Box<S>>, Vec<S::Item>), NotAPair<S, P>> {
        if !Arc::ptr_eq(&self.shared, &after.shared) {
            let before = self;
            return Err(NotAPair { before, after });
        }
        let shared = Arc::clone(&self.shared);
        let mut items = Vec::from(mem::take(&mut shared.state().passed));
        items.extend(shared.state().first.take());
        drop((self, after));
        let Some(shared) = Arc::into_inner(shared) else {
            unreachable!("only the two halves share the source");
        };
        let source = shared.source.into_inner();
        let source = source.unwrap_or_else(PoisonError::into_inner);
        Ok((source.stream, items))
    }
}

impl<S, P> Stream for Before<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    type Item = S::Item;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = &mut *self;
        loop {
            if this.done {
                return Poll::Ready(None);
            }
            ready!(this.pace.poll_item(cx));
            let mut state = this.shared.state();
            if let Some(item) = state.passed.pop_front() {
                return Poll::Ready(Some(item));
            }
            this.done = state.over;
            drop(state);
            if !this.done {
                let item = ready!(this.shared.poll_source(Half::Before, cx));
                if item.is_some() {
                    return Poll::Ready(item);
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        let state = self.shared.state();
        let kept = state.passed.len();
        if state.over {
            return plus(ENDED, kept);
        }
        let loan = self.shared.lend(Half::Before, &state);
        drop(state);
        match loan {
            Some(loan) => plus(at_most(loan.source.stream.size_hint()), kept),
            None => (kept, None),
        }
    }
}

impl<S, P> Stream for After<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    type Item = S::Item;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = &mut *self;
        while !this.begun {
            let mut state = this.shared.state();
            if state.over {
                this.begun = true;
                // If the predicate was never false, the source is at its end.
                let first = state.first.take();
                this.done = first.is_none();
                return Poll::Ready(first);
            }
            drop(state);
            ready!(this.pace.poll_item(cx));
            ready!(this.shared.poll_source(Half::After, cx));
        }
        if this.done {
            return Poll::Ready(None);
        }
        ready!(this.pace.poll_item(cx));
        let mut source = lock(&this.shared.source);
        let item = ready!(source.stream.as_mut().poll_next(cx));
        this.done = item.is_none();
        Poll::Ready(item)
    }

    fn size_hint(&self) -> SizeHint {
        if self.done {
            return ENDED;
        }
        let state = self.shared.state();
        if !state.over {
            let loan = self.shared.lend(Half::After, &state);
            drop(state);
            return match loan {
                Some(loan) => at_most(loan.source.stream.size_hint()),
                None => (0, None),
            };
        }
        let kept = state.first.is_some();
        drop(state);
        if !self.begun && !kept {
            return ENDED;
        }
        let source = lock(&self.shared.source);
        plus(source.stream.size_hint(), usize::from(kept))
    }
}

impl<S, P> FusedStream for Before<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    fn is_terminated(&self) -> bool {
        self.done
    }
}

impl<S, P> FusedStream for After<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> bool,
{
    fn is_terminated(&self) -> bool {
        self.done
    }
}

impl<S: Stream, P> Drop for Before<S, P> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.before_is_read = false;
        let passed = mem::take(&mut state.passed);
        drop(state);
        drop(self.shared.waiters.leave(Half::Before as usize));
        drop(passed);
    }
}

impl<S: Stream, P> Drop for After<S, P> {
    fn drop(&mut self) {
        drop(self.shared.waiters.leave(Half::After as usize));
    }
}

impl<S: Stream, P> fmt::Debug for Before<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        let (kept, over) = (state.passed.len(), state.over);
        drop(state);
        f.debug_struct("Before")
            .field("kept", &kept)
            .field("over", &over)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

impl<S: Stream, P> fmt::Debug for After<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("After")
            .field("begun", &self.begun)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

/// The error of [`Before::reunite`]: the two halves are not of one stream.
pub struct NotAPair<S: Stream, P> {
    before: Before<S, P>,
    after: After<S, P>,
}

impl<S: Stream, P> NotAPair<S, P> {
    /// The two halves as they were.
    pub fn into_halves(self) -> (Before<S, P>, After<S, P>) {
        (self.before, self.after)
    }
}

impl<S: Stream, P> fmt::Display for NotAPair<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`before` and `after` are not the halves of one stream")
    }
}

impl<S: Stream, P> fmt::Debug for NotAPair<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotAPair")
            .field("before", &self.before)
            .field("after", &self.after)
            .finish()
    }
}

impl<S: Stream, P> Error for NotAPair<S, P> {}
