//! What can go to another thread, and what is a compile error otherwise.

use aio_pool::futures::{Answer, Answers, Gathered};
use aio_pool::streams::{Items, StreamCall};
use aio_pool::workers::{Limits, Line, Lines, Output, Source, Spawn};
use aio_pool::{
    Call, Context, Error, Exit, Full, Map, Never, Pool, Process, Results, Start, TaskError,
};

use crate::harness::trials;
use crate::stream_tasks::numbers;
use crate::tasks::{nothing, pid};

trials![futures_can_be_spawned];

chaos::auto_traits! {
    Pool: Send, Sync, Unpin;
    Start: Send, Sync, Unpin;
    Call<pid>: Send, Sync, Unpin;
    Answer<pid>: Send, Sync, Unpin;
    StreamCall<numbers>: Send, Sync, Unpin;
    Gathered<numbers>: Send, Sync, Unpin;
    Items<numbers>: Send, Sync, Unpin;
    Context: Send, Sync, Unpin;
    Process<pid>: Send, Sync, Unpin;
    Spawn<pid>: Send, Sync, Unpin;
    Line: Send, Sync, Unpin;
    Lines: Send, Sync, Unpin;
    Output: Send, Sync, Unpin;
    Source: Send, Sync, Unpin;
    Map<'static, pid>: Send, !Sync, Unpin;
    Answers<'static, pid>: Send, !Sync, Unpin;
    Results<'static, pid>: Send, !Sync, Unpin;
    Full: Send, Sync, Unpin;
    Error: Send, Sync, Unpin;
    TaskError<Never>: Send, Sync, Unpin;
    Exit: Send, Sync, Unpin;
    Limits: Send, Sync, Unpin;
}

#[cfg(feature = "sandbox")]
chaos::auto_traits! {
    aio_pool::workers::Sandbox: Send, Sync, Unpin;
}

async fn futures_can_be_spawned() {
    let with = aio_pool::start()
        .workers(1)
        .with(async |pool| -> Result<_, TaskError<Never>> { pool.call::<pid>(()).await });
    let worker = tokio::spawn(chaos::assert_send(with))
        .await
        .unwrap()
        .unwrap();
    assert_ne!(worker, std::process::id());

    let pool = tokio::spawn(aio_pool::start().workers(1).into_future());
    let pool = pool.await.unwrap().unwrap();
    let call = tokio::spawn(chaos::assert_send(pool.call::<nothing>(()).into_future()));
    call.await.unwrap().unwrap();
    let call = pool.stream::<numbers>((0, 3)).into_future();
    let call = tokio::spawn(chaos::assert_send(call));
    assert_eq!(call.await.unwrap().unwrap(), [0, 1, 2]);
    let mut items = pool.stream::<numbers>((0, 1)).stream();
    tokio::spawn(async move { chaos::assert_send(items.next()).await })
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    tokio::spawn(chaos::assert_send(pool.map::<nothing>([()]).into_future()))
        .await
        .unwrap()
        .unwrap();
    let mut results = pool.map::<nothing>([()]).stream();
    tokio::spawn(async move { chaos::assert_send(results.next()).await })
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    tokio::spawn(async move {
        chaos::assert_send(pool.close()).await.unwrap();
        chaos::assert_send(pool.terminate()).await;
    })
    .await
    .unwrap();
}
