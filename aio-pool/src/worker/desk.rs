//! What the dispatcher, the watcher and the calls have in common: the orders
//! that have come, the answers that go, and who is to look at them next.

use std::os::unix::net::UnixStream;
use std::process::exit;
use std::sync::{Arc, Mutex, OnceLock};

use rustix::net::RecvFlags;
use tokio::io::unix::AsyncFd;
use tokio::sync::{Notify, Semaphore};
use tokio::task::AbortHandle;
use tokio_util::bytes::Bytes;

use super::inbox::{Cancelled, Effect, Inbox, More, Next};
use super::incoming::{Fill, Incoming};
use super::pulse::Pulse;
use super::uplink::{Uplink, Wrote};
use super::{give_up, lock, watchdog, words};
use crate::context::{Stop, Surroundings};
use crate::job::Answer;
use crate::marks::Marks;
use crate::registry::Table;
use crate::wire::{CallId, Ending, Up, WHOLE};

/// How a call that has begun is held.
#[derive(Debug, Clone, Default)]
pub(super) struct Reins {
    stop: Stop,
    /// There is one once the call has been seen to wait.
    abort: Option<AbortHandle>,
    /// There is some if it yields items.
    credit: Option<Arc<Semaphore>>,
}

impl Reins {
    fn stop(&self) {
        self.stop.request();
        if let Some(abort) = &self.abort {
            abort.abort();
        }
    }
}

/// The common things.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) table: &'static Table,
    pub(super) marks: Marks,
    pub(super) pulse: Arc<Pulse>,
    pub(super) uplink: Uplink,
    /// How many calls may have begun and not be answered.
    places: usize,
    /// There are none until the initializers are through; no call begins before.
    surroundings: OnceLock<Arc<Surroundings>>,
    socket: AsyncFd<UnixStream>,
    mail: Mutex<Mail>,
    /// Calls the dispatcher.
    bell: Notify,
}

#[derive(Debug)]
struct Mail {
    incoming: Incoming,
    inbox: Inbox<Reins>,
}

impl Desk {
    pub(super) fn new(
        table: &'static Table,
        marks: Marks,
        pulse: Arc<Pulse>,
        uplink: Uplink,
        places: u32,
        socket: AsyncFd<UnixStream>,
        incoming: Incoming,
    ) -> Self {
        Self {
            table,
            marks,
            pulse,
            uplink,
            places: usize::try_from(places).unwrap_or(usize::MAX).max(1),
            surroundings: OnceLock::new(),
            socket,
            mail: Mutex::new(Mail {
                incoming,
                inbox: Inbox::new(),
            }),
            bell: Notify::new(),
        }
    }

    /// Lets calls begin.
    pub(super) fn open(&self, surroundings: Surroundings) {
        let first = self.surroundings.set(Arc::new(surroundings)).is_ok();
        debug_assert!(first, "a worker that got ready twice");
        self.ring();
    }

    pub(super) fn socket(&self) -> &UnixStream {
        self.socket.get_ref()
    }

    /// Calls the dispatcher, now or when it comes to wait.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Reads what there is, without waiting, and does what needs no user code.
    pub(super) fn read(&self) -> Fill {
        // Followed under no lock: they wake others.
        let mut effects = Vec::new();
        let fill = {
            let mut mail = lock(&self.mail);
            let Mail { incoming, inbox } = &mut *mail;
            let fill = incoming.fill(self.socket(), RecvFlags::DONTWAIT);
            if fill == Fill::End {
                watchdog::end();
            }
            self.sort(incoming, inbox, &mut effects);
            fill
        };
        for effect in effects {
            match effect {
                Effect::Stop(reins) => reins.stop(),
                Effect::Credit(reins, items) => {
                    if let Some(credit) = reins.credit {
                        credit.add_permits(usize::try_from(items).unwrap_or(0));
                    }
                }
                Effect::None | Effect::Cancelled(_) | Effect::Returned(_) | Effect::Stopped(_) => {}
            }
        }
        fill
    }

    fn sort(
        &self,
        incoming: &mut Incoming,
        inbox: &mut Inbox<Reins>,
        effects: &mut Vec<Effect<Reins>>,
    ) {
        // The parent means no harm. What it gets wrong is a bug of this crate,
        // and nothing that is guessed makes it better.
        while let Some((down, payload)) = incoming.next().unwrap_or_else(|error| give_up(error)) {
            match inbox.obey(down, payload).unwrap_or_else(|bug| give_up(bug)) {
                Effect::None => {}
                Effect::Cancelled(call) => {
                    let ending = Ending::Cancelled;
                    self.uplink.add(&Up::Done { call, ending });
                }
                Effect::Returned(calls) => {
                    for call in calls {
                        self.uplink.add(&Up::Returned { call });
                    }
                }
                Effect::Stopped(call) => self.uplink.add(&Up::Stopped { call }),
                effect @ (Effect::Stop(_) | Effect::Credit(..)) => effects.push(effect),
            }
        }
    }

    /// Waits until there is something for the dispatcher to do.
    pub(super) async fn wait(&self) {
        tokio::select! {
            biased;
            () = self.bell.notified() => {}
            ready = self.socket.readable() => {
                let Ok(mut ready) = ready else { watchdog::end() };
                if matches!(self.read(), Fill::Nothing | Fill::All) {
                    ready.clear_ready();
                }
            }
        }
    }

    /// Begins the next call, if one may. It gets its stop and its surroundings.
    pub(super) fn next(&self) -> (Next, Stop) {
        let stop = Stop::default();
        let places = match self.surroundings.get() {
            Some(_) => self.places.saturating_sub(self.uplink.unwritten()),
            None => 0,
        };
        let reins = || Reins {
            stop: stop.clone(),
            ..Reins::default()
        };
        (lock(&self.mail).inbox.next(places, reins), stop)
    }

    pub(super) fn surroundings(&self) -> Arc<Surroundings> {
        self.surroundings.get().cloned().unwrap_or_default()
    }

    /// Lets a call be given credit.
    pub(super) fn give_credit_through(&self, call: CallId, credit: &Arc<Semaphore>) {
        let credit = Some(Arc::clone(credit));
        lock(&self.mail)
            .inbox
            .rein(call, |reins| reins.credit = credit);
    }

    /// Lets a call be aborted; at once if it has been cancelled.
    pub(super) fn abort_through(&self, call: CallId, abort: AbortHandle) {
        let handle = Some(abort.clone());
        let cancelled = lock(&self.mail)
            .inbox
            .rein(call, |reins| reins.abort = handle);
        if cancelled == Cancelled::Yes {
            abort.abort();
        }
    }

    /// Whether a call that has begun has been cancelled.
    pub(super) fn is_cancelled(&self, call: CallId) -> bool {
        lock(&self.mail).inbox.cancelled(call) == Cancelled::Yes
    }

    /// Gathers the answer to a call that has begun. It is written with the next
    /// flush, or, if it is long, by a thread of its own.
    pub(super) fn answer(self: &Arc<Self>, call: CallId, answer: Answer) {
        if answer.payload.len() > WHOLE {
            self.answer_in_turn(call, answer);
        } else {
            self.finish(call, answer.ending, &answer.payload);
        }
    }

    /// Answers when all that is being sent in pieces now has been sent.
    pub(super) fn answer_in_turn(self: &Arc<Self>, call: CallId, answer: Answer) {
        if answer.payload.len() <= WHOLE
            && let Some(_turn) = self.uplink.turn_if_free()
        {
            return self.finish(call, answer.ending, &answer.payload);
        }
        if lock(&self.mail).inbox.answering(call) == Cancelled::Yes {
            // The turn may be far, and the parent gives the task no such time.
            self.uplink.add(&Up::Stopped { call });
        }
        let (desk, ending) = (Arc::clone(self), answer.ending.clone());
        let payload = answer.payload.clone();
        // On a thread of its own: other tasks may compute on the runtime's, and
        // this one is over.
        let thread = std::thread::Builder::new().name("aio-pool-answer".to_owned());
        let sends = thread.spawn(move || {
            let turn = desk.uplink.wait_for_turn();
            let (ending, payload) = desk.wanted(call, ending, payload);
            let last = desk.uplink.send_all_but_last(call, payload, &turn);
            desk.finish_answer(call, ending, &last);
        });
        if sends.is_err() {
            self.answer_as_task(call, answer);
        }
    }

    /// The same where there may be no other thread.
    fn answer_as_task(self: &Arc<Self>, call: CallId, answer: Answer) {
        let desk = Arc::clone(self);
        tokio::spawn(async move {
            let turn = desk.uplink.turn().await;
            let (ending, payload) = desk.wanted(call, answer.ending, answer.payload);
            let last = desk.uplink.send_but_last(call, payload, &turn).await;
            desk.finish_answer(call, ending, &last);
        });
    }

    /// An answer whose turn it is, or a short one if nobody waits for it.
    fn wanted(&self, call: CallId, ending: Ending, payload: Bytes) -> (Ending, Bytes) {
        match self.is_cancelled(call) {
            true => (Ending::Cancelled, Bytes::new()),
            false => (ending, payload),
        }
    }

    /// Says the last of an answer that had its turn.
    fn finish_answer(&self, call: CallId, ending: Ending, last: &[u8]) {
        lock(&self.mail).inbox.answered(call);
        self.finish(call, ending, last);
        self.uplink.flush();
    }

    fn finish(&self, call: CallId, ending: Ending, payload: &[u8]) {
        let ending = words::shortened(ending);
        self.uplink.send(&Up::Done { call, ending }, payload);
        if lock(&self.mail).inbox.finish(call) == More::Yes {
            self.ring();
        }
    }

    /// Ends the process if nothing is left to do, ever.
    pub(super) fn leave_if_retired(&self) {
        if lock(&self.mail).inbox.is_retired() {
            self.leave();
        }
    }

    /// Ends the process, as the parent has asked.
    pub(super) fn leave(&self) -> ! {
        let _: Wrote = self.uplink.flush();
        exit(0)
    }
}
