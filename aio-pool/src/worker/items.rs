//! A call that yields items: what its stream gives is sent as far as there is
//! credit, so that a consumer that takes its time holds the producer back.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::bytes::Bytes;

use super::desk::Desk;
use crate::job::{Answer, Payloads};
use crate::wire::{CallId, Ending, Up, WHOLE};

/// Sends the items of a call, to the last. Each is made only once there is
/// credit for it.
pub(super) async fn send(
    desk: Arc<Desk>,
    call: CallId,
    credit: Arc<Semaphore>,
    mut items: Payloads,
) -> Answer {
    loop {
        let Ok(one) = credit.acquire().await else {
            return Ending::Cancelled.into();
        };
        match std::future::poll_fn(|cx| items.as_mut().poll_next(cx)).await {
            Some(Ok(item)) => {
                one.forget();
                send_one(&desk, call, item).await;
            }
            Some(Err(answer)) => return answer,
            None => return Ending::Output.into(),
        }
    }
}

/// Says an item at once, before the next is made: if the process ends while that
/// is made, this one has arrived.
async fn send_one(desk: &Arc<Desk>, call: CallId, item: Bytes) {
    let head = Up::Item { call };
    if item.len() <= WHOLE {
        return desk.uplink.say(&head, &item);
    }
    let turn = desk.uplink.turn().await;
    // The call can be dropped, but not amid the pieces of an item: a thread of
    // its own sends them, whatever computes on the runtime's, and the answer
    // waits for its turn behind it.
    let (tell, sent) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("aio-pool-item".to_owned());
    let sends = thread.spawn({
        let (desk, item, head) = (Arc::clone(desk), item.clone(), head.clone());
        move || {
            let last = desk.uplink.send_all_but_last(call, item, &turn);
            desk.uplink.say(&head, &last);
            drop(turn);
            let _ = tell.send(());
        }
    });
    match sends {
        Ok(_) => drop(sent.await),
        Err(_) => send_as_task(desk, call, head, item).await,
    }
}

/// The same where there may be no other thread.
async fn send_as_task(desk: &Arc<Desk>, call: CallId, head: Up, item: Bytes) {
    let turn = desk.uplink.turn().await;
    let desk = Arc::clone(desk);
    let sent = tokio::spawn(async move {
        let last = desk.uplink.send_but_last(call, item, &turn).await;
        desk.uplink.say(&head, &last);
    });
    // It is neither aborted nor does it panic.
    let _ = sent.await;
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use futures_core::Stream;

    use super::super::begun::Begun;
    use super::super::inbox::Next;
    use super::super::incoming::Incoming;
    use super::super::pulse::Pulse;
    use super::super::tests::Parent;
    use super::super::uplink::{Turn, Uplink};
    use super::super::{listen_here, tests};
    use super::*;
    use crate::context::{self, Surroundings};
    use crate::job::{Job, Running};
    use crate::marks::Marks;
    use crate::registry::Table;
    use crate::wire::{Announce, Down, ITEM_CREDIT};

    /// Items of so many bytes, without an end, and how many of them were made.
    struct Endless(usize, &'static AtomicUsize);

    impl Stream for Endless {
        type Item = Result<Bytes, Answer>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.1.fetch_add(1, Ordering::SeqCst);
            Poll::Ready(Some(Ok(Bytes::from(vec![7; self.0]))))
        }
    }

    /// A desk without a dispatcher, at which a call has begun as a task.
    fn desk_of_one_call(run: fn(Job) -> Running) -> (Parent, Arc<Desk>) {
        let (mut parent, desk) = desk();
        begin(&mut parent, &desk, run);
        (parent, desk)
    }

    fn desk() -> (Parent, Arc<Desk>) {
        let (socket, theirs) = UnixStream::pair().unwrap();
        let (marks, page) = Marks::create().unwrap();
        let desk = Arc::new(Desk::new(
            Table::of_this_program().unwrap(),
            Marks::map(page).unwrap(),
            Arc::new(Pulse::new()),
            Uplink::new(theirs.try_clone().unwrap()),
            1,
            listen_here(theirs).unwrap(),
            Incoming::new(),
        ));
        desk.open(Surroundings::default());
        (Parent::at(socket, marks), desk)
    }

    fn begin(parent: &mut Parent, desk: &Arc<Desk>, run: fn(Job) -> Running) {
        parent.order(&Down::Run {
            call: 0,
            task: 0,
            number: 1,
            announce: Announce::No,
        });
        desk.read();
        let (Next::Begin(waiting), stop) = desk.next() else {
            panic!("no call");
        };
        let context = context::Context::new(stop, desk.surroundings());
        let input = waiting.input;
        let begun = Begun::new(desk, (0, 1), run, Job { input, context });
        desk.abort_through(0, tokio::spawn(begun).abort_handle());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn an_item_is_made_when_there_is_credit_for_it_and_no_sooner() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let (mut parent, desk) = desk_of_one_call(|_| Running::Items(Box::pin(Endless(3, &MADE))));
        for credit in [ITEM_CREDIT, 1, 5] {
            for _ in 0..credit {
                assert_eq!(
                    parent.hear(),
                    (Up::Item { call: 0 }, Bytes::from(vec![7; 3]))
                );
            }
            // What is told next is told behind all that was made.
            let items = if credit == 1 { 5 } else { 1 };
            if credit != 5 {
                parent.order(&Down::Credit { call: 0, items });
                desk.read();
            }
        }
        parent.order(&Down::Cancel { call: 0 });
        desk.read();
        parent.hears(&[(0, Ending::Cancelled)]);
        assert_eq!(MADE.load(Ordering::SeqCst), 16 + 1 + 5);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_long_item_is_sent_whole_whenever_its_call_is_cancelled() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let (mut parent, desk) =
            desk_of_one_call(|_| Running::Items(Box::pin(Endless(2 * WHOLE + 1, &MADE))));
        let mut bytes = 0;
        loop {
            let (up, payload) = parent.hear();
            match up {
                Up::Piece { call: 0 } => {
                    if bytes == 0 {
                        parent.order(&Down::Cancel { call: 0 });
                        desk.read();
                    }
                    bytes += payload.len();
                }
                Up::Item { call: 0 } => {
                    assert_eq!(bytes + payload.len(), 2 * WHOLE + 1);
                    bytes = 0;
                }
                // It has stopped amid an item, whose rest comes before its answer.
                Up::Stopped { call: 0 } => {}
                other => {
                    assert_eq!(other, tests::done(0, Ending::Cancelled));
                    break;
                }
            }
        }
        assert_eq!(bytes, 0, "nothing was left half sent");
    }

    /// What a call says that is cancelled while others send what is long, and
    /// when it is its turn.
    fn says_that_it_stopped(mut parent: Parent, desk: &Desk, others: Turn) {
        parent.order(&Down::Cancel { call: 0 });
        desk.read();
        desk.uplink.flush();
        assert_eq!(parent.hear().0, Up::Stopped { call: 0 });
        drop(others);
        // Nobody reads what it might have said.
        let done = tests::done(0, Ending::Cancelled);
        assert_eq!(parent.hear(), (done, Bytes::new()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_stream_says_at_once_that_it_stopped_and_answers_in_turn() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let (mut parent, desk) = desk();
        let others = desk.uplink.turn().await;
        begin(&mut parent, &desk, |_| {
            Running::Items(Box::pin(Endless(WHOLE + 1, &MADE)))
        });
        says_that_it_stopped(parent, &desk, others);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_long_answer_that_waits_for_its_turn_is_cancelled_with_a_word() {
        let (mut parent, desk) = desk();
        let others = desk.uplink.turn().await;
        begin(&mut parent, &desk, |_| {
            Running::Value(Box::pin(std::future::pending()))
        });
        let payload = Bytes::from(vec![7; WHOLE + 1]);
        let ending = Ending::Output;
        desk.answer(0, Answer { ending, payload });
        says_that_it_stopped(parent, &desk, others);
    }
}
