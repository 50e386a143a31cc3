//! All lines of a file in one hop.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use crate::ahead::Source;
use crate::buffers::Buffers;
use crate::errand::Errand;
use crate::lines::block::{Block, Fault, LinesOf};
use crate::lines::options::Options;
use crate::lines::source::Batch;
use crate::lines::stream::Position;
use crate::read_ahead::CHUNK;

/// The future of `lines(…).await` and `lines(…).bytes().await`.
#[must_use = "futures do nothing unless awaited"]
pub struct AllLines<T> {
    running: Pin<Box<dyn Future<Output = io::Result<Vec<T>>> + Send + Sync>>,
}

impl<T: Send + 'static> AllLines<T> {
    pub(crate) fn new<B: Block<Line = T>>(options: Options) -> Self {
        Self {
            running: Box::pin(async move {
                // Gone when nobody waits any more.
                let wanted = Arc::new(());
                let still = Arc::downgrade(&wanted);
                Errand::reads("read", &options.path)
                    .run_even_at_a_fifo(move |_| all::<B>(&options, &still))
                    .await
            }),
        }
    }
}

impl<T> Future for AllLines<T> {
    type Output = io::Result<Vec<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.running.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for AllLines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllLines").finish_non_exhaustive()
    }
}

/// Blocks, until the end, an error, or nobody is there to be told.
fn all<B: Block>(options: &Options, still: &Weak<()>) -> io::Result<Vec<B::Line>> {
    let buffers = Buffers::new(CHUNK);
    let mut source = options.source::<B>(Arc::clone(&buffers));
    let mut lines = LinesOf::new(options.longest, options.ends);
    let mut all = Vec::new();
    while let Some(batch) = source.next_batch() {
        if still.strong_count() == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let fault = match batch? {
            Batch::Lines(block, offset) => {
                lines.refill(block, offset);
                let fault = gather(&mut lines, &mut all);
                lines.empty().finish(&buffers);
                fault
            }
            Batch::TooLong(offset) => Some((Fault::TooLong, offset)),
            Batch::Part => None,
        };
        if let Some((fault, offset)) = fault {
            let line = all.len() as u64 + 1;
            return Err(fault.named(&options.path, Position { line, offset }, options.longest));
        }
    }
    Ok(all)
}

/// Takes the lines of a block up to the first that is none.
fn gather<B: Block>(lines: &mut LinesOf<B>, all: &mut Vec<B::Line>) -> Option<(Fault, u64)> {
    while let Some(line) = lines.next() {
        match line {
            Ok(line) => all.push(line),
            Err(fault) => return Some((fault, lines.line_offset())),
        }
    }
    None
}
