//! A call and its one outcome.

use std::collections::HashSet;
use std::process::id;
use std::time::Duration;

use aio_pool::{Error, Part, Task, TaskError};
use tokio::join;

use crate::harness::{runtime, trials};
use crate::line::{Line, timed_out};
use crate::pools::one_worker_for;
use crate::tasks::{
    Bulk, Deep, Overflow, Picky, Shout, Stranger, Untagged, echo, fib, give_bulk, give_deep,
    give_picky, hold, holds_a_bomb, meet, nested, nothing, panics, pid, stdin_is, take_bulk,
    take_deep, take_picky, throws_a_bomb, untagged, weigh,
};

trials![
    a_call_is_answered_by_another_process,
    inputs_and_outputs_of_every_shape_cross,
    a_large_value_crosses_both_ways,
    the_tasks_own_error_comes_back_as_it_was,
    a_panic_has_message_and_place_and_the_worker_goes_on,
    a_panic_whose_payload_panics_is_a_panic,
    a_value_that_does_not_cross_fails_only_its_call,
    what_a_values_own_serde_code_says_comes_back,
    a_value_that_is_nested_too_deep_is_an_error_on_either_side,
    a_value_beyond_the_longest_frame_is_refused_on_either_side,
    an_unregistered_task_is_named,
    tasks_of_one_worker_run_at_the_same_time,
    calls_are_spread_over_the_workers,
    a_timeout_ends_the_task,
    a_timeout_counts_the_queue,
    dropping_a_call_ends_its_task_and_frees_its_place,
    a_call_that_is_not_polled_is_not_made,
    the_runtime_that_started_the_pool_may_go,
    a_task_cannot_reach_the_socket_through_stdin,
];

async fn a_call_is_answered_by_another_process() {
    let pool = one_worker_for(1).await;
    let first = pool.call::<pid>(()).await.unwrap();
    assert_ne!(first, id());
    assert_eq!(pool.call::<pid>(()).await.unwrap(), first, "and lives on");
    assert_eq!(pid().await, id(), "the function is still a function");
    pool.close().await.unwrap();
}

async fn inputs_and_outputs_of_every_shape_cross() {
    let pool = one_worker_for(4).await;
    pool.call::<nothing>(()).await.unwrap();
    let input = ("flour".to_owned(), vec![200, 50], Some('g'));
    assert_eq!(pool.call::<weigh>(input).await.unwrap(), "flour: 250 g");
    let input = ("eggs".to_owned(), vec![3], None);
    assert_eq!(pool.call::<weigh>(input).await.unwrap(), "eggs: 3");
    assert_eq!(
        pool.call::<fib>(90).await.unwrap(),
        2_880_067_194_370_816_120
    );
    let list = vec![Some(1), None];
    assert_eq!(pool.call::<nested>(list.clone()).await.unwrap(), list);
    assert_eq!(pool.call::<Shout>("hey".to_owned()).await.unwrap(), "HEY");
    assert_eq!(fib::NAME, "it::tasks::fib");
    pool.close().await.unwrap();
}

async fn a_large_value_crosses_both_ways() {
    let pool = one_worker_for(2).await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (one, other) = join!(
        pool.call::<echo>(bytes.clone()).into_future(),
        pool.call::<echo>(bytes.clone()).into_future(),
    );
    assert!(one.unwrap() == bytes && other.unwrap() == bytes);
    pool.close().await.unwrap();
}

async fn the_tasks_own_error_comes_back_as_it_was() {
    let pool = one_worker_for(1).await;
    let error = pool.call::<fib>(1_000).await.unwrap_err();
    assert_eq!(error, TaskError::Task(Overflow { at: 185 }));
    assert_eq!(error.to_string(), "overflow at 185");
    let error = pool.call::<nested>(Vec::new()).await.unwrap_err();
    assert_eq!(error, TaskError::Task(Some(vec![1])));
    pool.close().await.unwrap();
}

async fn a_panic_has_message_and_place_and_the_worker_goes_on() {
    let pool = one_worker_for(1).await;
    let before = pool.call::<pid>(()).await.unwrap();
    let error = pool.call::<panics>("no milk".to_owned()).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("task it::tasks::panics panicked at "),
        "{said}"
    );
    assert!(said.ends_with(": no milk"), "{said}");
    let TaskError::Panicked { location, .. } = error else {
        panic!("{error:?}");
    };
    assert!(location.unwrap().contains("tests/it/tasks.rs:"));
    assert_eq!(pool.call::<pid>(()).await.unwrap(), before);
    pool.close().await.unwrap();
}

async fn a_panic_whose_payload_panics_is_a_panic() {
    let pool = one_worker_for(1).await;
    let before = pool.call::<pid>(()).await.unwrap();
    let error = pool.call::<throws_a_bomb>(()).await.unwrap_err();
    let said = error.to_string();
    assert!(said.ends_with(": a panic without a message"), "{said}");
    assert!(matches!(error, TaskError::Panicked { .. }), "{error:?}");
    // One that panics while it is cancelled frees its place all the same.
    let line = Line::open();
    let call = tokio::spawn(pool.call::<holds_a_bomb>(line.name.clone()).into_future());
    let held = line.next().await;
    call.abort();
    held.gone().await;
    assert_eq!(pool.call::<pid>(()).await.unwrap(), before);
    pool.close().await.unwrap();
}

async fn a_value_that_does_not_cross_fails_only_its_call() {
    let pool = one_worker_for(1).await;
    let before = pool.call::<take_picky>(Picky::Fine).await.unwrap();

    let check = |error: Error, said: &str| assert!(error.to_string().starts_with(said), "{error}");
    match pool.call::<take_picky>(Picky::NotWritten).await {
        Err(TaskError::Pool(
            error @ Error::Encode {
                part: Part::Input, ..
            },
        )) => {
            check(
                error,
                "the input of task it::tasks::take_picky cannot be sent: ",
            );
        }
        other => panic!("{other:?}"),
    }
    match pool.call::<take_picky>(Picky::NotRead).await {
        Err(TaskError::Pool(
            error @ Error::Decode {
                part: Part::Input, ..
            },
        )) => {
            check(
                error,
                "the input of task it::tasks::take_picky cannot be read: ",
            );
        }
        other => panic!("{other:?}"),
    }
    match pool.call::<give_picky>(true).await {
        Err(TaskError::Pool(
            error @ Error::Encode {
                part: Part::Output, ..
            },
        )) => {
            check(
                error,
                "the output of task it::tasks::give_picky cannot be sent: ",
            );
        }
        other => panic!("{other:?}"),
    }
    match pool.call::<give_picky>(false).await {
        Err(TaskError::Pool(
            error @ Error::Decode {
                part: Part::Output, ..
            },
        )) => {
            check(
                error,
                "the output of task it::tasks::give_picky cannot be read: ",
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        pool.call::<pid>(()).await.unwrap(),
        before,
        "the same worker"
    );
    pool.close().await.unwrap();
}

async fn what_a_values_own_serde_code_says_comes_back() {
    let pool = one_worker_for(1).await;
    let ends = |error: TaskError<aio_pool::Never>, end: &str| {
        let said = error.to_string();
        assert!(said.ends_with(end), "{said}");
    };
    let refused = pool.call::<take_picky>(Picky::NotWritten).await;
    ends(refused.unwrap_err(), ": it will not be written");
    let refused = pool.call::<take_picky>(Picky::NotRead).await;
    ends(refused.unwrap_err(), ": it will not be read");
    let refused = pool.call::<give_picky>(true).await;
    ends(refused.unwrap_err(), ": it will not be written");
    let refused = pool.call::<give_picky>(false).await;
    ends(refused.unwrap_err(), ": it will not be read");
    let refused = pool.call::<untagged>(Untagged::Word("a".to_owned())).await;
    ends(
        refused.unwrap_err(),
        "untagged cannot be read: its Deserialize asks what the bytes hold, as serde's untagged, \
         flatten and internally tagged types do, and this format does not say",
    );
    pool.close().await.unwrap();
}

async fn a_value_that_is_nested_too_deep_is_an_error_on_either_side() {
    let pool = one_worker_for(1).await;
    let before = pool.call::<pid>(()).await.unwrap();
    // Far beyond what any stack could read.
    let input = pool.call::<take_deep>(Deep(3_000_000)).await.unwrap_err();
    let output = pool.call::<give_deep>(3_000_000).await.unwrap_err();
    for (error, start) in [
        (
            input,
            "the input of task it::tasks::take_deep cannot be read: ",
        ),
        (
            output,
            "the output of task it::tasks::give_deep cannot be read: ",
        ),
    ] {
        let said = error.to_string();
        assert!(said.starts_with(start), "{said}");
        assert!(said.contains("nested more than 128 levels deep"), "{said}");
    }
    assert_eq!(pool.call::<take_deep>(Deep(60)).await.unwrap(), 60);
    assert_eq!(pool.call::<pid>(()).await.unwrap(), before);
    pool.close().await.unwrap();
}

async fn a_value_beyond_the_longest_frame_is_refused_on_either_side() {
    const TOO_MUCH: usize = (256 << 20) + 1;
    let pool = one_worker_for(1).await;
    let before = pool.call::<pid>(()).await.unwrap();
    let input = pool.call::<take_bulk>(Bulk(TOO_MUCH)).await.unwrap_err();
    let output = pool.call::<give_bulk>(TOO_MUCH).await.unwrap_err();
    for (error, named) in [(input, "take_bulk"), (output, "give_bulk")] {
        let said = error.to_string();
        assert!(
            said.contains(named) && said.contains("bytes, and may have"),
            "{said}"
        );
    }
    assert_eq!(pool.call::<take_bulk>(Bulk(1_000)).await.unwrap(), 1_000);
    assert_eq!(
        pool.call::<pid>(()).await.unwrap(),
        before,
        "the same worker"
    );
    pool.close().await.unwrap();
}

async fn an_unregistered_task_is_named() {
    let pool = one_worker_for(1).await;
    let error = pool.call::<Stranger>(()).await.unwrap_err();
    let task = "tests/stranger";
    assert_eq!(error, TaskError::Pool(Error::UnknownTask { task }));
    assert!(error.to_string().contains(task));
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn tasks_of_one_worker_run_at_the_same_time() {
    // None of the three ends before all have begun.
    let pool = one_worker_for(3).await;
    let (a, b, c) = join!(
        pool.call::<meet>(3).into_future(),
        pool.call::<meet>(3).into_future(),
        pool.call::<meet>(3).into_future(),
    );
    assert_eq!(a.unwrap(), b.unwrap());
    assert_ne!(c.unwrap(), id());
    pool.close().await.unwrap();
}

async fn calls_are_spread_over_the_workers() {
    let pool = aio_pool::start().workers(3).await.unwrap();
    let line = Line::open();
    let calls = loop {
        let (mut calls, mut held) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            calls.push(tokio::spawn(
                pool.call::<hold>(line.name.clone()).into_future(),
            ));
            held.push(line.next().await);
        }
        let pids: HashSet<u32> = held.iter().map(|held| held.pid).collect();
        if pids.len() == 3 {
            break calls;
        }
        // One got no processor for so long that its call was given to another.
        for call in calls {
            call.abort();
        }
        for held in held {
            held.gone().await;
        }
    };
    pool.terminate().await;
    for call in calls {
        let task = hold::NAME;
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(&error, TaskError::Cancelled { task: named, .. } if *named == task));
        assert!(error.to_string().contains(task), "{error}");
    }
}

async fn a_timeout_ends_the_task() {
    let pool = one_worker_for(1).await;
    let line = Line::open();
    let limit = Duration::from_millis(50);
    let (held, outcome, limit) = timed_out::<hold>(&pool, &line, limit).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, TaskError::TimedOut { after, .. } if after == limit));
    assert_eq!(
        error.to_string(),
        format!("task it::tasks::hold was not answered within {limit:?}")
    );
    let pid_of_task = held.pid;
    held.gone().await;
    assert_eq!(pool.call::<pid>(()).await.unwrap(), pid_of_task);
    pool.close().await.unwrap();
}

async fn a_timeout_counts_the_queue() {
    let pool = one_worker_for(1).await;
    let line = Line::open();
    let blocker = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    let held = line.next().await;
    let queued = pool.call::<pid>(()).timeout(Duration::from_millis(20));
    assert!(matches!(queued.await, Err(TaskError::TimedOut { .. })));
    blocker.abort();
    let pid_of_task = held.pid;
    held.gone().await;
    let generous = pool.call::<pid>(()).timeout(Duration::MAX);
    assert_eq!(generous.await.unwrap(), pid_of_task);
    pool.close().await.unwrap();
}

async fn dropping_a_call_ends_its_task_and_frees_its_place() {
    let pool = one_worker_for(1).await;
    let line = Line::open();
    let mut pids = Vec::new();
    for _ in 0..10 {
        let call = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
        let held = line.next().await;
        pids.push(held.pid);
        call.abort();
        held.gone().await;
    }
    // The only place was taken ten times, by one and the same process.
    assert_eq!(pids, [pool.call::<pid>(()).await.unwrap(); 10]);
    pool.close().await.unwrap();
}

async fn a_call_that_is_not_polled_is_not_made() {
    let pool = one_worker_for(1).await;
    let line = Line::open();
    drop(pool.call::<hold>(line.name.clone()));
    drop(pool.call::<hold>(line.name.clone()).into_future());
    // Had one been made, it would hold the only place.
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn the_runtime_that_started_the_pool_may_go() {
    let other = std::thread::spawn(|| {
        let runtime = runtime();
        let pool = runtime.block_on(one_worker_for(1));
        // A call under way there, answered here; or there already.
        let mut call = Box::pin(pool.call::<pid>(()).into_future());
        let polled = runtime.block_on(std::future::poll_fn(|cx| {
            std::task::Poll::Ready(call.as_mut().poll(cx))
        }));
        drop(runtime);
        (pool, polled, call)
    });
    let (pool, polled, call) = other.join().unwrap();
    let answered = match polled {
        std::task::Poll::Ready(answer) => answer.unwrap(),
        std::task::Poll::Pending => call.await.unwrap(),
    };
    assert_eq!(pool.call::<pid>(()).await.unwrap(), answered);
    pool.close().await.unwrap();
}

async fn a_task_cannot_reach_the_socket_through_stdin() {
    let pool = one_worker_for(1).await;
    assert_eq!(pool.call::<stdin_is>(()).await.unwrap(), "/dev/null");
    pool.close().await.unwrap();
}
