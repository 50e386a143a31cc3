//! Poll, release, woken: on sound futures, and on futures that never wake or wake an old waker.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use chaos::woken::{poll_release_woken, probe, probe_stream};
use tokio::sync::oneshot;

use crate::{block_on, caught};

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_wake_up_here_or_from_another_thread_is_seen() {
    let (send, receive) = oneshot::channel();
    let got = poll_release_woken("receive", receive, || send.send(7).unwrap());
    assert_eq!(got.unwrap(), 7);

    let (send, receive) = oneshot::channel();
    let got = poll_release_woken("receive", receive, || {
        thread::spawn(move || send.send(8));
    });
    assert_eq!(got.unwrap(), 8);
}

#[test]
fn a_wake_up_that_needs_the_runtime_is_seen() {
    block_on(async {
        let (send, receive) = oneshot::channel();
        let mut probe = probe("receive", receive);
        probe.pending();
        probe.asleep();
        tokio::spawn(async move { send.send(9) });
        probe.until_woken().await;
        assert_eq!(probe.ready().unwrap(), 9);
    });
}

/// Becomes ready without telling anybody.
#[test]
fn a_future_that_never_wakes_is_named() {
    let open = Arc::new(Mutex::new(false));
    let seen = Arc::clone(&open);
    let mute = poll_fn(move |_| {
        if *seen.lock().unwrap() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    let mut probe = probe("the mute", mute).within(SHORT);
    probe.pending();
    *open.lock().unwrap() = true;
    let said = caught(|| probe.woken());
    assert!(said.contains("the mute was not woken"), "{said}");
    let said = caught(|| block_on(probe.until_woken()));
    assert!(said.contains("the mute"), "{said}");
}

#[test]
fn a_future_that_keeps_its_first_waker_is_caught() {
    let kept: Arc<Mutex<Option<Waker>>> = Arc::default();
    let keeps = Arc::clone(&kept);
    let stale = poll_fn(move |cx| {
        keeps
            .lock()
            .unwrap()
            .get_or_insert_with(|| cx.waker().clone());
        Poll::<()>::Pending
    });
    let mut probe = probe("the stale", stale).within(SHORT);
    probe.pending();
    probe.pending();
    kept.lock().unwrap().take().unwrap().wake();
    let said = caught(|| probe.woken());
    assert!(said.contains("the stale was not woken"), "{said}");
}

#[test]
fn a_future_that_is_ready_too_early_or_late_is_named() {
    let said = caught(|| probe("early", std::future::ready(())).pending());
    assert_eq!(said, "early is ready too early");
    let said = caught(|| probe("late", std::future::pending::<()>()).ready());
    assert_eq!(said, "late is still pending");
}

/// A stream of what a channel carries.
struct Received(tokio::sync::mpsc::UnboundedReceiver<u32>);

impl futures_core::Stream for Received {
    type Item = u32;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<u32>> {
        self.0.poll_recv(cx)
    }
}

#[test]
fn a_stream_is_woken_by_each_item_and_by_its_end() {
    let (send, receive) = tokio::sync::mpsc::unbounded_channel();
    let mut probe = probe_stream("received", Received(receive));
    for item in 1..=3 {
        probe.pending();
        probe.asleep();
        send.send(item).unwrap();
        probe.woken();
        assert_eq!(probe.ready(), Some(item));
    }
    probe.pending();
    drop(send);
    probe.woken();
    assert_eq!(probe.ready(), None);
}
