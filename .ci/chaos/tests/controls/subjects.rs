//! A ledger whose owner is a thread, in a sound and several broken variants.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use chaos::{Gate, Step};
use tokio::sync::oneshot;

/// How the ledger's transaction behaves when its guard is dropped.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum OnDrop {
    RollsBack,
    /// The bug: the guard forgets to say so.
    Forgets,
}

enum Job {
    Begin(oneshot::Sender<()>),
    Put(u32, oneshot::Sender<()>),
    Commit(oneshot::Sender<()>),
    Rollback,
    Read(oneshot::Sender<Vec<u32>>),
}

#[derive(Default)]
struct State {
    committed: Vec<u32>,
    open: Option<Vec<u32>>,
}

/// The handle; its thread ends with the last clone.
#[derive(Clone)]
pub(crate) struct Ledger {
    jobs: Sender<Job>,
    pub(crate) gate: Gate,
    on_drop: OnDrop,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Ledger {
    pub(crate) fn open(on_drop: OnDrop) -> Self {
        let gate = Gate::new("put");
        let step = gate.step();
        let (jobs, inbox) = channel();
        let thread = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || {
                let mut state = State::default();
                for job in inbox {
                    work(&mut state, job, &step);
                }
            })
            .unwrap();
        Self {
            jobs,
            gate,
            on_drop,
            thread: Arc::new(Mutex::new(Some(thread))),
        }
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> T {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).unwrap();
        answer.await.unwrap()
    }

    /// Puts two numbers in one transaction.
    pub(crate) async fn put_both(&self) {
        // Armed before the first await.
        let guard = Guard {
            ledger: self,
            armed: true,
        };
        self.ask(Job::Begin).await;
        self.ask(|reply| Job::Put(1, reply)).await;
        self.ask(|reply| Job::Put(2, reply)).await;
        guard.commit().await;
    }

    pub(crate) async fn read(&self) -> Vec<u32> {
        self.ask(Job::Read).await
    }

    pub(crate) async fn put_one(&self) {
        self.ask(|reply| Job::Put(9, reply)).await;
    }

    /// Drops the handle and waits for the thread, which only the last handle may do.
    pub(crate) fn close(self) {
        let thread = self.thread.lock().unwrap().take();
        drop(self);
        thread.unwrap().join().unwrap();
    }
}

fn work(state: &mut State, job: Job, step: &Step) {
    match job {
        Job::Begin(reply) => {
            assert!(state.open.is_none(), "a transaction is open already");
            state.open = Some(Vec::new());
            reply.send(()).ok();
        }
        Job::Put(number, reply) => {
            step.pass();
            match &mut state.open {
                Some(open) => open.push(number),
                None => state.committed.push(number),
            }
            reply.send(()).ok();
        }
        Job::Commit(reply) => {
            let open = state.open.take().expect("a transaction is open");
            state.committed.extend(open);
            reply.send(()).ok();
        }
        Job::Rollback => state.open = None,
        Job::Read(reply) => {
            let mut all = state.committed.clone();
            all.extend(state.open.iter().flatten());
            reply.send(all).ok();
        }
    }
}

struct Guard<'a> {
    ledger: &'a Ledger,
    armed: bool,
}

impl Guard<'_> {
    async fn commit(mut self) {
        self.ledger.ask(Job::Commit).await;
        self.armed = false;
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.armed && self.ledger.on_drop == OnDrop::RollsBack {
            self.ledger.jobs.send(Job::Rollback).ok();
        }
    }
}
