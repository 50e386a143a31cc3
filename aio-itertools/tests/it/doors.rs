//! Futures that end when the test says so.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// A future that is pending until its door opens, and counts its polls.
#[derive(Clone, Default)]
pub(crate) struct Door {
    open: Rc<Cell<bool>>,
    pub(crate) polls: Rc<Cell<usize>>,
    pub(crate) waker: Rc<RefCell<Option<Waker>>>,
}

impl Door {
    /// Lets the future end without telling it.
    pub(crate) fn unlock(&self) {
        self.open.set(true);
    }

    /// Wakes the future.
    pub(crate) fn knock(&self) {
        let waker = self.waker.borrow().clone();
        waker.expect("polled").wake();
    }

    pub(crate) fn open(&self) {
        self.unlock();
        self.knock();
    }

    pub(crate) async fn pass(self) {
        poll_fn(|cx| {
            self.polls.set(self.polls.get() + 1);
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            match self.open.get() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

/// Closed doors.
pub(crate) fn doors<const N: usize>() -> [Door; N] {
    std::array::from_fn(|_| Door::default())
}
