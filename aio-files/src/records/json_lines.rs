//! One JSON value a line.

use std::io::ErrorKind;
use std::str;

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::fault::Fault;
use super::parser::{Given, Step};
use super::window::Window;

/// Where the lines of a file are, and what they say.
#[derive(Debug)]
pub(super) struct JsonLines {
    max_len: usize,
    /// How many of the unread bytes are known to have no line feed.
    scanned: usize,
    line: Line,
}

#[derive(Debug, PartialEq, Eq)]
enum Line {
    Wanted,
    /// It is too long, which was said.
    Skipped,
}

/// Whether the line feed was there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    LineFeed,
    EndOfFile,
}

impl JsonLines {
    pub(super) fn new(max_len: usize) -> Self {
        Self {
            max_len,
            scanned: 0,
            line: Line::Wanted,
        }
    }

    #[inline]
    pub(super) fn step<T: DeserializeOwned>(
        &mut self,
        window: &mut Window,
        batch: &mut Vec<Given<T>>,
    ) -> Step {
        loop {
            let unread = window.unread();
            let feed = memchr::memchr(b'\n', &unread[self.scanned..]);
            let (count, ending) = match feed {
                Some(more) => (self.scanned + more + 1, Ending::LineFeed),
                None if window.has_ended() && !unread.is_empty() => {
                    (unread.len(), Ending::EndOfFile)
                }
                None => return self.wait(window),
            };
            self.scanned = 0;
            if self.line == Line::Skipped {
                window.take(count, u64::from(ending == Ending::LineFeed));
                self.line = Line::Wanted;
                continue;
            }
            window.mark();
            let at = window.marked();
            let line = window.take(count, u64::from(ending == Ending::LineFeed));
            let line = without_ending(line);
            if line.len() > self.max_len {
                return Step::Fault(Fault::too_long(self.max_len));
            }
            if !line.iter().all(|byte| b" \t\r".contains(byte)) {
                return match value(line, ending) {
                    Ok(value) => {
                        batch.push(Given {
                            record: Ok(value),
                            at,
                        });
                        Step::Record
                    }
                    Err(fault) => Step::Fault(fault),
                };
            }
        }
    }

    /// Nothing can be said of a line without its end, unless it is too long already.
    fn wait(&mut self, window: &mut Window) -> Step {
        let unread = window.unread().len();
        if self.line == Line::Skipped {
            window.take(unread, 0);
            return Step::Dry;
        }
        // The last byte may be a carriage return, which doesn't count.
        if unread > self.max_len.saturating_add(1) {
            window.mark();
            window.take(unread, 0);
            self.line = Line::Skipped;
            self.scanned = 0;
            return Step::Fault(Fault::too_long(self.max_len));
        }
        self.scanned = unread;
        Step::Dry
    }
}

fn without_ending(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn value<T: DeserializeOwned>(line: &[u8], ending: Ending) -> Result<T, Fault> {
    // Checked as a whole, so that it is known also of fields that nobody wants.
    let text = str::from_utf8(line).map_err(|error| {
        let column = error.valid_up_to() + 1;
        Fault::new(format!("not UTF-8 at column {column}")).because(error)
    })?;
    serde_json::from_str(text).map_err(|error| {
        let mut fault = Fault::new(says(&error));
        // What was cut off while it was written is no wrong record.
        if ending == Ending::EndOfFile && error.classify() == Category::Eof {
            fault.kind = ErrorKind::UnexpectedEof;
        }
        fault.because(error)
    })
}

/// serde_json counts lines within the record; those of the file are said already.
fn says(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let mut says = error.to_string();
    let place = format!(" at line {line} column {column}");
    if says.ends_with(&place) {
        says.truncate(says.len() - place.len());
        says.push_str(&format!(" at column {column}"));
    }
    says
}
