//! The one future that runs a stream to its end: every consumer of one stream is made of it.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::budget::Pace;

/// The most that a collection reserves before its items are there, in items.
const RESERVE: usize = 1024;

/// What a collection of the items of `stream` may reserve: a hint is no promise.
pub(crate) fn expected<S: Stream>(stream: &S) -> usize {
    stream.size_hint().0.min(RESERVE)
}

/// Gives each item to `step` until it breaks with the answer, or makes the answer at the `end`.
///
/// It is no `async fn`, because the future of one holds its argument twice.
pub(crate) fn drive<S, A, O, Step, End>(
    stream: S,
    state: A,
    step: Step,
    end: End,
) -> Drive<S, ControlFlow<O, A>, Step, End>
where
    S: Stream,
    Step: FnMut(&mut A, S::Item) -> ControlFlow<O>,
    End: FnOnce(A) -> O,
{
    drive_from(stream, ControlFlow::Continue(state), step, end)
}

/// The same with an answer that may be there already: then the stream is not polled.
pub(crate) fn drive_from<S, A, O, Step, End>(
    stream: S,
    state: ControlFlow<O, A>,
    step: Step,
    end: End,
) -> Drive<S, ControlFlow<O, A>, Step, End>
where
    S: Stream,
    Step: FnMut(&mut A, S::Item) -> ControlFlow<O>,
    End: FnOnce(A) -> O,
{
    Drive {
        stream,
        step,
        running: Some((state, end)),
        pace: Pace::new(),
    }
}

pin_project! {
    /// The future of [`drive`].
    #[must_use = "futures do nothing unless awaited"]
    pub(crate) struct Drive<S, State, Step, End> {
        #[pin]
        stream: S,
        step: Step,
        // Out of its place while it is polled, so a panic leaves nothing to go on with.
        running: Option<(State, End)>,
        pace: Pace,
    }
}

impl<S, A, O, Step, End> Future for Drive<S, ControlFlow<O, A>, Step, End>
where
    S: Stream,
    Step: FnMut(&mut A, S::Item) -> ControlFlow<O>,
    End: FnOnce(A) -> O,
{
    type Output = O;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O> {
        let mut this = self.project();
        let Some((state, end)) = this.running.take() else {
            polled_after_its_end();
        };
        let mut state = match state {
            ControlFlow::Continue(state) => state,
            ControlFlow::Break(answer) => return Poll::Ready(answer),
        };
        loop {
            let polled = match this.pace.poll_item(cx) {
                Poll::Ready(()) => this.stream.as_mut().poll_next(cx),
                Poll::Pending => Poll::Pending,
            };
            match polled {
                Poll::Ready(Some(item)) => {
                    if let ControlFlow::Break(answer) = (this.step)(&mut state, item) {
                        return Poll::Ready(answer);
                    }
                }
                Poll::Ready(None) => return Poll::Ready(end(state)),
                Poll::Pending => {
                    *this.running = Some((ControlFlow::Continue(state), end));
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Tells a caller who polls a consumer once more that there is nothing to wait for.
#[cold]
pub(crate) fn polled_after_its_end() -> ! {
    panic!("a consumer of a stream was polled after its end")
}
