//! Futures from a source run together, at most a limit of them at once: what
//! everything that gathers futures has in common.

use std::mem;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::budget::Budget;
use crate::ending::poll_or_drop;
use crate::size_hint::{ENDED, SizeHint, plus};
use crate::slots::{Slots, Unfinished};

/// Where the futures come from.
pub(crate) trait Futures {
    type Future: Future;

    /// Gives the next future, or `None` at the end; it is not asked again then.
    fn poll_future(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Future>>;

    fn size_hint(&self) -> SizeHint;
}

/// The output of one of the source's futures.
pub(crate) type Output<P> = <<P as Futures>::Future as Future>::Output;

/// Futures that were started, with their indices.
pub(crate) type Started<F> = Vec<(usize, Unfinished<F>)>;

/// An iterator of futures: one is taken whenever there is room.
#[derive(Clone)]
pub(crate) struct IteratorOfFutures<I>(pub(crate) I);

// The iterator is never pinned: it is only ever borrowed to be advanced.
impl<I> Unpin for IteratorOfFutures<I> {}

impl<I> Futures for IteratorOfFutures<I>
where
    I: Iterator,
    I::Item: IntoFuture,
{
    type Future = <I::Item as IntoFuture>::IntoFuture;

    fn poll_future(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Future>> {
        Poll::Ready(self.get_mut().0.next().map(IntoFuture::into_future))
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

pin_project! {
    /// A stream of futures: it is polled whenever there is room.
    pub(crate) struct StreamOfFutures<S> {
        #[pin]
        pub(crate) stream: S,
    }
}

impl<S> Futures for StreamOfFutures<S>
where
    S: Stream,
    S::Item: IntoFuture,
{
    type Future = <S::Item as IntoFuture>::IntoFuture;

    fn poll_future(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Future>> {
        let next = ready!(self.project().stream.poll_next(cx));
        Poll::Ready(next.map(IntoFuture::into_future))
    }

    fn size_hint(&self) -> SizeHint {
        self.stream.size_hint()
    }
}

/// Whose turn it was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Woken,
    New,
}

pin_project! {
    /// The futures of a source, started in its order, and their outputs as they come.
    pub(crate) struct InFlight<P: Futures> {
        // `None` after its end: it is not asked again, and dropped.
        #[pin]
        source: Option<P>,
        // The source was pending since the last `listen`.
        source_waits: bool,
        started: usize,
        limit: usize,
        // Futures from this one on are not started any more.
        closed_from: usize,
        slots: Slots<P::Future>,
        last: Turn,
        ended: bool,
        budget: Budget,
    }
}

impl<P: Futures> InFlight<P> {
    /// Starts nothing yet; without a limit there is room for all.
    pub(crate) fn new(source: P, limit: Option<NonZeroUsize>) -> Self {
        Self {
            source: Some(source),
            source_waits: false,
            started: 0,
            limit: limit.map_or(usize::MAX, NonZeroUsize::get),
            closed_from: usize::MAX,
            slots: Slots::new(),
            last: Turn::New,
            ended: false,
            budget: Budget::new(),
        }
    }

    /// The futures that were started and haven't ended.
    pub(crate) fn in_flight(&self) -> usize {
        self.slots.in_flight()
    }

    pub(crate) fn started(&self) -> usize {
        self.started
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        let left = self.source.as_ref().map_or(ENDED, Futures::size_hint);
        plus(left, self.slots.in_flight())
    }

    /// True after the end was given.
    pub(crate) fn is_terminated(&self) -> bool {
        self.ended
    }

    /// Gives what is left of the source, and the futures in flight, oldest first.
    pub(crate) fn into_parts(self) -> (Option<P>, Started<P::Future>) {
        (self.source, self.slots.into_unfinished())
    }

    /// Gives the next output with the index of its future.
    pub(crate) fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(usize, Output<P>)>> {
        self.as_mut().listen(cx);
        self.poll_step(cx)
    }

    /// Collects the wake-ups for [`poll_step`](Self::poll_step): once in a poll of the task.
    fn listen(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let this = self.project();
        *this.source_waits = false;
        this.slots.listen(cx);
    }

    /// True if the source may be asked for another future.
    fn has_room(&self) -> bool {
        self.source.is_some()
            && !self.source_waits
            && self.slots.in_flight() < self.limit
            && self.started < self.closed_from
    }

    /// Polls what is woken and starts what there is room for, up to one output.
    ///
    /// Only wake-ups from before the last `listen` are looked at, so a loop over
    /// this ends, and its task is woken once for all that comes later.
    fn poll_step(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(usize, Output<P>)>> {
        loop {
            let (woken, room) = (self.slots.has_woken(), self.has_room());
            if !woken && !room {
                break;
            }
            let mut this = self.as_mut().project();
            ready!(this.budget.poll_spend(cx));
            // In turn: a source that is always ready must not leave woken futures
            // lying, nor futures that wake themselves keep the room empty.
            if woken && (!room || *this.last == Turn::New) {
                *this.last = Turn::Woken;
                if let Poll::Ready(output) = this.slots.poll_woken() {
                    return Poll::Ready(Some(output));
                }
                continue;
            }
            *this.last = Turn::New;
            let Some(source) = this.source.as_mut().as_pin_mut() else {
                continue;
            };
            match source.poll_future(cx) {
                Poll::Ready(Some(future)) => {
                    let index = *this.started;
                    *this.started += 1;
                    if let Poll::Ready(output) = this.slots.start(index, future) {
                        return Poll::Ready(Some(output));
                    }
                }
                Poll::Ready(None) => this.source.set(None),
                Poll::Pending => *this.source_waits = true,
            }
        }
        if self.source.is_none() && self.slots.in_flight() == 0 {
            *self.project().ended = true;
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}

#[cfg(feature = "time")]
impl<P: Futures> InFlight<P> {
    /// Starts no more futures, but for the first ones that the limit has room for
    /// at the start.
    pub(crate) fn close(self: Pin<&mut Self>) {
        let this = self.project();
        *this.closed_from = usize::max(*this.started, *this.limit);
    }

    /// True if all that was ready has been polled, and it isn't the budget that
    /// makes the task pause.
    pub(crate) fn is_idle(&self) -> bool {
        !self.slots.has_woken() && !self.has_room()
    }

    /// Gives the next output of what was ready at the last poll, and looks at no
    /// wake-up that has come since: futures that wake themselves come to an end.
    pub(crate) fn poll_leftover(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(usize, Output<P>)>> {
        self.as_mut().project().slots.drop_panicked();
        self.poll_step(cx)
    }
}

pin_project! {
    /// The futures of a source and all that they gave, in the order of the source.
    pub(crate) struct InOrder<P: Futures, T> {
        // `None` after the end.
        #[pin]
        futures: Option<InFlight<P>>,
        collected: Vec<Option<T>>,
    }
}

impl<P: Futures, T> InOrder<P, T> {
    pub(crate) fn new(futures: InFlight<P>) -> Self {
        Self {
            futures: Some(futures),
            collected: Vec::new(),
        }
    }

    /// The outputs that have come.
    pub(crate) fn collected(&self) -> usize {
        self.collected.iter().flatten().count()
    }

    /// The futures that were started and haven't ended.
    pub(crate) fn in_flight(&self) -> usize {
        self.futures.as_ref().map_or(0, InFlight::in_flight)
    }

    /// True after all outputs were given, or an error, or after a panic.
    pub(crate) fn is_over(&self) -> bool {
        self.futures.is_none()
    }

    /// Gives all outputs, or the first error of `accept`, by which all is dropped.
    ///
    /// A panic drops all as well, so that nothing is left to go on with.
    pub(crate) fn poll_all<E>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        accept: impl Fn(Output<P>) -> Result<T, E>,
    ) -> Poll<Result<Vec<T>, E>> {
        let this = self.project();
        let (futures, collected) = (this.futures, this.collected);
        let polled = poll_or_drop(futures, |mut futures| {
            futures.as_mut().listen(cx);
            while let Some((index, output)) = ready!(futures.as_mut().poll_step(cx)) {
                let output = match accept(output) {
                    Ok(output) => output,
                    Err(error) => return Poll::Ready(Err(error)),
                };
                if collected.len() <= index {
                    collected.resize_with(index + 1, || None);
                }
                collected[index] = Some(output);
            }
            let collected = mem::take(collected);
            Poll::Ready(Ok(collected.into_iter().flatten().collect()))
        });
        polled.unwrap_or(Poll::Pending)
    }
}
