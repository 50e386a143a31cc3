//! The work of the comparison, the same for every program: what is asked, with
//! which values, and what is printed.
//!
//! A program is called as `PROGRAM WORKLOAD RUNTIME N PATH`, does a tenth of the
//! work to warm up, then the work for the clock, and prints one line of JSON: the
//! nanoseconds, and a sum over everything it was answered. A workload is a kind
//! of work, and maybe a setting of the program's behind a hyphen: `many-64`.

mod adler;
mod clock;
mod record;
mod sums;
mod tasks;
mod values;

pub use adler::Adler;
pub use clock::measure;
pub use record::{Message, message};
pub use sums::{InOrder, Samples, of_block, of_file, of_line, of_name};
pub use tasks::measure_task;
pub use values::{BLOCK, CHUNK, WHOLE, position, scatter, small_file, small_files, written};

use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug)]
pub struct Work {
    pub kind: String,
    setting: Option<String>,
    pub runtime: String,
    pub n: usize,
    pub path: PathBuf,
}

impl Work {
    pub fn from_arguments() -> Work {
        let mut arguments = std::env::args().skip(1);
        let mut next = |what| arguments.next().unwrap_or_else(|| panic!("no {what}"));
        let workload = next("WORKLOAD");
        let (kind, setting) = match workload.split_once('-') {
            Some((kind, setting)) => (kind, Some(setting.to_owned())),
            None => (workload.as_str(), None),
        };
        Work {
            kind: kind.to_owned(),
            setting,
            runtime: next("RUNTIME"),
            n: next("N").parse().expect("N is a number"),
            path: next("PATH").into(),
        }
    }

    /// The setting, which is a number of things at once.
    pub fn at_once(&self) -> usize {
        let setting = self.setting.as_deref().expect("a setting");
        setting.parse().expect("a number")
    }

    /// The setting, which is the size of a buffer in KiB; in bytes.
    pub fn buffer(&self) -> usize {
        1024 * self.at_once()
    }

    pub fn is_bare(&self) -> bool {
        self.setting.as_deref() == Some("bare")
    }

    /// Ends a program that was asked for what it can't do.
    pub fn unasked(&self) -> ! {
        panic!("this program does no {}", self.kind)
    }

    /// Whether the work leaves a file at the path, which is read back.
    fn writes(&self) -> bool {
        matches!(self.kind.as_str(), "writes" | "write")
    }
}
