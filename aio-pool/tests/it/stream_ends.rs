//! How streams of items end, other than with the last of them.

use std::pin::pin;
use std::process::id;
use std::task::Poll;
use std::time::Duration;

use aio_pool::streams::StreamTask;
use aio_pool::{Error, Exit, Part, TaskError};
use rustix::process::Signal;
use tokio::join;

use crate::death::send;
use crate::forge::say;
use crate::harness::trials;
use crate::line::Line;
use crate::polled::polled;
use crate::pools::one_worker;
use crate::stream_tasks::{
    Stranger, counts_to_overflow, dies_behind, endless, item, made, numbers, overruns,
    panics_behind, picky_items, stalls_behind, take_picky, unreadable,
};
use crate::streams::{begun, until_error};
use crate::tasks::{Overflow, Picky, nothing, pid};

trials![
    an_error_is_the_last_item,
    a_panic_is_the_last_item_and_the_worker_goes_on,
    what_a_dead_worker_had_sent_is_yielded_before_its_loss,
    a_killed_worker_ends_a_stream_that_waits,
    a_timeout_ends_the_stream_behind_what_came,
    an_item_that_does_not_cross_is_the_last_on_either_side,
    an_item_that_cannot_be_read_ends_the_producer,
    an_input_that_does_not_cross_is_an_error_on_either_side,
    closing_waits_for_the_last_item,
    terminating_ends_the_stream_behind_what_came,
    a_closed_pool_yields_an_error,
    an_unregistered_stream_is_named,
    more_items_than_may_come_cost_the_worker,
    an_item_of_a_call_without_items_costs_the_worker,
    an_item_of_the_call_of_another_worker_costs_only_the_liar,
];

async fn an_error_is_the_last_item() {
    let pool = one_worker().await;
    let (items, error) = until_error(pool.stream::<counts_to_overflow>(200).stream()).await;
    assert!(items.into_iter().eq(200..=255));
    assert_eq!(error, Some(TaskError::Task(Overflow { at: 256 })));
    let error = pool.stream::<counts_to_overflow>(0).await.unwrap_err();
    assert_eq!(error, TaskError::Task(Overflow { at: 256 }));
    pool.close().await.unwrap();
}

async fn a_panic_is_the_last_item_and_the_worker_goes_on() {
    let pool = one_worker().await;
    let before = pool.call::<pid>(()).await.unwrap();
    let (items, error) = until_error(pool.stream::<panics_behind>(20).stream()).await;
    assert!(items.into_iter().eq(0..20));
    let Some(TaskError::Panicked {
        task,
        message,
        location,
        ..
    }) = error
    else {
        panic!("{error:?}");
    };
    assert_eq!((task, &*message), (panics_behind::NAME, "no more milk"));
    assert!(location.unwrap().contains("tests/it/stream_tasks.rs:"));
    assert_eq!(pool.call::<pid>(()).await.unwrap(), before);
    pool.close().await.unwrap();
}

async fn what_a_dead_worker_had_sent_is_yielded_before_its_loss() {
    let pool = one_worker().await;
    for count in [0, 1, 10, 15, 16, 50] {
        let worker = pool.call::<pid>(()).await.unwrap();
        let mut items = pool.stream::<dies_behind>(count).stream();
        let (mut taken, mut lost) = (Vec::new(), None);
        if count < 16 {
            // No more is taken before it is dead, and there is another.
            match polled(&mut pin!(items.next())).await {
                Poll::Ready(item) => match item.unwrap() {
                    Ok(item) => taken.push(item),
                    Err(error) => lost = Some(error),
                },
                Poll::Pending => {}
            }
            while pool.call::<pid>(()).await.is_ok_and(|pid| pid == worker) {}
        }
        let (rest, error) = until_error(items).await;
        taken.extend(rest);
        assert!(taken.into_iter().eq(0..count));
        let error = lost.or(error);
        let Some(TaskError::WorkerLost {
            pid, exit, started, ..
        }) = error
        else {
            panic!("{error:?}");
        };
        assert_eq!((pid, exit, started), (worker, Exit::Signal(6), true));
    }
    pool.close().await.unwrap();
}

async fn a_killed_worker_ends_a_stream_that_waits() {
    let pool = one_worker().await;
    let line = Line::open();
    let mut items = pool
        .stream::<stalls_behind>((3, line.name.clone()))
        .stream();
    let (first, held) = begun(&mut items, &line).await;
    assert_eq!(first, 0);
    for number in [1, 2] {
        assert_eq!(items.next().await.unwrap().unwrap(), number);
    }
    send(Signal::KILL, held.pid);
    let (rest, error) = until_error(items).await;
    assert!(rest.is_empty());
    assert!(
        matches!(
            error,
            Some(TaskError::WorkerLost {
                exit: Exit::Signal(9),
                ..
            })
        ),
        "{error:?}"
    );
    pool.close().await.unwrap();
}

async fn a_timeout_ends_the_stream_behind_what_came() {
    let pool = one_worker().await;
    let line = Line::open();
    let mut limit = Duration::from_millis(200);
    loop {
        let call = pool
            .stream::<stalls_behind>((3, line.name.clone()))
            .timeout(limit);
        let (items, error) = until_error(call.stream()).await;
        let error = error.unwrap();
        assert!(
            matches!(error, TaskError::TimedOut { after, .. } if after == limit),
            "{error:?}"
        );
        assert!([0, 1, 2].starts_with(&items), "{items:?}");
        if items.len() == 3 {
            break;
        }
        // It was not that far in time.
        limit *= 2;
    }
    line.next().await.gone().await;
    pool.close().await.unwrap();
}

async fn an_item_that_does_not_cross_is_the_last_on_either_side() {
    let pool = one_worker().await;
    let worker = pool.call::<pid>(()).await.unwrap();
    for (written, said) in [
        (true, "it will not be written"),
        (false, "it will not be read"),
    ] {
        let (items, error) = until_error(pool.stream::<picky_items>(written).stream()).await;
        assert_eq!(items, [Picky::Fine]);
        let (task, part, reason) = (picky_items::NAME, Part::Output, said.to_owned());
        let expected = match written {
            true => Error::Encode { task, part, reason },
            false => Error::Decode { task, part, reason },
        };
        assert_eq!(error, Some(TaskError::Pool(expected)));
    }
    assert_eq!(pool.call::<pid>(()).await.unwrap(), worker);
    pool.close().await.unwrap();
}

async fn an_item_that_cannot_be_read_ends_the_producer() {
    let pool = one_worker().await;
    let line = Line::open();
    let mut items = pool.stream::<unreadable>(line.name.clone()).stream();
    let error = items.next().await.unwrap().unwrap_err();
    assert!(matches!(error, TaskError::Pool(Error::Decode { .. })));
    // Though whoever has the stream still has it.
    line.next().await.gone().await;
    assert!(items.next().await.is_none());
    pool.close().await.unwrap();
}

async fn an_input_that_does_not_cross_is_an_error_on_either_side() {
    let pool = one_worker().await;
    let (items, error) = until_error(pool.stream::<take_picky>(Picky::NotWritten).stream()).await;
    assert!(items.is_empty());
    assert!(
        matches!(
            error,
            Some(TaskError::Pool(Error::Encode {
                part: Part::Input,
                ..
            }))
        ),
        "{error:?}"
    );
    let error = pool.stream::<take_picky>(Picky::NotRead).await.unwrap_err();
    assert!(
        matches!(
            error,
            TaskError::Pool(Error::Decode {
                part: Part::Input,
                ..
            })
        ),
        "{error:?}"
    );
    assert_eq!(pool.stream::<take_picky>(Picky::Fine).await.unwrap(), [1]);
    pool.close().await.unwrap();
}

async fn closing_waits_for_the_last_item() {
    let pool = one_worker().await;
    let mut items = pool.stream::<numbers>((0, 100)).stream();
    assert_eq!(items.next().await.unwrap().unwrap(), 0);
    let mut close = pin!(pool.close());
    assert!(polled(&mut close).await.is_pending());
    let (rest, closed) = join!(until_error(items), close);
    assert!(rest.0.into_iter().eq(1..100) && rest.1.is_none());
    closed.unwrap();
}

async fn terminating_ends_the_stream_behind_what_came() {
    let pool = one_worker().await;
    let line = Line::open();
    let mut items = pool.stream::<endless>(line.name.clone()).stream();
    let (first, held) = begun(&mut items, &line).await;
    // What it may, it has made; the answer has come behind the items.
    while pool.call::<made>(()).await.unwrap() < 16 {}
    pool.terminate().await;
    held.gone().await;
    let (rest, error) = until_error(items).await;
    assert!(rest.into_iter().eq(first + 1..16));
    assert!(
        matches!(error, Some(TaskError::Cancelled { .. })),
        "{error:?}"
    );
}

async fn a_closed_pool_yields_an_error() {
    let pool = one_worker().await;
    pool.close().await.unwrap();
    let (items, error) = until_error(pool.stream::<numbers>((0, 3)).stream()).await;
    assert!(items.is_empty());
    assert_eq!(error, Some(TaskError::Pool(Error::Closed)));
}

async fn an_unregistered_stream_is_named() {
    let pool = one_worker().await;
    let error = pool.stream::<Stranger>(()).await.unwrap_err();
    let task = Stranger::NAME;
    assert_eq!(error, TaskError::Pool(Error::UnknownTask { task }));
    pool.close().await.unwrap();
}

/// The reason for which the pool killed a worker.
fn ended<E: std::fmt::Debug>(error: Option<TaskError<E>>) -> String {
    match error {
        Some(TaskError::WorkerLost {
            exit: Exit::Ended { reason },
            ..
        }) => reason,
        other => panic!("{other:?}"),
    }
}

async fn more_items_than_may_come_cost_the_worker() {
    let pool = one_worker().await;
    let liar = pool.call::<pid>(()).await.unwrap();
    // The call has number 1, and nothing is taken of it until it is lost.
    let mut items = pool.stream::<overruns>((1, 17)).stream();
    let mut taken = match polled(&mut pin!(items.next())).await {
        Poll::Pending => Vec::new(),
        // The machine was busy elsewhere between the call and the look.
        Poll::Ready(item) => vec![item.unwrap().unwrap()],
    };
    while pool.call::<pid>(()).await.is_ok_and(|pid| pid == liar) {}
    let (rest, error) = until_error(items).await;
    taken.extend(rest);
    assert_eq!(taken, [7; 16]);
    assert_eq!(ended(error), "it sent more items of call 1 than it may");
    pool.close().await.unwrap();
}

async fn an_item_of_a_call_without_items_costs_the_worker() {
    let pool = one_worker().await;
    let error = pool.call::<say>(item(0)).await.unwrap_err();
    assert_eq!(
        ended(Some(error)),
        "it sent an item of call 0, which has none"
    );
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn an_item_of_the_call_of_another_worker_costs_only_the_liar() {
    let start = aio_pool::start().workers(2).tasks_per_worker(1);
    let pool = start.await.unwrap();
    let line = Line::open();
    let mut items = pool
        .stream::<stalls_behind>((1, line.name.clone()))
        .stream();
    let (_, held) = begun(&mut items, &line).await;
    let error = pool.call::<say>(item(0)).await.unwrap_err();
    let TaskError::WorkerLost { pid, .. } = error else {
        panic!("{error:?}");
    };
    assert!(pid != held.pid && pid != id());
    let reason = ended(Some(error));
    assert_eq!(reason, "it sent an item of call 0, which it does not run");
    assert!(polled(&mut pin!(items.next())).await.is_pending());
    drop(items);
    held.gone().await;
    pool.close().await.unwrap();
}
