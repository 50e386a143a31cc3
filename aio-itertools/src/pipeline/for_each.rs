use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::stage::Stage;
use crate::ending::poll_or_drop;
use crate::sealed::Sealed;

/// What the body of a sink gives: `()`, or a `Result<(), E>`.
pub trait Outcome: Sealed {
    /// What the sink gives when no body failed.
    #[doc(hidden)]
    const DONE: Self;

    /// True if it ends the sink.
    #[doc(hidden)]
    fn is_failure(&self) -> bool;
}

impl Sealed for () {}

impl Outcome for () {
    const DONE: Self = ();

    fn is_failure(&self) -> bool {
        false
    }
}

impl<E> Sealed for Result<(), E> {}

impl<E> Outcome for Result<(), E> {
    const DONE: Self = Ok(());

    fn is_failure(&self) -> bool {
        self.is_err()
    }
}

pin_project! {
    /// The future of [`for_each`](super::Pipeline::for_each) and its like: it drives
    /// the whole pipeline, whose last stage is the sink's own bodies.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Not cancel safe: what is in the stages and in the bodies is dropped |
    /// | in-flight work | up to `limit` bodies and all that the stages have; each poll drives all of it |
    /// | memory | the bodies in flight, and what the stages hold |
    /// | fairness | as `map_concurrent`; the stages and the bodies go first by turns |
    /// | fused | no: a panic, if it is polled after its end |
    /// | order | bodies start in the order of the items |
    /// | errors | `try_`: the first `Err` ends it, and drops what is in flight, bodies first, the oldest first |
    /// | runtime | any |
    #[must_use = "a pipeline does nothing unless its sink is awaited"]
    pub struct ForEach<S> {
        // `None` after the end.
        #[pin]
        bodies: Option<S>,
        turn: u32,
    }
}

impl<S> ForEach<S> {
    pub(crate) fn new(bodies: S) -> Self {
        Self {
            bodies: Some(bodies),
            turn: 0,
        }
    }
}

impl<S> Future for ForEach<S>
where
    S: Stage,
    S::Item: Outcome,
{
    type Output = S::Item;

    /// # Panics
    ///
    /// With the panic of a body, a future, a closure or the source; everything is
    /// dropped by it. And if it is polled after its end.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<S::Item> {
        let this = self.project();
        *this.turn = this.turn.wrapping_add(1);
        let turn = *this.turn;
        let polled = poll_or_drop(this.bodies, |mut bodies| {
            bodies.as_mut().listen(cx, turn);
            loop {
                match ready!(bodies.as_mut().poll_next(cx)) {
                    Some(outcome) if outcome.is_failure() => return Poll::Ready(outcome),
                    Some(_) => {}
                    None => return Poll::Ready(S::Item::DONE),
                }
            }
        });
        polled.unwrap_or_else(|| panic!("for_each was polled after its end"))
    }
}

impl<S: fmt::Debug> fmt::Debug for ForEach<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForEach")
            .field("bodies", &self.bodies)
            .finish_non_exhaustive()
    }
}
