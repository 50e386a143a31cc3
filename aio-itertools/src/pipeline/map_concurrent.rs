use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::stage::Stage;
use crate::budget::Budget;
use crate::job::Job;
use crate::sealed::Sealed;
use crate::slots::Slots;

/// The sequence in which outputs are handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As their items came in.
    Input,
    /// As they come.
    Completion,
}

pin_project! {
    /// The stage of [`map_concurrent`](super::Pipeline::map_concurrent): futures for
    /// up to `limit` items at once.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Not cancel safe: it goes with its sink |
    /// | in-flight work | up to `limit` items; the sink polls those that are woken, also while its own body runs |
    /// | memory | up to `limit` items in flight or finished and not taken; with `weight` one more that waits for room |
    /// | fairness | woken futures, in the order of their wake-ups, and new ones in turn; one unit of the budget a poll |
    /// | fused | yes: what is before it is not polled after its end |
    /// | order | of the input, or with `unordered` as they come |
    /// | errors | items pass as they are; a panic ends the sink |
    /// | runtime | any; tokio's timer with `item_timeout` |
    pub struct MapConcurrent<S: Stage, J: Job<S::Item>> {
        // What is oldest comes first, since fields are dropped in this order.
        outputs: VecDeque<Option<Output<J::Output>>>,
        slots: Slots<Loaded<J::Future>>,
        waiting: Option<(usize, S::Item)>,
        job: J,
        order: Order,
        limit: usize,
        // The weights of all that is in flight or finished and not taken.
        load: usize,
        started: usize,
        woken_last: bool,
        // What is before was asked in vain since `listen`, so it is driven already.
        dry: bool,
        ended: bool,
        budget: Budget,
        #[pin]
        stage: S,
    }
}

/// What came of an item, and what it gives free when it is taken.
struct Output<U> {
    weight: usize,
    value: U,
}

impl<S: Stage, J: Job<S::Item>> MapConcurrent<S, J> {
    pub(crate) fn new(stage: S, limit: usize, job: J, order: Order) -> Self {
        Self {
            outputs: VecDeque::new(),
            slots: Slots::new(),
            waiting: None,
            job,
            order,
            limit,
            load: 0,
            started: 0,
            woken_last: false,
            dry: false,
            ended: false,
            budget: Budget::new(),
            stage,
        }
    }

    /// The same stage before its first poll, with another order.
    pub(crate) fn with_order(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// The same stage before its first poll, with another job around the present one.
    pub(crate) fn with_job<K: Job<S::Item>>(
        self,
        wrap: impl FnOnce(J) -> K,
    ) -> MapConcurrent<S, K> {
        MapConcurrent::new(self.stage, self.limit, wrap(self.job), self.order)
    }

    /// True if the item that waits may start, or else another one be asked for.
    fn has_room(&self) -> bool {
        match self.waiting {
            Some((weight, _)) => self.fits(weight),
            None => !self.ended && !self.dry && self.load < self.limit,
        }
    }

    /// What is heavier than the limit fits when it is alone.
    fn fits(&self, weight: usize) -> bool {
        self.load == 0 || weight <= self.limit.saturating_sub(self.load)
    }

    /// Puts an output where its turn is.
    fn finish(self: Pin<&mut Self>, index: usize, output: Output<J::Output>) {
        let this = self.project();
        match this.order {
            Order::Input => {
                let first = *this.started - this.outputs.len();
                this.outputs[index - first] = Some(output);
            }
            Order::Completion => this.outputs.push_back(Some(output)),
        }
    }

    /// Starts the item that waits, or else the next one, which waits if it doesn't fit.
    fn start(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let this = self.as_mut().project();
        let (weight, item) = match this.waiting.take() {
            Some(waiting) => waiting,
            None => match this.stage.poll_next(cx) {
                // Weightless items without end would be in flight without end.
                Poll::Ready(Some(item)) => (this.job.weight(&item).max(1), item),
                Poll::Ready(None) => {
                    *this.ended = true;
                    return;
                }
                Poll::Pending => {
                    *this.dry = true;
                    return;
                }
            },
        };
        if !self.fits(weight) {
            *self.project().waiting = Some((weight, item));
            return;
        }
        let this = self.project();
        *this.load += weight;
        let future = Loaded {
            weight,
            future: this.job.start(item),
        };
        let polled = this.slots.start(*this.started, future);
        *this.started += 1;
        match polled {
            Poll::Ready((_, output)) => this.outputs.push_back(Some(output)),
            Poll::Pending if *this.order == Order::Input => this.outputs.push_back(None),
            Poll::Pending => {}
        }
    }

    /// True if the output whose turn it is is there.
    fn has_output(&self) -> bool {
        matches!(self.outputs.front(), Some(Some(_)))
    }

    /// Polls what is woken and starts what there is room for, until `enough`.
    ///
    /// Only wake-ups from before `listen` are looked at, so the loop ends, and the
    /// task is woken for all that comes later.
    fn drive(mut self: Pin<&mut Self>, cx: &mut Context<'_>, enough: fn(&Self) -> bool) {
        while !enough(&self) {
            let woken = self.slots.has_woken();
            let room = self.has_room();
            if !woken && !room {
                if !self.dry && !self.ended {
                    self.project().stage.poll_progress(cx);
                }
                return;
            }
            if self.as_mut().project().budget.poll_spend(cx).is_pending() {
                return;
            }
            // In turn: a source that is always ready must not leave woken futures
            // lying, nor futures that wake themselves keep the room empty.
            if woken && (!room || !self.woken_last) {
                let this = self.as_mut().project();
                *this.woken_last = true;
                if let Poll::Ready((index, output)) = this.slots.poll_woken() {
                    self.as_mut().finish(index, output);
                }
            } else {
                *self.as_mut().project().woken_last = false;
                self.as_mut().start(cx);
            }
        }
    }
}

impl<S: Stage, J: Job<S::Item>> Sealed for MapConcurrent<S, J> {}

impl<S: Stage, J: Job<S::Item>> Stage for MapConcurrent<S, J> {
    type Item = J::Output;

    fn listen(self: Pin<&mut Self>, cx: &mut Context<'_>, turn: u32) {
        let mut this = self.project();
        *this.dry = false;
        this.slots.listen(cx);
        if *this.ended {
            return;
        }
        this.stage.as_mut().listen(cx, turn >> 1);
        if turn & 1 == 1 {
            this.stage.poll_progress(cx);
        }
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<J::Output>> {
        self.as_mut().drive(cx, Self::has_output);
        let this = self.project();
        match this.outputs.front() {
            Some(Some(_)) => {}
            None if *this.ended && *this.load == 0 => return Poll::Ready(None),
            _ => return Poll::Pending,
        }
        let output = this.outputs.pop_front().flatten();
        Poll::Ready(output.map(|output| {
            *this.load -= output.weight;
            output.value
        }))
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.drive(cx, |_| false);
    }
}

impl<S: Stage + fmt::Debug, J: Job<S::Item>> fmt::Debug for MapConcurrent<S, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapConcurrent")
            .field("stage", &self.stage)
            .field("started", &self.started)
            .field("in_flight", &self.slots.in_flight())
            .field("limit", &self.limit)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A future and what it weighs.
    struct Loaded<F> {
        weight: usize,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Loaded<F> {
    type Output = Output<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let value = ready!(this.future.poll(cx));
        let weight = *this.weight;
        Poll::Ready(Output { weight, value })
    }
}
