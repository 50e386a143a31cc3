//! A worker that lies. Its task takes the socket of its own process and says
//! what the pool must not believe.

use std::time::{Duration, Instant};

use aio_pool::{Exit, Never, Pool, TaskError};
use chaos::dice::Dice;
use tokio::task::JoinHandle;

use crate::deeds::{Way, ended as gone, finish_when_told, forget_peak, peak, resident};
use crate::forge::{
    BEFORE_IT_SAYS, BETWEEN_PIECES, Ending, FIRST_CALL, Up, done, dribble, ended, flood,
    flood_with_pieces, frame, framed, say, say_and_die, say_and_hang_up, stop_and_be_silent,
    stop_and_send,
};
use crate::harness::trials;
use crate::line::{Held, Line};
use crate::pools::{one_worker, pool_of};
use crate::tasks::{hold, nothing, pid};

trials![
    a_frame_beyond_the_maximum_costs_the_worker,
    a_frame_without_a_head_costs_the_worker,
    a_head_that_is_longer_than_its_frame_costs_the_worker,
    an_answer_to_a_call_of_nobody_costs_the_worker,
    an_answer_to_the_call_of_another_worker_costs_only_the_liar,
    whatever_is_said_of_the_call_of_another_worker_costs_only_the_liar,
    an_answer_to_a_call_that_is_over_costs_the_worker,
    an_answer_in_single_bytes_is_an_answer_and_a_second_costs_the_worker,
    a_cancellation_that_nobody_asked_for_costs_the_worker,
    a_second_greeting_costs_the_worker,
    a_refusal_after_the_greeting_costs_the_worker,
    a_start_that_is_said_twice_costs_the_worker,
    an_item_of_a_call_that_has_none_costs_the_worker,
    a_call_that_has_begun_cannot_be_given_back,
    a_call_that_somebody_waits_for_has_not_been_stopped,
    a_call_that_has_stopped_may_be_answered_late_while_another_is_sent,
    a_call_that_has_stopped_and_is_never_answered_costs_the_worker,
    pieces_beyond_the_maximum_cost_the_worker_and_no_more_memory,
    pieces_of_a_call_of_nobody_cost_the_worker_and_no_memory,
    pieces_that_are_no_pieces_cost_the_worker_and_no_memory,
    random_bytes_cost_the_worker_at_most,
    a_flood_of_lies_is_survived,
    a_worker_that_hangs_up_and_stays_is_killed,
];

/// The first call of a pool asks for the pid; the second is the one that lies.
const LIE: u64 = FIRST_CALL + 1;

/// Which worker was killed for what it said, and for which of it.
fn blamed(error: &TaskError<Never>) -> (u32, &str) {
    match error {
        TaskError::WorkerLost {
            pid,
            exit: Exit::Ended { reason },
            started: true,
            ..
        } => (*pid, reason),
        other => panic!("{other:?}"),
    }
}

/// The call ends with the worker, for the reason; the pool goes on with another.
async fn costs_the_worker(bytes: Vec<u8>, said: &str) {
    let pool = one_worker().await;
    let liar = pool.call::<pid>(()).await.unwrap();
    let error = pool.call::<say>(bytes).await.unwrap_err();
    let (lost, reason) = blamed(&error);
    assert_eq!(lost, liar);
    assert!(reason.contains(said), "{reason}");
    assert_ne!(pool.call::<pid>(()).await.unwrap(), liar);
    pool.close().await.unwrap();
}

async fn a_frame_beyond_the_maximum_costs_the_worker() {
    costs_the_worker(vec![0xff; 64], "frame size too big").await;
}

async fn a_frame_without_a_head_costs_the_worker() {
    costs_the_worker(
        framed(&[0xff; 9]),
        "a frame of 9 bytes without a readable head",
    )
    .await;
    costs_the_worker(framed(&[]), "a frame of 0 bytes without a readable head").await;
    let half_a_head = framed(&[Up::Done as u8]);
    costs_the_worker(half_a_head, "a frame of 1 bytes without a readable head").await;
}

async fn a_head_that_is_longer_than_its_frame_costs_the_worker() {
    // The message of the panic has more bytes than there are.
    let panicked = frame(
        Up::Done,
        &[LIE, Ending::Panicked as u64, u64::from(u32::MAX)],
        b"short",
    );
    costs_the_worker(panicked, "without a readable head").await;
}

async fn an_answer_to_a_call_of_nobody_costs_the_worker() {
    costs_the_worker(done(99), "call 99").await;
}

async fn an_answer_to_the_call_of_another_worker_costs_only_the_liar() {
    only_the_liar(done(FIRST_CALL)).await;
}

async fn whatever_is_said_of_the_call_of_another_worker_costs_only_the_liar() {
    for head in [Up::Started, Up::Returned, Up::Item, Up::Piece, Up::Stopped] {
        only_the_liar(frame(head, &[FIRST_CALL], &[])).await;
    }
    only_the_liar(ended(FIRST_CALL, Ending::Cancelled)).await;
}

/// A call that runs in a worker of its own while another lies.
struct Honest {
    call: JoinHandle<Result<u32, TaskError<Never>>>,
    held: Held,
}

impl Honest {
    /// It is the first call of the pool.
    async fn call(pool: &Pool) -> Self {
        let line = Line::open();
        let call = pool.call::<finish_when_told>(line.name.clone());
        let call = tokio::spawn(call.into_future());
        let held = line.next().await;
        Self { call, held }
    }

    /// The answer that comes is its own.
    async fn answers(self) {
        let Self { call, held } = self;
        let pid = held.pid;
        drop(held);
        assert_eq!(call.await.unwrap().unwrap(), pid);
    }
}

/// Costs the worker that says this, and not the one with the first call.
async fn only_the_liar(bytes: Vec<u8>) {
    let pool = pool_of(2, 1).await;
    let honest = Honest::call(&pool).await;
    let error = pool.call::<say>(bytes).await.unwrap_err();
    assert_ne!(blamed(&error).0, honest.held.pid);
    assert!(!honest.call.is_finished());
    honest.answers().await;
    pool.close().await.unwrap();
}

async fn an_answer_to_a_call_that_is_over_costs_the_worker() {
    costs_the_worker(done(FIRST_CALL), &format!("call {FIRST_CALL}")).await;
}

async fn an_answer_in_single_bytes_is_an_answer_and_a_second_costs_the_worker() {
    let pool = one_worker().await;
    let liar = pool.call::<pid>(()).await.unwrap();
    let line = Line::open();
    let beside = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    let held = line.next().await;
    // Two calls were before.
    pool.call::<dribble>(done(LIE + 1).repeat(2)).await.unwrap();
    let error = beside.await.unwrap().unwrap_err();
    let (lost, reason) = blamed(&error);
    assert_eq!((lost, held.pid), (liar, liar));
    assert!(reason.contains(&format!("call {}", LIE + 1)), "{reason}");
    assert_ne!(pool.call::<pid>(()).await.unwrap(), liar);
    pool.close().await.unwrap();
}

async fn a_cancellation_that_nobody_asked_for_costs_the_worker() {
    costs_the_worker(ended(LIE, Ending::Cancelled), &format!("call {LIE}")).await;
}

async fn a_second_greeting_costs_the_worker() {
    costs_the_worker(frame(Up::Ready, &[2, 0], &[]), "it greeted twice").await;
}

async fn a_refusal_after_the_greeting_costs_the_worker() {
    costs_the_worker(frame(Up::Refused, &[4], b"no!?"), "no!?").await;
}

async fn a_start_that_is_said_twice_costs_the_worker() {
    let started = frame(Up::Started, &[LIE], &[]);
    costs_the_worker(started.repeat(2), &format!("call {LIE}")).await;
}

async fn an_item_of_a_call_that_has_none_costs_the_worker() {
    costs_the_worker(frame(Up::Item, &[LIE], &[7]), "").await;
}

async fn a_call_that_has_begun_cannot_be_given_back() {
    // Believed, it would run again, and here for ever.
    costs_the_worker(frame(Up::Returned, &[LIE], &[]), "").await;
}

async fn a_call_that_somebody_waits_for_has_not_been_stopped() {
    costs_the_worker(frame(Up::Stopped, &[LIE], &[]), &format!("call {LIE}")).await;
}

/// How long a cancelled call may go on, or its worker be silent once it has stopped.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A call that is held, and one beside it in the same worker that was cancelled and
/// is about to say that it has stopped.
struct Beside {
    held: Held,
    call: JoinHandle<Result<(), TaskError<Never>>>,
    cancelled: Instant,
}

impl Beside {
    /// The held call is the first of the pool, and the cancelled one the second.
    async fn cancel<T>(pool: &Pool, stops: impl FnOnce(String) -> T) -> Self
    where
        T: IntoFuture<Output = Result<(), TaskError<Never>>>,
        T::IntoFuture: Send + 'static,
    {
        let line = Line::open();
        let call = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
        let held = line.next().await;
        let stops = tokio::spawn(stops(line.name.clone()).into_future());
        let stopping = line.next().await;
        assert_eq!(stopping.pid, held.pid);
        let cancelled = Instant::now();
        stops.abort();
        assert!(stops.await.unwrap_err().is_cancelled());
        // It waits until this is dropped.
        drop(stopping);
        Self {
            held,
            call,
            cancelled,
        }
    }
}

async fn a_call_that_has_stopped_may_be_answered_late_while_another_is_sent() {
    const PIECES: u32 = 8;
    let pool = one_worker().await;
    let stops = |line| pool.call::<stop_and_send>((line, LIE, FIRST_CALL, PIECES));
    let beside = Beside::cancel(&pool, stops).await;
    // It is begun when the other is over.
    let worker = pool.call::<pid>(()).await.unwrap();
    assert_eq!(worker, beside.held.pid, "it lives on");
    assert!(beside.cancelled.elapsed() >= BEFORE_IT_SAYS + BETWEEN_PIECES * PIECES);
    assert!(!beside.call.is_finished());
    beside.call.abort();
    beside.held.gone().await;
    assert_eq!(pool.call::<pid>(()).await, Ok(worker));
    pool.close().await.unwrap();
}

async fn a_call_that_has_stopped_and_is_never_answered_costs_the_worker() {
    let pool = one_worker().await;
    let stops = |line| pool.call::<stop_and_be_silent>((line, LIE));
    let beside = Beside::cancel(&pool, stops).await;
    let error = beside.call.await.unwrap().unwrap_err();
    // Its time began again when it said that it had stopped.
    let after = beside.cancelled.elapsed();
    assert!(after >= BEFORE_IT_SAYS + STOP_GRACE, "{after:?}");
    let task = "it::forge::stop_and_be_silent";
    let reason = format!("task {task} did not stop when it was cancelled");
    assert_eq!(blamed(&error), (beside.held.pid, &*reason));
    assert_ne!(pool.call::<pid>(()).await.unwrap(), beside.held.pid);
    pool.close().await.unwrap();
}

async fn pieces_beyond_the_maximum_cost_the_worker_and_no_more_memory() {
    // The longest payload, and what else there is.
    costs_at_most((256 << 20) + (64 << 20), FIRST_CALL, 1 << 20).await;
}

async fn pieces_of_a_call_of_nobody_cost_the_worker_and_no_memory() {
    costs_at_most(64 << 20, 99, 1 << 20).await;
}

async fn pieces_that_are_no_pieces_cost_the_worker_and_no_memory() {
    // They never come to the maximum, and each would have to be remembered.
    for bytes in [0, 1] {
        costs_at_most(64 << 20, FIRST_CALL, bytes).await;
    }
}

/// A flood of pieces, of so many bytes each, ends its worker.
async fn costs_at_most(bytes: u64, call: u64, piece: usize) {
    let pool = one_worker().await;
    forget_peak();
    let before = resident();
    let error = pool
        .call::<flood_with_pieces>((call, piece))
        .await
        .unwrap_err();
    blamed(&error);
    let grown = peak().saturating_sub(before);
    assert!(grown <= bytes, "{grown} bytes");
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn random_bytes_cost_the_worker_at_most() {
    const ROUNDS: u64 = 60;
    let seed = u64::from(std::process::id());
    let pool = pool_of(2, 1).await;
    let honest = Honest::call(&pool).await;
    let mut dice = Dice::new(seed);
    for round in 0..ROUNDS {
        let mut bytes = Vec::new();
        for _ in 0..dice.below(4) + 1 {
            let mut body: Vec<u8> = (0..dice.below(24))
                .map(|_| u8::try_from(dice.below(256)).unwrap())
                .collect();
            // Now and then it is a head, of a call that might be there.
            if let Some(head) = body.first_mut() {
                *head %= 9;
            }
            if let Some(call) = body.get_mut(1) {
                *call %= 4;
            }
            bytes.extend(framed(&body));
        }
        bytes.truncate(bytes.len() - dice.below(3) as usize);
        match pool.call::<say_and_die>((bytes, Way::Kill)).await {
            // It answered itself, with a value or with what is none.
            Ok(()) | Err(TaskError::Panicked { .. } | TaskError::Pool(_)) => {}
            Err(TaskError::WorkerLost { pid, .. }) => {
                assert_ne!(pid, honest.held.pid, "seed {seed}, round {round}");
                gone(pid).await;
            }
            Err(other) => panic!("seed {seed}, round {round}: {other:?}"),
        }
        assert!(!honest.call.is_finished(), "seed {seed}, round {round}");
        // Its worker may have answered, and be about to die.
        until_served(&pool).await;
    }
    honest.answers().await;
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn until_served(pool: &Pool) {
    while let Err(error) = pool.call::<nothing>(()).await {
        assert!(matches!(error, TaskError::WorkerLost { .. }), "{error:?}");
    }
}

async fn a_flood_of_lies_is_survived() {
    let pool = one_worker().await;
    let error = pool
        .call::<flood>(done(77).repeat(10_000))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("call 77"), "{error}");
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}

async fn a_worker_that_hangs_up_and_stays_is_killed() {
    let pool = one_worker().await;
    // Not even its answer is whole.
    let mut half = done(FIRST_CALL);
    half.pop();
    let error = pool.call::<say_and_hang_up>(half).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.ends_with("it closed its connection and did not end"),
        "{said}"
    );
    pool.call::<nothing>(()).await.unwrap();
    pool.close().await.unwrap();
}
