//! Auto traits follow from the parts, and futures can be spawned.

use std::rc::Rc;

use aio_itertools::adaptors::{
    Accumulate, AccumulateFrom, After, AscendingBy, Batched, BatchedWeighted, BatchedWithin,
    Before, Branch, Chain, ChainFromIterable, ChunkBy, Coalesce, Compress, Cycle, Dedup,
    DedupByKey, DedupWithCount, DefaultIfEmpty, DropWhile, FilterFalse, Interspersed, Islice,
    Joined, MergeSorted, NotAPair, Pairwise, ShortBatch, SkipLast, Starmap, StrictBatched,
    TakeLast, TakeWhile, TakeWhileInclusive, Unique, UniqueByKey, Windows, WithPosition, Zip,
    ZipError, ZipLongest, ZipLongestFilled, ZipStrict,
};
use aio_itertools::asyncio::{
    CollectErrors, Completed, CompletedWithin, FailFast, Gather, GatherFuture, GatherIterFuture,
    GatherIterOutputs, Merge, Outputs, OwnedTask, TryGatherFuture, TryOutputs, Unfinished, WaitFor,
    WaitFuture,
};
use aio_itertools::pipeline::{
    Batches, Call, ForEach, ItemTimeout, List, MapConcurrent, Pipeline, Source, Timed, WithInput,
};
use aio_itertools::sources::{
    Combinations, CombinationsWithReplacement, Count, Iter, Permutations, Powerset, Product, Repeat,
};
use aio_itertools::{gather, iter, lag, next, prelude::*};

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

/// A stream of no auto trait that isn't an item's.
struct PinnedStream<T>(std::marker::PhantomPinned, std::marker::PhantomData<T>);

impl<T> aio_itertools::Stream for PinnedStream<T> {
    type Item = T;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        std::task::Poll::Ready(None)
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

#[test]
fn those_of_slices_and_filters_follow_from_the_parts() {
    type Source = Iter<std::ops::Range<u8>>;
    type Local = Iter<std::vec::IntoIter<Rc<u8>>>;
    type MustBePinned = futures_util::stream::Once<PinnedFuture>;
    /// A function that may be sent, or one that may not.
    type Free = fn();
    type Bound = Rc<u8>;
    type Window = [u8; 3];

    macro_rules! follow {
        ($($name:ident<Source $(, $other:ident)*>),+ $(,)?) => {$(
            assert!(has!($name<Source $(, $other)*>: Send));
            assert!(has!($name<Source $(, $other)*>: Sync));
            assert!(has!($name<Source $(, $other)*>: Unpin));
            assert!(!has!($name<Local $(, $other)*>: Send));
            assert!(!has!($name<MustBePinned $(, $other)*>: Unpin));
        )+};
    }
    follow!(
        Accumulate<Source, Free>,
        AccumulateFrom<Source, u8, Free>,
        Pairwise<Source>,
        Windows<Source, Window>,
        Islice<Source>,
        Compress<Source, Source>,
        Starmap<Source, Free>,
        FilterFalse<Source, Free>,
        TakeWhile<Source, Free>,
        DropWhile<Source, Free>,
        TakeWhileInclusive<Source, Free>,
    );
    assert!(!has!(Accumulate<Source, Bound>: Send));
    assert!(!has!(AccumulateFrom<Source, Rc<u8>, Free>: Send));
    assert!(!has!(Compress<Source, Local>: Send));
    assert!(!has!(Starmap<Source, Bound>: Send));
    assert!(!has!(FilterFalse<Source, Bound>: Send));
    assert!(!has!(TakeWhile<Source, Bound>: Send));
    assert!(!has!(DropWhile<Source, Bound>: Send));
    assert!(!has!(TakeWhileInclusive<Source, Bound>: Send));

    // The halves share their source in a box of its own, so they can be moved.
    assert!(has!(Before<Source, Free>: Send));
    assert!(has!(Before<Source, Free>: Sync));
    assert!(has!(Before<MustBePinned, Free>: Unpin));
    assert!(!has!(Before<Local, Free>: Send));
    assert!(!has!(Before<Source, Bound>: Send));
    assert!(has!(After<Source, Free>: Send));
    assert!(has!(After<Source, Free>: Sync));
    assert!(has!(After<MustBePinned, Free>: Unpin));
    assert!(!has!(After<Local, Free>: Send));
    assert!(!has!(After<Source, Bound>: Send));
    assert!(has!(NotAPair<Source, Free>: Send));
    assert!(!has!(NotAPair<Local, Free>: Send));
}

type Shared<T, L> = Branch<Iter<std::vec::IntoIter<T>>, L>;

#[test]
fn branches_can_be_sent_where_their_source_and_items_can() {
    assert!(has!(Shared<u8, lag::Block>: Send));
    assert!(has!(Shared<u8, lag::Block>: Sync));
    assert!(has!(Shared<u8, lag::Block>: Unpin));
    // An item need not be `Sync`: it is cloned by one branch at a time.
    assert!(has!(Shared<std::cell::Cell<u8>, lag::DropOldest>: Send));
    assert!(has!(Shared<std::cell::Cell<u8>, lag::DropOldest>: Sync));
    assert!(!has!(Shared<Rc<u8>, lag::Fail>: Send));
    assert!(!has!(Shared<Rc<u8>, lag::Fail>: Sync));
    // The source has a pinned box of its own, so a branch can be moved.
    assert!(has!(Branch<PinnedStream<u8>, lag::Unbounded>: Unpin));
    assert!(has!(lag::Lagged: Send));
}

#[cfg(feature = "testing")]
#[test]
fn marbles_and_timelines_can_be_sent() {
    use aio_itertools::testing::{Marbles, Timeline, TimelineFuture, TryMarbles};

    assert!(has!(Marbles: Send));
    assert!(has!(Marbles: Unpin));
    assert!(has!(TryMarbles: Sync));
    assert!(has!(Timeline<Marbles>: Send));
    assert!(has!(TimelineFuture<Marbles>: Send));
    assert!(!has!(Timeline<Iter<std::vec::IntoIter<Rc<u8>>>>: Send));
}

/// Each type is `Send`, `Sync` and `Unpin` with parts that are, and not with others.
macro_rules! follow_from_the_parts {
    ($($adaptor:ident<$stream:ident $(, $more:ty)*>),+ $(,)?) => {$({
        type Of<$stream> = $adaptor<$stream $(, $more)*>;
        assert!(has!(Of<Iter<std::vec::IntoIter<u8>>>: Send));
        assert!(has!(Of<Iter<std::vec::IntoIter<u8>>>: Sync));
        assert!(has!(Of<Iter<std::vec::IntoIter<u8>>>: Unpin));
        assert!(!has!(Of<Iter<std::vec::IntoIter<Rc<u8>>>>: Send));
        assert!(!has!(Of<Iter<std::vec::IntoIter<Rc<u8>>>>: Sync));
        assert!(has!(Of<PinnedStream<u8>>: Send));
        assert!(!has!(Of<PinnedStream<u8>>: Unpin));
    })+};
}

#[test]
fn those_of_batches_runs_and_marks_follow_from_the_parts() {
    follow_from_the_parts!(
        BatchedWeighted<S, fn() -> usize>,
        BatchedWithin<S>,
        ChunkBy<S, fn(), u8>,
        Coalesce<S, fn()>,
        Dedup<S>,
        DedupByKey<S, fn(), u8>,
        DedupWithCount<S>,
        DefaultIfEmpty<S>,
        Interspersed<S>,
        SkipLast<S>,
        TakeLast<S>,
        Unique<S>,
        UniqueByKey<S, fn(), u8>,
        WithPosition<S>,
    );
    type Inner<T> = Iter<std::vec::IntoIter<T>>;
    assert!(has!(Joined<Inner<Inner<u8>>>: Send));
    assert!(has!(Joined<Inner<Inner<u8>>>: Unpin));
    assert!(!has!(Joined<Inner<Inner<Rc<u8>>>>: Send));
    assert!(!has!(Joined<Inner<PinnedStream<u8>>>: Unpin));
    assert!(!has!(Joined<PinnedStream<Inner<u8>>>: Unpin));
    // What a closure or a key holds counts as well.
    assert!(!has!(Coalesce<Inner<u8>, Rc<u8>>: Send));
    assert!(!has!(ChunkBy<Inner<u8>, fn(), Rc<u8>>: Send));
    assert!(!has!(UniqueByKey<Inner<u8>, fn(), Rc<u8>>: Send));
}

#[test]
fn auto_traits_of_several_streams_follow_from_the_streams() {
    type Numbers = Iter<std::ops::Range<u8>>;
    type Local = Iter<std::vec::IntoIter<Rc<u8>>>;
    type Unmovable = futures_util::stream::Once<PinnedFuture>;

    assert!(has!(Zip<(Numbers, Numbers)>: Send));
    assert!(has!(Zip<(Numbers, Numbers)>: Sync));
    assert!(has!(Zip<(Numbers, Numbers)>: Unpin));
    assert!(!has!(Zip<(Numbers, Local)>: Send));
    assert!(!has!(Zip<(Numbers, Unmovable)>: Unpin));
    assert!(has!(ZipStrict<[Numbers; 2]>: Send));
    assert!(!has!(ZipStrict<[Local; 2]>: Send));
    assert!(has!(ZipLongest<(Numbers, Numbers)>: Send));
    assert!(!has!(ZipLongest<(Numbers, Unmovable)>: Unpin));
    assert!(has!(ZipLongestFilled<(Numbers, Numbers)>: Send));
    assert!(!has!(ZipLongestFilled<Vec<Local>>: Send));
    assert!(has!(ZipError<(Option<u8>, Option<u8>)>: Send));
    assert!(!has!(ZipError<Vec<Option<Rc<u8>>>>: Send));
    // The streams of a list have pinned boxes of their own, so the list can be moved.
    assert!(has!(Zip<Vec<Unmovable>>: Unpin));
    assert!(has!(MergeSorted<Unmovable>: Unpin));
    assert!(has!(MergeSorted<Numbers>: Send));
    assert!(has!(MergeSorted<Numbers>: Sync));
    assert!(!has!(MergeSorted<Local>: Send));
    type Compare = fn(&u8, &u8) -> std::cmp::Ordering;
    assert!(has!(MergeSorted<Numbers, AscendingBy<Compare>>: Send));
    assert!(has!(Chain<std::vec::IntoIter<Numbers>>: Send));
    assert!(has!(Chain<std::vec::IntoIter<Numbers>>: Unpin));
    assert!(!has!(Chain<std::vec::IntoIter<Unmovable>>: Unpin));
    assert!(has!(ChainFromIterable<Iter<std::vec::IntoIter<Numbers>>>: Send));
    assert!(has!(Cycle<Numbers>: Unpin));
    assert!(!has!(Cycle<Local>: Send));

    assert!(has!(Count<u8>: Send));
    assert!(has!(Repeat<u8>: Send));
    assert!(has!(Repeat<PinnedFuture>: Unpin));
    assert!(!has!(Repeat<Rc<u8>>: Send));
    assert!(has!(Product<(Numbers, Numbers)>: Send));
    assert!(!has!(Product<(Numbers, Local)>: Send));
    assert!(has!(Product<Vec<Unmovable>>: Unpin));
    assert!(has!(Permutations<Numbers>: Send));
    assert!(has!(Combinations<Numbers>: Sync));
    assert!(has!(CombinationsWithReplacement<Numbers>: Unpin));
    assert!(!has!(CombinationsWithReplacement<Unmovable>: Unpin));
    assert!(!has!(Powerset<Local>: Send));
}

type Items<T> = Source<Iter<std::vec::IntoIter<T>>>;
type Jobs<T, F> = MapConcurrent<Items<T>, Call<fn(T) -> F>>;

#[test]
fn pipelines_are_send_sync_and_unpin_as_their_parts() {
    type Sent = Jobs<u8, std::future::Ready<u8>>;
    assert!(has!(Pipeline<Sent>: Send));
    assert!(has!(ForEach<Sent>: Send));
    assert!(has!(List<Batches<Sent>>: Send));
    assert!(has!(List<Batches<Sent>>: Sync));
    assert!(
        has!(List<MapConcurrent<Items<u8>, WithInput<Call<fn(u8) -> std::future::Ready<u8>>>>>: Send)
    );
    assert!(
        has!(List<MapConcurrent<Items<u8>, Timed<Call<fn(u8) -> std::future::Ready<u8>>>>>: Send)
    );
    assert!(has!(ItemTimeout: Send));
    // An item, an output and a future that may not leave their thread.
    assert!(!has!(List<Items<Rc<u8>>>: Send));
    assert!(!has!(List<Jobs<u8, std::future::Ready<Rc<u8>>>>: Send));
    assert!(!has!(ForEach<Jobs<Rc<u8>, std::future::Ready<()>>>: Send));
    // Futures have pinned boxes of their own, so only the source may need a pin.
    assert!(has!(ForEach<Jobs<u8, PinnedFuture>>: Unpin));
}

type FreeStream = Iter<std::ops::Range<u8>>;
type BoundStream = Iter<std::vec::IntoIter<Rc<u8>>>;
type Fallible = std::vec::IntoIter<std::future::Ready<Result<u8, u8>>>;

#[test]
fn what_runs_many_at_once_is_send_if_they_are_and_unpin_if_it_holds_them_in_boxes() {
    assert!(has!(TryOutputs<Fallible>: Send));
    assert!(has!(TryOutputs<Fallible>: Sync));
    assert!(has!(TryGatherFuture<Fallible, u8>: Send));
    assert!(!has!(TryGatherFuture<Fallible, Rc<u8>>: Send));
    assert!(has!(TryGatherFuture<Fallible, std::marker::PhantomPinned>: Unpin));
    assert!(has!(GatherIterOutputs<Iter<Free>>: Send));
    assert!(has!(GatherIterOutputs<Iter<Free>>: Unpin));
    assert!(has!(GatherIterFuture<Iter<Free>>: Send));
    assert!(!has!(GatherIterFuture<Iter<Bound>>: Send));
    // The source is in place: it is pinned if it must be.
    assert!(
        !has!(GatherIterOutputs<futures_util::stream::Map<PinnedStream<()>, fn(()) -> std::future::Ready<()>>>: Unpin)
    );
    assert!(has!(Completed<Free>: Send));
    assert!(!has!(Completed<Bound>: Send));
    assert!(has!(Completed<Pinned>: Unpin));
    assert!(has!(CompletedWithin<Free>: Send));
    assert!(has!(CompletedWithin<Pinned>: Unpin));
    assert!(has!(Unfinished<std::future::Ready<u8>>: Send));
    assert!(has!(Unfinished<PinnedFuture>: Unpin));

    assert!(has!(Merge<FreeStream>: Send));
    assert!(has!(Merge<FreeStream>: Sync));
    assert!(!has!(Merge<BoundStream>: Send));
    assert!(has!(Merge<PinnedStream<()>>: Unpin));
    assert!(has!(FailFast<FreeStream>: Send));
    assert!(has!(CollectErrors<FreeStream, u8>: Send));
    assert!(!has!(CollectErrors<FreeStream, Rc<u8>>: Send));
    assert!(has!(CollectErrors<PinnedStream<()>, std::marker::PhantomPinned>: Unpin));

    assert!(has!(WaitFuture<std::future::Ready<u8>>: Send));
    assert!(has!(WaitFuture<std::future::Ready<u8>>: Unpin));
    assert!(!has!(WaitFuture<std::future::Ready<Rc<u8>>>: Send));
    assert!(has!(WaitFor<std::future::Ready<u8>>: Send));
    assert!(!has!(WaitFor<std::future::Ready<u8>>: Unpin));

    assert!(has!(OwnedTask<u8>: Send));
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
        let doubled = iter(doubled).pipeline().map_concurrent(2, async |n| n);
        let doubled = doubled.batched(1).map_concurrent(1, async |n| n[0]);
        let doubled = doubled.list().await;
        let mut outputs = gather(doubled.into_iter().map(|n| async move { n + 1 })).stream();
        let first = outputs.next().await;
        (first, outputs.next().await)
    });
    assert_eq!(task.await.unwrap(), (Some((0, 7)), Some((1, 15))));
}

fn needs_send<F: Future + Send + 'static>(_: F) {}

/// Nothing is known of the stream here but its bounds, and each consumer can be spawned.
fn consumers_can_be_spawned<S, T>(one: impl Fn() -> S)
where
    S: aio_itertools::Stream<Item = T> + Send + 'static,
    T: std::hash::Hash + Ord + std::fmt::Display + Clone + Send + 'static,
    String: std::ops::Add<T, Output = String>,
{
    use aio_itertools::consumers;

    needs_send(one().min());
    needs_send(one().max_by(T::cmp));
    needs_send(one().min_by_key(T::clone));
    needs_send(one().minmax());
    needs_send(one().minmax_by_key(T::clone));
    needs_send(one().sum(String::new()));
    needs_send(one().reduce(|kept, _| kept));
    needs_send(one().exactly_one());
    needs_send(one().at_most_one());
    needs_send(one().all_equal());
    needs_send(one().is_sorted());
    needs_send(one().is_sorted_by_key(T::clone));
    needs_send(one().list());
    needs_send(one().set());
    needs_send(one().counts());
    needs_send(one().counts_by_key(T::clone));
    needs_send(one().group_map_by_key(T::clone));
    needs_send(one().sorted_by(T::cmp));
    needs_send(one().sorted_by_key(T::clone));
    needs_send(one().k_smallest(3));
    needs_send(one().k_largest_by_key(3, T::clone));
    needs_send(consumers::first(one()));
    needs_send(consumers::last(one()));
    needs_send(consumers::eq(one(), one()));
    needs_send(consumers::join(one(), ", "));
    drop(tokio::spawn(one().list()));
    let stream = one();
    drop(tokio::spawn(async move { stream.sorted().await }));
}

#[tokio::test]
async fn a_consumer_is_send_where_its_stream_and_items_are() {
    consumers_can_be_spawned(|| iter(["a", "b"]));
    // What isn't `Send` is consumed on its own thread.
    assert_eq!(iter([Rc::new(1)]).list().await, [Rc::new(1)]);
    assert!(has!(aio_itertools::consumers::NotOne<u8>: Send));
    assert!(!has!(aio_itertools::consumers::MoreThanOne<Rc<u8>>: Send));
}

#[test]
fn what_runs_on_tasks_is_as_free_as_its_parts() {
    use aio_itertools::asyncio::{
        GroupError, GroupTask, NoValue, OpenTaskGroup, Spawner, TaskGroup,
    };

    type Job<T> = Call<fn(T) -> std::future::Ready<u8>>;
    type Free = aio_itertools::adaptors::MapSpawned<Iter<std::ops::Range<u8>>, Job<u8>>;
    type Bound = aio_itertools::adaptors::MapSpawned<Iter<std::vec::IntoIter<Rc<u8>>>, Job<Rc<u8>>>;
    type Rooted = futures_util::stream::Once<PinnedFuture>;
    type Unmoved = aio_itertools::adaptors::MapSpawned<Rooted, Job<()>>;
    assert!(has!(Free: Send));
    assert!(has!(Free: Unpin));
    // The tasks are free of the source and its items: those may stay on a thread.
    assert!(!has!(Bound: Send));
    assert!(has!(Bound: Unpin));
    assert!(!has!(Unmoved: Unpin));

    type Ahead = aio_itertools::adaptors::Prefetch<Iter<std::ops::Range<u8>>>;
    assert!(has!(Ahead: Send));
    // The source has a pinned box of its own.
    assert!(has!(aio_itertools::adaptors::Prefetch<Rooted>: Unpin));

    // Errors and values go from thread to thread, and need not be shared.
    type Unshared = std::cell::Cell<u8>;
    assert!(has!(OpenTaskGroup<Rc<u8>>: Send));
    assert!(has!(TaskGroup<Unshared>: Send));
    assert!(has!(TaskGroup<Unshared>: Sync));
    assert!(!has!(TaskGroup<Rc<u8>>: Send));
    assert!(has!(Spawner<Unshared>: Send));
    assert!(has!(Spawner<Unshared>: Sync));
    assert!(has!(GroupTask<Unshared>: Send));
    assert!(has!(GroupTask<PinnedFuture>: Unpin));
    assert!(has!(GroupError<Unshared>: Send));
    assert!(!has!(GroupError<Unshared>: Sync));
    assert!(has!(NoValue: Sync));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_and_its_tasks_run_in_a_spawned_task() {
    use aio_itertools::asyncio::{GroupError, NoValue};
    use aio_itertools::task_group;

    let task = tokio::spawn(async {
        let mut seen = Vec::new();
        let sum = task_group()
            .limit(2)
            .with(async |group| -> Result<u32, NoValue> {
                // A scope inside the scope, and what is borrowed from outside.
                seen.push(1);
                let two = group.spawn(async {
                    let inner = task_group().with(async |group| -> Result<u32, NoValue> {
                        group.spawn(async { Ok(2) }).await
                    });
                    inner.await.map_err(GroupError::into_first)
                });
                tokio::task::yield_now().await;
                two.await
            })
            .await;
        let mut doubled = iter(1..=2).map_spawned(2, |n| async move { n * 2 });
        let first = next(&mut doubled).await;
        let mut ahead = doubled.prefetch(1);
        let second = next(&mut ahead).await;
        let (left, source) = ahead.stop().await;
        let (_, finished) = (*std::pin::Pin::into_inner(source)).shutdown().await;
        (sum, seen, first, second, left, finished)
    });
    let expected = (Ok(2), vec![1], Some(2), Some(4), vec![], vec![]);
    assert_eq!(task.await.unwrap(), expected);
}

/// A spawned pipeline may borrow from its own task, in async closures too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spawned_pipeline_borrows_from_its_task() {
    let task = tokio::spawn(async {
        let words = vec![String::from("a"), String::from("bb")];
        let total = tokio::sync::Mutex::new(0);
        iter(0..words.len())
            .pipeline()
            .map_concurrent(2, async |n: usize| {
                *total.lock().await += words[n].len();
                words[n].len()
            })
            .for_each(async |length| *total.lock().await += length)
            .await;
        lengths(&words, &total).await;
        total.into_inner()
    });
    assert_eq!(task.await.unwrap(), 9);
}

/// Items that are references need a signature that names their lifetime.
fn lengths<'a>(
    words: &'a [String],
    total: &'a tokio::sync::Mutex<usize>,
) -> impl Future<Output = ()> + Send + 'a {
    let jobs = iter(words).pipeline().map_concurrent(2, async |word| word);
    jobs.for_each(async |word| *total.lock().await += word.len())
}
