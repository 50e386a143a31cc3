//! Auto traits follow from the parts, and futures can be spawned.

use std::rc::Rc;

use aio_itertools::adaptors::{Batched, ShortBatch, StrictBatched};
use aio_itertools::asyncio::{Gather, GatherFuture, Outputs};
use aio_itertools::sources::Iter;
use aio_itertools::{gather, iter, next, prelude::*};

/// Answers whether a type has an auto trait, also where it hasn't.
macro_rules! has {
    ($type:ty: $trait:path) => {{
        #[allow(dead_code, reason = "it answers only where the type lacks the trait")]
        trait Otherwise {
            const ANSWER: bool = false;
        }
        struct Asked<T>(std::marker::PhantomData<T>);
        impl<T> Otherwise for Asked<T> {}
        impl<T: $trait> Asked<T> {
            #[allow(dead_code, reason = "it answers only where the type has the trait")]
            const ANSWER: bool = true;
        }
        Asked::<$type>::ANSWER
    }};
}

type Free = std::vec::IntoIter<std::future::Ready<u8>>;
type Bound = std::vec::IntoIter<std::future::Ready<Rc<u8>>>;
type Pinned = std::vec::IntoIter<PinnedFuture>;

struct PinnedFuture(std::marker::PhantomPinned);

impl Future for PinnedFuture {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        std::task::Poll::Ready(())
    }
}

#[test]
fn send_sync_and_unpin_follow_from_the_parts() {
    assert!(has!(Batched<Iter<std::ops::Range<u8>>>: Send));
    assert!(has!(Batched<Iter<std::ops::Range<u8>>>: Sync));
    assert!(has!(Batched<Iter<std::ops::Range<u8>>>: Unpin));
    assert!(has!(StrictBatched<Iter<std::ops::Range<u8>>>: Send));
    assert!(has!(StrictBatched<Iter<std::ops::Range<u8>>>: Unpin));
    assert!(has!(ShortBatch<u8>: Send));
    assert!(!has!(Batched<Iter<std::vec::IntoIter<Rc<u8>>>>: Send));
    assert!(!has!(ShortBatch<Rc<u8>>: Send));

    assert!(has!(Gather<Free>: Send));
    assert!(has!(Outputs<Free>: Send));
    assert!(has!(Outputs<Free>: Sync));
    assert!(has!(GatherFuture<Free>: Send));
    assert!(!has!(Gather<Bound>: Send));
    assert!(!has!(Outputs<Bound>: Send));
    assert!(!has!(GatherFuture<Bound>: Send));
    // Futures have pinned boxes of their own, so the stream can be moved.
    assert!(has!(Outputs<Pinned>: Unpin));
    assert!(has!(GatherFuture<Pinned>: Unpin));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_runs_in_a_spawned_task() {
    let task = tokio::spawn(async {
        let mut batches = iter(1..=4).batched(2);
        let mut sums = Vec::new();
        while let Some(batch) = next(&mut batches).await {
            sums.push(batch.iter().sum::<i32>());
        }
        let doubled = gather(sums.into_iter().map(|n| async move { n * 2 }))
            .limit(1)
            .await;
        let mut outputs = gather(doubled.into_iter().map(|n| async move { n + 1 })).stream();
        let first = outputs.next().await;
        (first, outputs.next().await)
    });
    assert_eq!(task.await.unwrap(), (Some((0, 7)), Some((1, 15))));
}
