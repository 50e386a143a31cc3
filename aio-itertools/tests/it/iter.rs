//! The source `iter`.

use aio_itertools::{FusedStream, Stream, iter};

use crate::by_hand::{Task, poll_next_cut};

#[tokio::test]
async fn gives_the_values_then_drops_the_iterator_and_stays_at_its_end() {
    // An iterator that would begin again after its end.
    let mut calls = 0;
    let mut numbers = iter(std::iter::from_fn(move || {
        calls += 1;
        (calls % 3 != 0).then_some(calls)
    }));
    assert!(!numbers.is_terminated());
    assert_eq!(numbers.next().await, Some(1));
    assert_eq!(numbers.next().await, Some(2));
    for _ in 0..3 {
        assert_eq!(numbers.next().await, None);
        assert!(numbers.is_terminated());
        assert_eq!(numbers.size_hint(), (0, Some(0)));
    }
    assert!(numbers.into_parts().is_none());
}

#[test]
fn size_hint_is_the_iterators_at_every_step() {
    let (_task, waker) = Task::new();
    let mut numbers = iter(0..4);
    for left in (0..4).rev() {
        assert!(poll_next_cut(&mut numbers, &waker).is_ready());
        assert_eq!(numbers.size_hint(), (left, Some(left)));
    }
}

#[test]
fn cut_iter_next_at_every_poll() {
    let (_task, waker) = Task::new();
    let mut numbers = iter(0..1000);
    let (mut kept, mut cuts) = (Vec::new(), 0);
    loop {
        // Never polled, then polled once and dropped.
        drop(numbers.next());
        cuts += 2;
        match poll_next_cut(&mut numbers, &waker) {
            std::task::Poll::Ready(Some(n)) => kept.push(n),
            std::task::Poll::Ready(None) => break,
            std::task::Poll::Pending => {}
        }
    }
    assert_eq!(kept, (0..1000).collect::<Vec<_>>());
    println!("cuts={cuts}");
}

#[tokio::test]
async fn a_copy_goes_on_by_itself() {
    let mut numbers = iter(0..4);
    assert_eq!(numbers.next().await, Some(0));
    let copy = numbers.clone();
    assert_eq!(numbers.next().await, Some(1));
    assert_eq!(copy.into_parts(), Some(1..4));
}
