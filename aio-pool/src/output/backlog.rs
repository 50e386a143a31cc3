//! Lines between the workers' pipes and whoever reads them.
//!
//! As long as there is a reader, it is like a pipe: when it is full, the pipes
//! of the workers are not read, so they fill too and a worker that prints waits.
//! Without one nobody would ever make room, and a forgotten stream would stop
//! every task that prints; so then the oldest line goes, and is counted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use super::Line;

/// It is full with so many lines, or so many bytes.
const MOST_LINES: usize = 1024;
const MOST_BYTES: usize = 1 << 20;

/// What the dead leave behind does not wait for room, since their deaths are
/// waited for. But it has an end, too.
const MOST_BYTES_OF_ALL: usize = 8 << 20;

/// The buffer, as readers hold it.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    state: Mutex<State>,
    /// Told when a full buffer has room again.
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Line>,
    bytes: usize,
    /// How many lines were dropped.
    missed: u64,
    /// Nothing more will come.
    ended: bool,
    next_reader: u64,
    /// Readers, and whom to wake of those that wait.
    readers: BTreeMap<u64, Option<Waker>>,
}

/// The buffer as it is filled. When this is dropped, nothing more will come.
#[derive(Debug)]
pub(crate) struct Feeder(Arc<Backlog>);

impl State {
    fn is_full(&self) -> bool {
        self.lines.len() >= MOST_LINES || self.bytes >= MOST_BYTES
    }

    /// Whether a living worker need not wait with a line.
    fn lets_in(&self) -> bool {
        !self.is_full() || self.readers.is_empty()
    }

    fn is_beyond_all(&self) -> bool {
        self.bytes >= MOST_BYTES_OF_ALL
    }

    fn pop(&mut self) -> Option<Line> {
        let line = self.lines.pop_front()?;
        self.bytes -= weight(&line);
        Some(line)
    }

    fn wakers(&mut self) -> Vec<Waker> {
        self.readers.values_mut().filter_map(Option::take).collect()
    }
}

/// A line costs something even if there is nothing on it.
fn weight(line: &Line) -> usize {
    line.text.len() + size_of::<Line>()
}

impl Backlog {
    pub(crate) fn open() -> (Feeder, Arc<Self>) {
        let backlog = Arc::new(Self::default());
        (Feeder(Arc::clone(&backlog)), backlog)
    }

    /// No code that may panic runs under this lock, and nobody is woken.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that there is one more who reads, under this number.
    pub(crate) fn enter(&self) -> u64 {
        let mut state = self.state();
        let reader = state.next_reader;
        state.next_reader += 1;
        state.readers.insert(reader, None);
        reader
    }

    /// Notes that this reader has gone.
    pub(crate) fn leave(&self, reader: u64) {
        let gone = self.state().readers.remove(&reader);
        // Without readers nobody waits for room.
        self.room.notify_waiters();
        drop(gone);
    }

    pub(crate) fn poll_line(&self, reader: u64, cx: &mut Context<'_>) -> Poll<Option<Line>> {
        let mut state = self.state();
        let was_full = state.is_full();
        if let Some(line) = state.pop() {
            let has_room = was_full && !state.is_full();
            drop(state);
            if has_room {
                self.room.notify_waiters();
            }
            return Poll::Ready(Some(line));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        let before = state.readers.insert(reader, Some(cx.waker().clone()));
        drop(state);
        drop(before);
        Poll::Pending
    }

    /// How many lines were dropped so far.
    pub(crate) fn missed(&self) -> u64 {
        self.state().missed
    }
}

impl Feeder {
    /// Waits until a line may be added: there is room, or nobody reads.
    pub(crate) async fn room(&self) {
        loop {
            let mut room = std::pin::pin!(self.0.room.notified());
            room.as_mut().enable();
            if self.0.state().lets_in() {
                return;
            }
            room.await;
        }
    }

    /// Adds a line, whether or not there is room.
    pub(crate) fn push(&self, line: Line) {
        let mut dropped = Vec::new();
        let mut state = self.0.state();
        while state.is_beyond_all() || state.readers.is_empty() && state.is_full() {
            dropped.extend(state.pop());
            state.missed += 1;
        }
        state.bytes += weight(&line);
        state.lines.push_back(line);
        let wakers = state.wakers();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.ended = true;
        let wakers = state.wakers();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            pid: 1,
            source: Source::Stdout,
            text: text.to_owned(),
        }
    }

    fn next(backlog: &Backlog, reader: u64) -> Poll<Option<String>> {
        let polled = backlog.poll_line(reader, &mut Context::from_waker(Waker::noop()));
        polled.map(|line| line.map(|line| line.text))
    }

    fn has_room(feeder: &Feeder) -> bool {
        let mut room = Box::pin(feeder.room());
        let polled = room.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        polled.is_ready()
    }

    #[test]
    fn without_a_reader_the_newest_lines_stay_and_the_others_are_counted() {
        let (feeder, backlog) = Backlog::open();
        for number in 0..MOST_LINES + 7 {
            assert!(has_room(&feeder));
            feeder.push(line(&number.to_string()));
        }
        assert_eq!(backlog.missed(), 7);
        let reader = backlog.enter();
        assert_eq!(next(&backlog, reader), Poll::Ready(Some("7".to_owned())));
    }

    #[test]
    fn with_a_reader_a_full_buffer_has_no_room_until_one_is_read_or_it_leaves() {
        let (feeder, backlog) = Backlog::open();
        let reader = backlog.enter();
        while has_room(&feeder) {
            feeder.push(line("x"));
        }
        assert_eq!(backlog.state().lines.len(), MOST_LINES);
        assert!(next(&backlog, reader).is_ready());
        assert!(has_room(&feeder));
        feeder.push(line("y"));
        assert!(!has_room(&feeder));
        backlog.leave(reader);
        assert!(has_room(&feeder));
        assert_eq!(backlog.missed(), 0);
    }

    #[test]
    fn long_lines_fill_it_too_and_what_the_dead_leave_has_an_end() {
        let (feeder, backlog) = Backlog::open();
        let _reader = backlog.enter();
        let long = "x".repeat(64 << 10);
        let mut pushed = 0;
        while has_room(&feeder) {
            feeder.push(line(&long));
            pushed += 1;
        }
        assert!(pushed <= 16, "{pushed}");
        for _ in 0..1000 {
            feeder.push(line(&long));
        }
        assert!(backlog.state().bytes <= MOST_BYTES_OF_ALL + (65 << 10));
        assert!(backlog.missed() > 0);
    }

    #[test]
    fn it_ends_when_the_last_line_is_read() {
        let (feeder, backlog) = Backlog::open();
        let reader = backlog.enter();
        assert!(next(&backlog, reader).is_pending());
        feeder.push(line("last"));
        drop(feeder);
        assert_eq!(next(&backlog, reader), Poll::Ready(Some("last".to_owned())));
        assert_eq!(next(&backlog, reader), Poll::Ready(None));
    }
}
