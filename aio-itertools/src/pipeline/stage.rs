use std::pin::Pin;
use std::task::{Context, Poll};

use crate::sealed::Sealed;

/// One stage of a [`Pipeline`](super::Pipeline): what its sink drives.
///
/// It is a bound to write, as in `fn store<S: Stage<Item = Page>>(pages: Pipeline<S>)`;
/// the stages are those of this crate. A stage is no stream, so that no adaptor
/// can come between two of them and keep the first one from being driven.
pub trait Stage: Sealed {
    /// What the stage hands to the next one.
    type Item;

    /// Makes the task of `cx` the one that is woken by whatever is in flight, and
    /// collects the wake-ups so far; first of all calls in each poll of the sink.
    ///
    /// The lowest bit of `turn` says who goes first in this poll, the stage or what
    /// is before it; the rest is for the stages before it. So each of them has the
    /// whole budget of the task to itself now and then, whatever the others spend.
    #[doc(hidden)]
    fn listen(self: Pin<&mut Self>, cx: &mut Context<'_>, turn: u32);

    /// Gives the next item. Pending means what it means for
    /// [`poll_progress`](Self::poll_progress), and that there is no item.
    #[doc(hidden)]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>>;

    /// Drives what is in flight, here and in the stages before, and gives nothing
    /// away. Afterwards a wake-up is needed, or on its way, for anything to go on.
    ///
    /// It is not called after the end was given.
    #[doc(hidden)]
    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>);
}
