//! A duration that runs from the first time it is asked about.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

pin_project! {
    /// Ends `after` the first poll. It is asked after the work that it limits, so
    /// what is ready comes first, whatever the duration.
    pub(crate) struct Deadline {
        after: Duration,
        started: bool,
        // `None` before the start, and for a time that no clock reaches.
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl Deadline {
    pub(crate) fn new(after: Duration) -> Self {
        Self {
            after,
            started: false,
            sleep: None,
        }
    }

    pub(crate) fn after(&self) -> Duration {
        self.after
    }

    /// Starts the clock, unless it runs.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with a clock, as `tokio::time::sleep` does.
    pub(crate) fn start(self: Pin<&mut Self>) {
        let mut this = self.project();
        if !*this.started {
            let end = Instant::now().checked_add(*this.after);
            this.sleep.set(end.map(sleep_until));
            // After what may panic: a clock that wasn't started can be later.
            *this.started = true;
        }
    }

    /// True once the time is over, also where the task has no budget left to be told.
    pub(crate) fn is_over(&self) -> bool {
        let sleep = self.sleep.as_ref();
        sleep.is_some_and(|sleep| sleep.deadline() <= Instant::now())
    }

    /// Is ready once the time is over.
    pub(crate) fn poll_over(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.as_mut().start();
        if self.is_over() {
            return Poll::Ready(());
        }
        match self.project().sleep.as_pin_mut() {
            Some(sleep) => sleep.poll(cx),
            None => Poll::Pending,
        }
    }

    /// Polls `future`, then the clock: `None` once the time is over.
    pub(crate) fn poll_within<F: Future>(
        mut self: Pin<&mut Self>,
        future: Pin<&mut F>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<F::Output>> {
        // Before the future is polled: what that takes counts.
        self.as_mut().start();
        match future.poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => self.poll_over(cx).map(|()| None),
        }
    }
}
