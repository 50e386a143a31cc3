//! A call that yields items: what its stream gives is sent as far as there is
//! credit, so that a consumer that takes its time holds the producer back.

use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;
use tokio::sync::Semaphore;
use tokio_util::bytes::Bytes;

use super::desk::Desk;
use crate::job::Answer;
use crate::wire::{CallId, Ending, PIECE, Up};

/// What the call's code has made.
pub(super) type Items = Pin<Box<dyn Stream<Item = Result<Bytes, Answer>> + Send>>;

/// Sends the items of a call, to the last. Each is made only once there is
/// credit for it.
pub(super) async fn send(
    desk: Arc<Desk>,
    call: CallId,
    credit: Arc<Semaphore>,
    mut items: Items,
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

async fn send_one(desk: &Arc<Desk>, call: CallId, item: Bytes) {
    if item.len() <= PIECE {
        return desk.uplink.send(&Up::Item { call }, &item);
    }
    let turn = desk.uplink.turn().await;
    // The call can be dropped, but not amid the pieces of an item: a task of
    // its own sends them, and the answer waits for its turn behind it.
    let desk = Arc::clone(desk);
    let sent = tokio::spawn(async move {
        let last = desk.uplink.send_but_last(call, item, &turn).await;
        desk.uplink.send(&Up::Item { call }, &last);
        desk.uplink.flush();
    });
    // It is neither aborted nor does it panic.
    let _ = sent.await;
}
