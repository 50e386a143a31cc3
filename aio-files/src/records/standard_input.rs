//! The standard input as records.

use std::io;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;

use super::ReadRecords;
use super::origin::Origin;
use super::parser::{Format, Parser};
use super::reading::Batch;
use crate::stdio::{self, Stdin};

impl Stdin {
    /// Reads records, as JSON lines or as CSV: like those of a
    /// [file](fn@crate::records).
    ///
    /// Lines and bytes are counted from the first one that was ever read. They
    /// are read and parsed when they are wanted, on the consumer's thread.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, when streamed: a `next` that is dropped has taken no record,
    /// and a stream that is dropped takes with it what it has read behind the
    /// last record. Not cancel safe, when awaited: what was read is dropped.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let stdin = aio_files::stdio::stdin();
    /// let mut pairs = stdin.records::<(u32, String)>().jsonl().stream();
    /// while let Some(pair) = pairs.next().await {
    ///     let (number, name) = pair?;
    ///     println!("{name}: {number}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn records<T>(self) -> ReadRecords<T> {
        ReadRecords {
            origin: Origin::StandardInput,
            reads: PhantomData,
        }
    }
}

/// The standard input, and what is parsed of it.
#[derive(Debug)]
pub(super) struct StandardInput<T> {
    parser: Parser<T>,
    begun: Begun,
}

/// Whether it is known where the first record begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    No,
    Yes,
}

impl<T: DeserializeOwned> StandardInput<T> {
    pub(super) fn new(format: Format) -> Self {
        Self {
            parser: Parser::new(stdio::name(), format),
            begun: Begun::No,
        }
    }

    /// The next batch; `None` is the end.
    pub(super) fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Batch<T>>> {
        let Self { parser, begun } = self;
        if *begun == Begun::No {
            match stdio::poll_position(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(place)) => parser.begin_at(place),
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Some(Batch::of(vec![parser.end_by(error)])));
                }
            }
            *begun = Begun::Yes;
        }
        let before = parser.at().offset;
        let mut waits = false;
        let batch = parser.batch(|into| match stdio::poll_read(cx, into) {
            Poll::Ready(read) => read,
            Poll::Pending => {
                waits = true;
                Err(io::ErrorKind::WouldBlock.into())
            }
        });
        match batch {
            Err(_) if waits => Poll::Pending,
            Err(error) => Poll::Ready(Some(Batch::of(vec![parser.end_by(error)]))),
            Ok(None) => Poll::Ready(None),
            Ok(Some(given)) => Poll::Ready(Some(Batch {
                given,
                parsed_here: parser.at().offset - before,
            })),
        }
    }
}
