//! The free function `next`.

use std::task::Poll;

use aio_itertools::{Stream, iter, next, prelude::*};

use crate::by_hand::{Task, poll_next_cut};
use crate::scripted::{Beat, Hint, Ledger, Script};

#[tokio::test]
async fn takes_a_boxed_stream() {
    let mut boxed: std::pin::Pin<Box<dyn Stream<Item = Vec<i32>> + Send>> =
        Box::pin(iter([1, 2, 3]).batched(2));
    assert_eq!(next(&mut boxed).await, Some(vec![1, 2]));
    assert_eq!(next(&mut boxed).await, Some(vec![3]));
}

#[test]
fn cut_next_at_every_poll() {
    let ledger = Ledger::new(5);
    let beats = [Beat::Pending, Beat::Ready].repeat(8);
    let (mut source, watched) = Script::new(&ledger, 5, &beats, Hint::Exact);
    let (task, waker) = Task::new();
    let (mut kept, mut cuts) = (Vec::new(), 0);
    loop {
        drop(next(&mut source));
        cuts += 2;
        match poll_next_cut(&mut source, &waker) {
            Poll::Ready(Some(token)) => kept.push(token.id()),
            Poll::Ready(None) => break,
            Poll::Pending => assert!(watched.fire()),
        }
    }
    assert_eq!(kept, [0, 1, 2, 3, 4]);
    assert_eq!(task.wakes(), 6);
    println!("cuts={cuts}");
}
