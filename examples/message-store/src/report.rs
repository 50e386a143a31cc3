//! What there is to say beside the results: lines on standard error.

use std::fmt;
use std::io::{self, Write};

use crate::output::Visible;

/// A line that says whose it is. What it names can hold anything, and is shown.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a>(pub &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "message-store: {}", Visible(self.0))
    }
}

/// Says something. If even standard error is gone, the exit code is all that is
/// left to say it.
pub fn say(line: &str) {
    let _ = io::stderr().write_all(Line(line).to_string().as_bytes());
}
