use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures_core::{FusedStream, Stream};

use crate::budget::Pace;
use crate::lag::{Lag, Lagged};
use crate::readers::{Found, Readers, Rule};
use crate::size_hint::{ENDED, SizeHint};
use crate::waiters::Waiters;

/// Gives `N` streams that each give every item of `stream`.
///
/// For one source with several readers, such as a parser and a log. `lag` says
/// what happens when one reader is slower than another, and so what the items
/// are: see [`lag`](crate::lag). For a number of branches that is known only at
/// run time, make one and [`clone`](Branch::clone) it.
///
/// Items are cloned for all readers but the last, which gets the item itself. A
/// value that is costly to clone goes into an `Arc` first. Unlike Python's `tee`,
/// whose order of arguments this has, it never leaves a reader waiting for
/// another one to drive the source: whichever branch needs an item polls it.
///
/// # Examples
///
/// ```
/// use aio_itertools::{adaptors::tee, iter, lag, next, prelude::*};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let [mut letters, mut pairs] = tee(iter("abc".chars()), lag::unbounded());
/// assert_eq!(next(&mut letters).await, Some('a'));
/// assert_eq!(next(&mut pairs).await, Some('a'));
/// assert_eq!(next(&mut pairs).await, Some('b'));
/// assert_eq!(next(&mut letters).await, Some('b'));
///
/// // Three more, wherever this one is.
/// let branches = vec![letters; 4];
/// for mut branch in branches {
///     assert_eq!(next(&mut branch).await, Some('c'));
/// }
/// # }
/// ```
pub fn tee<const N: usize, S: Stream, L: Lag>(stream: S, lag: L) -> [Branch<S, L>; N] {
    let shared = Shared::new(stream, lag.rule());
    std::array::from_fn(|_| {
        let id = shared.lock().readers.add();
        Branch::new(Arc::clone(&shared), id)
    })
}

/// The stream of [`tee`](crate::adaptors::tee()): one of several that each give all items.
///
/// Dropping a branch frees what only it had still to read, and wakes those that it
/// held back. A branch is `Unpin` whatever the source is, which has a box of its own.
///
/// # Contract
///
/// | fact | |
/// |---|---|
/// | cancel safety | Cancel safe |
/// | in-flight work | none of its own: the source is polled by whichever branch needs an item |
/// | memory | what the slowest branch has still to read, at most the lag; with `fail` the same again for each branch that has failed |
/// | fairness | one unit of the budget in 64 items |
/// | fused | yes: the source is not polled after its end |
/// | size_hint | exact when the source's is and nothing can be lost |
/// | errors | items pass as they are; `Lagged` stands where the policy lost some |
/// | runtime | any |
#[must_use = "streams do nothing unless polled"]
pub struct Branch<S: Stream, L: Lag> {
    shared: Arc<Shared<S>>,
    id: usize,
    /// True while the branch may be among those who wait.
    waits: bool,
    done: bool,
    pace: Pace,
    lag: PhantomData<fn() -> L>,
}

impl<S: Stream, L: Lag> Branch<S, L> {
    fn new(shared: Arc<Shared<S>>, id: usize) -> Self {
        Self {
            shared,
            id,
            waits: false,
            done: false,
            pace: Pace::new(),
            lag: PhantomData,
        }
    }

    /// Gives back the source and the items that were not read, if no other branch is left.
    ///
    /// # Errors
    ///
    /// The branch itself, if there are others.
    ///
    /// # Examples
    ///
    /// ```
    /// use aio_itertools::{iter, lag, next, prelude::*};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let [mut fast, slow] = iter(1..=3).tee(lag::unbounded());
    /// next(&mut fast).await;
    /// let slow = slow.into_parts().unwrap_err();
    /// drop(fast);
    /// let (source, unread) = slow.into_parts().unwrap();
    /// assert_eq!(unread, [1]);
    /// assert_eq!(source.size_hint(), (2, Some(2)));
    /// # use aio_itertools::Stream;
    /// # }
    /// ```
    pub fn into_parts(self) -> Result<Parts<S>, Self> {
        let mut state = self.shared.lock();
        // Nobody else has the source where there is nobody else.
        if state.readers.count() == 1
            && let Some(source) = state.source.take()
        {
            return Ok((source, state.readers.drain()));
        }
        drop(state);
        Err(self)
    }
}

impl<S: Stream, L: Lag> Branch<S, L>
where
    S::Item: Clone,
{
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<L::Item<S::Item>>> {
        let mut step = self.shared.step(self.id);
        loop {
            step = match step {
                Step::Give(item) => return Poll::Ready(Some(L::item(item))),
                Step::Clone(loan) => return Poll::Ready(loan.clone_item().map(L::item)),
                Step::Lose(lagged) => match L::loss(lagged) {
                    Some(loss) => return Poll::Ready(Some(loss)),
                    None => self.shared.step(self.id),
                },
                Step::Fail(lagged) => {
                    self.done = true;
                    return Poll::Ready(L::loss(lagged));
                }
                Step::End => {
                    self.done = true;
                    return Poll::Ready(None);
                }
                Step::Poll(mut lease) => match lease.poll_next() {
                    Poll::Ready(Some(item)) => lease.push(self.id, item),
                    Poll::Ready(None) => lease.end(),
                    Poll::Pending => {
                        lease.wait(self.id, cx.waker().clone());
                        self.waits = true;
                        return Poll::Pending;
                    }
                },
                Step::BringWaker => self.shared.step_or_wait(self.id, cx.waker().clone()),
                Step::Wait(old) => {
                    drop(old);
                    self.waits = true;
                    return Poll::Pending;
                }
            };
        }
    }
}

impl<S: Stream, L: Lag> Stream for Branch<S, L>
where
    S::Item: Clone,
{
    type Item = L::Item<S::Item>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<L::Item<S::Item>>> {
        let this = self.get_mut();
        if this.done {
            return Poll::Ready(None);
        }
        ready!(this.pace.poll_item(cx));
        let polled = this.poll_item(cx);
        if polled.is_ready() && mem::take(&mut this.waits) {
            drop(this.shared.waiters.leave(this.id));
        }
        polled
    }

    fn size_hint(&self) -> SizeHint {
        if self.done {
            return ENDED;
        }
        let mut state = self.shared.lock();
        let unread = state.readers.unread(self.id);
        if state.ended {
            return (unread.outputs(), Some(unread.outputs()));
        }
        let source = state.source.take();
        drop(state);
        let source = source.map(|source| Lease::new(&self.shared, source));
        // Without it another branch polls the source just now.
        let hint = source.map_or((0, None), |lease| lease.size_hint());
        unread.outputs_before(hint)
    }
}

impl<S: Stream, L: Lag> FusedStream for Branch<S, L>
where
    S::Item: Clone,
{
    fn is_terminated(&self) -> bool {
        self.done
    }
}

/// Makes one more branch at the same position, with the same items still to read.
impl<S: Stream, L: Lag> Clone for Branch<S, L> {
    fn clone(&self) -> Self {
        let id = self.shared.lock().readers.add_beside(self.id);
        let mut branch = Self::new(Arc::clone(&self.shared), id);
        branch.done = self.done;
        branch
    }
}

impl<S: Stream, L: Lag> Drop for Branch<S, L> {
    fn drop(&mut self) {
        // First, because the number may be another branch's afterwards.
        let waker = self.shared.waiters.leave(self.id);
        let unread = self.shared.change(|state| state.readers.remove(self.id));
        drop((waker, unread));
    }
}

impl<S: Stream, L: Lag> fmt::Debug for Branch<S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        let readers = &state.readers;
        let (rule, unread) = (readers.rule(), readers.unread(self.id).items);
        let branches = readers.count();
        drop(state);
        f.debug_struct("Branch")
            .field("lag", &rule)
            .field("unread", &unread)
            .field("branches", &branches)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

/// The source and the items that were not read.
type Parts<S> = (Pin<Box<S>>, Vec<<S as Stream>::Item>);

/// What the branches share.
struct Shared<S: Stream> {
    state: Mutex<State<S>>,
    /// Apart from the state, because the source keeps the waker that is made of it.
    waiters: Arc<Waiters>,
    waker: Waker,
}

struct State<S: Stream> {
    readers: Readers<S::Item>,
    /// Boxed, so that it is polled outside of the lock. `None` while a branch has it.
    source: Option<Pin<Box<S>>>,
    ended: bool,
    /// True if a branch waits for the source or an item that another branch has.
    sought: bool,
    /// True if something has come that others may wait for.
    news: bool,
    /// True if somebody has come to wait since all were woken last.
    awaited: bool,
}

impl<S: Stream> Shared<S> {
    fn new(stream: S, rule: Rule) -> Arc<Self> {
        let waiters = Arc::new(Waiters::default());
        Arc::new(Self {
            state: Mutex::new(State {
                readers: Readers::new(rule),
                source: Some(Box::pin(stream)),
                ended: false,
                sought: false,
                news: false,
                awaited: false,
            }),
            waker: Waker::from(Arc::clone(&waiters)),
            waiters,
        })
    }

    /// Neither the source nor the `Clone` or `Drop` of an item nor a waker runs
    /// under this lock: none of them can poison it or come back to it.
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes those who wait if there is news or room again.
    fn change<R>(&self, change: impl FnOnce(&mut State<S>) -> R) -> R {
        let mut state = self.lock();
        let was_full = !state.readers.has_room();
        let changed = change(&mut state);
        let has_room = was_full && state.readers.has_room();
        let is_news = mem::take(&mut state.news) || has_room;
        if is_news && mem::take(&mut state.awaited) {
            state.sought = false;
            let wakers = self.waiters.all();
            drop(state);
            wakers.wake();
        }
        changed
    }

    /// What the branch has to do next.
    fn step(&self, id: usize) -> Step<'_, S> {
        self.change(|state| self.next_step(state, id))
    }

    /// The same, now that it has a waker to wait with.
    fn step_or_wait(&self, id: usize, waker: Waker) -> Step<'_, S> {
        self.change(|state| match self.next_step(state, id) {
            Step::BringWaker => Step::Wait(self.wait(state, id, waker)),
            step => step,
        })
    }

    fn next_step(&self, state: &mut State<S>, id: usize) -> Step<'_, S> {
        match state.readers.read(id) {
            Found::Own(item) => Step::Give(item),
            Found::Lent(item) => Step::Clone(Loan::new(self, id, item)),
            Found::Lost(missed) => Step::Lose(Lagged::new(missed)),
            Found::Failed(missed) => Step::Fail(Lagged::new(missed)),
            Found::Nothing if state.ended => Step::End,
            Found::Nothing if !state.readers.has_room() => Step::BringWaker,
            Found::Nothing => match state.source.take() {
                Some(source) => {
                    self.waiters.expect();
                    Step::Poll(Lease::new(self, source))
                }
                None => {
                    state.sought = true;
                    Step::BringWaker
                }
            },
            Found::Busy => {
                state.sought = true;
                Step::BringWaker
            }
        }
    }

    /// Lets a branch wait, and hands out the waker that it had before.
    fn wait(&self, state: &mut State<S>, id: usize, waker: Waker) -> Option<Waker> {
        state.awaited = true;
        self.waiters.wait(id, waker)
    }
}

/// What a branch does next, while no lock is held.
enum Step<'a, S: Stream> {
    Give(S::Item),
    Clone(Loan<'a, S>),
    Lose(Lagged),
    Fail(Lagged),
    End,
    Poll(Lease<'a, S>),
    /// A waker is cloned where no lock is held, so the step is made again with one.
    BringWaker,
    /// It waits; the waker that it had before is dropped.
    Wait(Option<Waker>),
}

/// An item that is cloned for a branch. Whatever happens, it goes back.
struct Loan<'a, S: Stream> {
    shared: &'a Shared<S>,
    id: usize,
    item: Option<S::Item>,
}

impl<'a, S: Stream> Loan<'a, S> {
    fn new(shared: &'a Shared<S>, id: usize, item: S::Item) -> Self {
        let item = Some(item);
        Self { shared, id, item }
    }

    fn clone_item(mut self) -> Option<S::Item>
    where
        S::Item: Clone,
    {
        let item = self.item.clone();
        self.give_back(Readers::put_back);
        item
    }

    /// Gives the item back by `way`, and drops it if nobody needs it any more.
    fn give_back<F>(&mut self, way: F)
    where
        F: FnOnce(&mut Readers<S::Item>, usize, S::Item) -> Option<S::Item>,
    {
        if let Some(item) = self.item.take() {
            let unneeded = self.shared.change(|state| {
                state.news |= state.sought;
                way(&mut state.readers, self.id, item)
            });
            drop(unneeded);
        }
    }
}

impl<S: Stream> Drop for Loan<'_, S> {
    fn drop(&mut self) {
        self.give_back(Readers::give_up);
    }
}

/// The source while a branch polls it. Whatever happens, it goes back.
struct Lease<'a, S: Stream> {
    shared: &'a Shared<S>,
    source: Option<Pin<Box<S>>>,
    /// True from a poll of the source until its outcome is known.
    polled: bool,
}

impl<'a, S: Stream> Lease<'a, S> {
    fn new(shared: &'a Shared<S>, source: Pin<Box<S>>) -> Self {
        Self {
            shared,
            source: Some(source),
            polled: false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        let source = self.source.as_ref();
        source.map_or((0, None), |source| source.size_hint())
    }

    /// Polls the source for all branches: it wakes whoever waits by then.
    #[inline]
    fn poll_next(&mut self) -> Poll<Option<S::Item>> {
        self.polled = true;
        let mut cx = Context::from_waker(&self.shared.waker);
        match &mut self.source {
            Some(source) => source.as_mut().poll_next(&mut cx),
            None => Poll::Pending,
        }
    }

    /// Gives the source back with what came of its poll.
    fn settle<R>(mut self, outcome: impl FnOnce(&mut State<S>) -> R) -> R {
        let source = self.source.take();
        self.shared.change(|state| {
            state.source = source;
            outcome(state)
        })
    }

    /// Gives the source back with a new item for every branch.
    fn push(self, id: usize, item: S::Item) -> Step<'a, S> {
        let shared = self.shared;
        let (step, lost) = self.settle(|state| {
            state.news = true;
            let lost = state.readers.push(item);
            (shared.next_step(state, id), lost)
        });
        drop(lost);
        step
    }

    /// Gives the source back for good.
    fn end(self) -> Step<'a, S> {
        self.settle(|state| {
            state.news = true;
            state.ended = true;
            Step::End
        })
    }

    /// Gives the source back, and lets a branch wait for it.
    fn wait(self, id: usize, waker: Waker) {
        let shared = self.shared;
        let old = self.settle(|state| {
            let old = shared.wait(state, id, waker);
            // The source may have woken before there was anybody to be woken.
            state.news = shared.waiters.was_woken();
            old
        });
        drop(old);
    }
}

impl<S: Stream> Drop for Lease<'_, S> {
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            self.shared.change(|state| {
                state.source = Some(source);
                // A source that panics doesn't say when to poll it again.
                state.news |= self.polled || state.sought;
            });
        }
    }
}
