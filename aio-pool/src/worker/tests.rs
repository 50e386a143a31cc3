//! A worker in a thread, and its parent in the test.

#![expect(
    unsafe_code,
    reason = "the table of tasks is a section of the executable"
)]

use std::future::pending;
use std::io::{Read as _, Write as _};
use std::sync::{Condvar, LazyLock};
use std::thread;
use std::time::Duration;

use tokio_util::bytes::{Bytes, BytesMut};

use super::*;
use crate::codec;
use crate::task::Task;
use crate::wire::{self, Announce, CallId, Ending, Frames, PIECE, framed};

/// The parent's end. It is never closed: the worker would end the test.
pub(super) struct Parent {
    socket: UnixStream,
    marks: Marks,
    frames: Frames<Up>,
    buffer: BytesMut,
    delivered: u64,
}

impl Parent {
    /// Starts a worker and waits until it is ready.
    fn of_a_worker(places: u32) -> Self {
        Self::of_a_worker_told(places, |_| Vec::new())
    }

    /// The same, but says something right behind the greeting.
    fn of_a_worker_told(places: u32, what: impl FnOnce(&mut Self) -> Vec<u8>) -> Self {
        let (socket, theirs) = UnixStream::pair().unwrap();
        let (marks, page) = Marks::create().unwrap();
        let mut parent = Self::at(socket, marks);
        let hello = Down::Hello {
            protocol: PROTOCOL,
            table: Table::of_this_program().unwrap().fingerprint(),
            setup: Setup {
                tasks_per_worker: places,
                ..Setup::default()
            },
        };
        let behind = what(&mut parent);
        parent.say(&[framed(&hello, &[]), behind].concat());
        thread::spawn(move || {
            let marks = Marks::map(page).unwrap();
            let uplink = Uplink::new(theirs.try_clone().unwrap());
            let mut incoming = Incoming::new();
            let (table, setup) = shake_hands(&theirs, &mut incoming).unwrap();
            work(table, setup, marks, theirs, uplink, incoming)
        });
        assert!(matches!(parent.hear().0, Up::Ready { .. }));
        parent
    }

    /// A parent that holds this end.
    pub(super) fn at(socket: UnixStream, marks: Marks) -> Self {
        // What hangs is a failure.
        let limit = Some(Duration::from_secs(30));
        socket.set_read_timeout(limit).unwrap();
        std::mem::forget(socket.try_clone().unwrap());
        Self {
            socket,
            marks,
            frames: Frames::new(),
            buffer: BytesMut::new(),
            delivered: 0,
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    pub(super) fn order(&mut self, down: &Down) {
        self.say(&framed(down, &[]));
    }

    /// The bytes that deliver a call.
    fn run<T: Task>(&mut self, call: CallId, input: &T::Input) -> Vec<u8> {
        self.run_announced::<T>(call, input, Announce::No)
    }

    fn run_announced<T: Task>(
        &mut self,
        call: CallId,
        input: &T::Input,
        announce: Announce,
    ) -> Vec<u8> {
        self.delivered += 1;
        let table = Table::of_this_program().unwrap();
        let run = Down::Run {
            call,
            task: table.index_of(T::NAME).unwrap(),
            number: self.delivered,
            announce,
        };
        framed(&run, &wire::payload(input).unwrap())
    }

    pub(super) fn hear(&mut self) -> (Up, Bytes) {
        let mut piece = vec![0; 64 << 10];
        loop {
            if let Some(frame) = self.frames.next(&mut self.buffer).unwrap() {
                return frame;
            }
            let count = self.socket.read(&mut piece).expect("a word in time");
            self.buffer.extend_from_slice(&piece[..count]);
        }
    }

    pub(super) fn hears(&mut self, calls: &[(CallId, Ending)]) {
        for (call, ending) in calls.iter().cloned() {
            assert_eq!(self.hear().0, done(call, ending));
        }
    }
}

pub(super) fn done(call: CallId, ending: Ending) -> Up {
    Up::Done { call, ending }
}

/// A gate that code waits at, blocking its thread. Each test has its process or
/// its own number.
static GATES: LazyLock<(Mutex<Vec<u32>>, Condvar)> = LazyLock::new(Default::default);

fn open_gate(number: u32) {
    lock(&GATES.0).push(number);
    GATES.1.notify_all();
}

fn wait_at_gate(number: u32) {
    let open = lock(&GATES.0);
    let _open = GATES
        .1
        .wait_while(open, |open| !open.contains(&number))
        .unwrap();
}

crate::task! {
    async fn echo(bytes: Vec<u8>) -> Vec<u8> { bytes }
}

crate::task! {
    async fn block(gate: u32) { wait_at_gate(gate); }
}

crate::task! {
    async fn block_in_place(gate: u32) {
        tokio::task::block_in_place(|| wait_at_gate(gate));
    }
}

crate::task! {
    async fn open(gate: u32) { open_gate(gate); }
}

crate::task! {
    async fn hold() { pending::<()>().await; }
}

crate::task! {
    async fn block_then_hold(gate: u32) {
        wait_at_gate(gate);
        pending::<()>().await;
    }
}

crate::task! {
    async fn hold_a_bomb() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("the bomb");
            }
        }
        let _bomb = Bomb;
        pending::<()>().await;
    }
}

crate::task! {
    async fn panics(length: usize) {
        tokio::task::yield_now().await;
        panic!("{}", "x".repeat(length))
    }
}

#[test]
fn calls_are_begun_in_order_marked_and_answered() {
    let mut parent = Parent::of_a_worker(1);
    let mut bytes = Vec::new();
    for call in 10..200 {
        bytes.extend(parent.run::<echo>(call, &vec![call as u8]));
    }
    parent.say(&bytes);
    for call in 10..200 {
        let (up, payload) = parent.hear();
        assert_eq!(up, done(call, Ending::Output));
        assert_eq!(codec::decode::<Vec<u8>>(&payload).unwrap(), [call as u8]);
    }
    assert_eq!(parent.marks.begun(), 190);
}

#[test]
fn what_is_said_behind_the_greeting_is_heard() {
    let mut parent = Parent::of_a_worker_told(1, |parent| parent.run::<echo>(7, &vec![]));
    parent.hears(&[(7, Ending::Output)]);
}

#[test]
fn what_has_begun_is_marked_and_what_waits_is_not() {
    let mut parent = Parent::of_a_worker(2);
    let bytes = [
        parent.run::<echo>(0, &vec![]),
        parent.run_announced::<block>(1, &101, Announce::Yes),
        parent.run::<hold>(2, &()),
    ]
    .concat();
    parent.say(&bytes);
    parent.hears(&[(0, Ending::Output)]);
    assert_eq!(parent.hear().0, Up::Started { call: 1 });
    assert_eq!(parent.marks.begun(), 2);
    open_gate(101);
    parent.hears(&[(1, Ending::Output)]);
}

#[test]
fn no_more_answers_are_held_back_than_there_are_places() {
    for (places, gate) in [(1, 120), (3, 121)] {
        let mut parent = Parent::of_a_worker(places);
        let mut bytes = Vec::new();
        for call in 0..10 {
            bytes.extend(parent.run::<echo>(call, &vec![]));
        }
        bytes.extend(parent.run::<block>(10, &gate));
        parent.say(&bytes);
        while parent.marks.begun() < 11 {
            thread::yield_now();
        }
        // If it died now, so many calls would be lost at most.
        parent.socket.set_nonblocking(true).unwrap();
        let written = 11 - u64::from(places);
        for call in 0..written {
            parent.hears(&[(call, Ending::Output)]);
        }
        parent.socket.set_nonblocking(false).unwrap();
        open_gate(gate);
        for call in written..11 {
            parent.hears(&[(call, Ending::Output)]);
        }
    }
}

#[test]
fn an_answer_does_not_wait_for_what_computes_after_it() {
    let mut parent = Parent::of_a_worker(16);
    let bytes = [
        parent.run::<echo>(0, &vec![]),
        parent.run::<echo>(1, &vec![]),
        parent.run::<block>(2, &102),
        parent.run::<echo>(3, &vec![]),
    ]
    .concat();
    parent.say(&bytes);
    parent.hears(&[(0, Ending::Output), (1, Ending::Output)]);
    open_gate(102);
    parent.hears(&[(2, Ending::Output), (3, Ending::Output)]);
}

#[test]
fn calls_are_cancelled_and_given_back_while_another_computes() {
    let mut parent = Parent::of_a_worker(1);
    let mut bytes = parent.run::<block_then_hold>(0, &103);
    for call in 1..5 {
        bytes.extend(parent.run::<echo>(call, &vec![]));
    }
    parent.say(&bytes);
    parent.order(&Down::Cancel { call: 1 });
    parent.hears(&[(1, Ending::Cancelled)]);
    parent.order(&Down::Return { most: 2 });
    assert_eq!(parent.hear().0, Up::Returned { call: 4 });
    assert_eq!(parent.hear().0, Up::Returned { call: 3 });
    // It is heard while the call computes, and followed when it waits.
    parent.order(&Down::Cancel { call: 0 });
    parent.order(&Down::Cancel { call: 2 });
    parent.hears(&[(2, Ending::Cancelled)]);
    open_gate(103);
    parent.hears(&[(0, Ending::Cancelled)]);
    let bytes = parent.run::<echo>(5, &vec![]);
    parent.say(&bytes);
    parent.hears(&[(5, Ending::Output)]);
}

#[test]
fn a_call_that_waits_is_cancelled_and_its_place_is_free() {
    let mut parent = Parent::of_a_worker(1);
    for round in 0..50 {
        let call = 2 * round;
        let bytes = [
            parent.run::<hold>(call, &()),
            parent.run::<echo>(call + 1, &vec![]),
        ]
        .concat();
        parent.say(&bytes);
        parent.order(&Down::Cancel { call });
        parent.hears(&[(call, Ending::Cancelled), (call + 1, Ending::Output)]);
    }
}

#[test]
fn what_calls_block_in_place_holds_nobody_up() {
    let mut parent = Parent::of_a_worker(4);
    for round in 0..3 {
        let (gate, call) = (110 + round, 4 * u64::from(round));
        let bytes = [
            parent.run::<block_in_place>(call, &gate),
            parent.run::<hold>(call + 1, &()),
            // It begins while the first still blocks, and lets it go.
            parent.run::<open>(call + 2, &gate),
        ]
        .concat();
        parent.say(&bytes);
        let mut ended = [parent.hear().0, parent.hear().0];
        ended.sort_by_key(|up| matches!(up, Up::Done { call, .. } if call % 4 == 2));
        let [block, open] = [call, call + 2].map(|call| done(call, Ending::Output));
        assert_eq!(ended, [block, open]);
        parent.order(&Down::Cancel { call: call + 1 });
        parent.hears(&[(call + 1, Ending::Cancelled)]);
    }
}

#[test]
fn a_long_answer_lets_others_pass() {
    let mut parent = Parent::of_a_worker(4);
    let long: Vec<u8> = (0..3 * PIECE).map(|n| (n % 251) as u8).collect();
    // The input in pieces, too.
    let payload = wire::payload(&long).unwrap();
    let (ahead, last) = payload.split_at(3 * PIECE);
    let mut bytes = Vec::new();
    for piece in ahead.chunks(PIECE) {
        bytes.extend(framed(&Down::Piece { call: 1 }, piece));
    }
    let mut run = parent.run::<echo>(1, &vec![]);
    // An empty list is one byte long.
    run.pop();
    run.extend_from_slice(last);
    let length = u32::try_from(run.len() - 4).unwrap().to_be_bytes();
    run[..4].copy_from_slice(&length);
    bytes.extend(run);
    parent.say(&bytes);
    let small = parent.run::<echo>(2, &vec![]);
    let (mut heard, mut order) = (Vec::new(), Vec::new());
    loop {
        let (up, payload) = parent.hear();
        if order.is_empty() {
            parent.say(&small);
        }
        order.push(up.clone());
        match up {
            Up::Piece { call: 1 } => heard.extend_from_slice(&payload),
            Up::Done { call: 2, .. } => {}
            Up::Done {
                call: 1,
                ending: Ending::Output,
            } => {
                heard.extend_from_slice(&payload);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(codec::decode::<Vec<u8>>(&heard).unwrap() == long);
    assert!(order.contains(&done(2, Ending::Output)), "it passed");
}

#[test]
fn panics_are_answers_and_short() {
    panic::remember_locations();
    let mut parent = Parent::of_a_worker(1);
    let bytes = [
        parent.run::<panics>(0, &100_000),
        parent.run_announced::<hold_a_bomb>(1, &(), Announce::Yes),
    ]
    .concat();
    parent.say(&bytes);
    let mut said = Vec::new();
    for _ in 0..3 {
        match parent.hear().0 {
            Up::Started { call: 1 } => parent.order(&Down::Cancel { call: 1 }),
            Up::Done {
                ending: Ending::Panicked { message, location },
                ..
            } => {
                assert!(location.unwrap().contains("worker/tests.rs:"));
                said.push(message);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(said, [&"x".repeat(64 << 10), "the bomb"]);
}

#[test]
fn a_task_that_nobody_knows_is_an_answer() {
    let mut parent = Parent::of_a_worker(1);
    parent.delivered += 1;
    parent.order(&Down::Run {
        call: 3,
        task: u32::MAX,
        number: 1,
        announce: Announce::No,
    });
    parent.hears(&[(3, Ending::UnknownTask)]);
    assert_eq!(parent.marks.begun(), 1);
}
