//! The frames that a program wrote to its write-ahead log, read from its trace.

use chaos::inject::{Call, Kind};

/// Before the first frame.
const LOG_HEADER: u64 = 32;

/// Before each page. Its second number is the size of the database after the
/// transaction, and not zero in the last frame of one only.
const FRAME_HEADER: usize = 24;

/// One page of a transaction.
pub(crate) struct Frame<'a> {
    /// The write of the page.
    pub(crate) write: &'a Call,
    /// It is the last of its transaction.
    pub(crate) commits: bool,
}

/// Every frame in the order in which they were written.
pub(crate) fn frames(trace: &[Call]) -> Vec<Frame<'_>> {
    let writes: Vec<&Call> = trace
        .iter()
        .filter(|call| call.kind == Kind::Write && call.is_of("-wal"))
        .collect();
    writes
        .windows(2)
        .filter_map(|pair| {
            let [header, page] = pair else { return None };
            let (at, next) = (header.at?, page.at?);
            let is_frame =
                header.len == FRAME_HEADER && at >= LOG_HEADER && next == at + FRAME_HEADER as u64;
            let size = header.bytes.get(4..8)?;
            is_frame.then_some(Frame {
                write: page,
                commits: size != [0; 4],
            })
        })
        .collect()
}

impl Frame<'_> {
    pub(crate) fn holds(&self, text: &str) -> bool {
        let text = text.as_bytes();
        self.write
            .bytes
            .windows(text.len())
            .any(|part| part == text)
    }
}
