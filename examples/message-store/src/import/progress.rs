//! How far an import is, for a person at a terminal, and what it has to say
//! meanwhile.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Visible;
use crate::report::Line;
use crate::source::Source;

/// What is shown of a source whose length is known.
const BAR: &str = "{msg} [{wide_bar}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

/// What is shown of one that may end at any time.
const SPINNER: &str = "{spinner} {msg} {bytes}, {bytes_per_sec}";

/// The bar of one source, where standard error is a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Shows a bar for a source, or none.
    ///
    /// # Cancel safety
    ///
    /// *Cancel safe*: nothing is shown.
    pub(super) async fn of(source: &Source) -> Progress {
        if !io::stderr().is_terminal() {
            return Progress { bar: None };
        }
        let (bar, template) = match source.len().await {
            Some(len) => (ProgressBar::new(len), BAR),
            None => (ProgressBar::new_spinner(), SPINNER),
        };
        // It is a constant; what is wrong with it would show no bar.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(Visible(&source.name()).to_string());
        bar.tick();
        Progress { bar: Some(bar) }
    }

    /// Shows that so many bytes have been read.
    pub(super) fn reached(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        }
    }

    /// Says something on standard error, each line by itself, above the bar. If
    /// standard error is gone, the exit code is all that is left to say it.
    ///
    /// # Cancel safety
    ///
    /// *Runs on*: what is being written is written.
    pub(super) async fn say(&self, lines: &[String]) {
        let all: String = lines.iter().map(|line| Line(line).to_string()).collect();
        match &self.bar {
            Some(bar) => bar.println(all.trim_end()),
            // Whoever reads us may stop; we can be interrupted even so.
            None => drop(aio_files::stdio::stderr().write_all(all.as_bytes()).await),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
