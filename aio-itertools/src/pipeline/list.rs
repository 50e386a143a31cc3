use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::stage::Stage;
use crate::budget::Pace;
use crate::ending::poll_or_drop;

pin_project! {
    /// The future of [`list`](super::Pipeline::list): every item in a `Vec`.
    ///
    /// # Contract
    ///
    /// | fact | |
    /// |---|---|
    /// | cancel safety | Not cancel safe: the items so far and what is in the stages are dropped |
    /// | in-flight work | all that the stages have; each poll drives all of it |
    /// | memory | every item |
    /// | fairness | one unit of the budget in 64 items |
    /// | fused | no: a panic, if it is polled after its end |
    /// | order | of the last stage |
    /// | errors | items pass as they are |
    /// | runtime | any |
    #[must_use = "a pipeline does nothing unless its sink is awaited"]
    pub struct List<S: Stage> {
        // `None` after the end.
        #[pin]
        work: Option<Work<S>>,
    }
}

pin_project! {
    struct Work<S: Stage> {
        items: Vec<S::Item>,
        turn: u32,
        pace: Pace,
        #[pin]
        stage: S,
    }
}

impl<S: Stage> List<S> {
    pub(crate) fn new(stage: S) -> Self {
        Self {
            work: Some(Work {
                items: Vec::new(),
                turn: 0,
                pace: Pace::new(),
                stage,
            }),
        }
    }
}

impl<S: Stage> Future for List<S> {
    type Output = Vec<S::Item>;

    /// # Panics
    ///
    /// With the panic of a future, a closure or the source; everything is dropped
    /// by it. And if it is polled after its end.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<S::Item>> {
        let polled = poll_or_drop(self.project().work, |work| {
            let mut work = work.project();
            *work.turn = work.turn.wrapping_add(1);
            work.stage.as_mut().listen(cx, *work.turn);
            loop {
                ready!(work.pace.poll_item(cx));
                match ready!(work.stage.as_mut().poll_next(cx)) {
                    Some(item) => work.items.push(item),
                    None => return Poll::Ready(mem::take(work.items)),
                }
            }
        });
        polled.unwrap_or_else(|| panic!("list was polled after its end"))
    }
}

impl<S: Stage + fmt::Debug> fmt::Debug for List<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("List");
        if let Some(work) = &self.work {
            shown
                .field("stage", &work.stage)
                .field("items", &work.items.len());
        }
        shown.finish_non_exhaustive()
    }
}
