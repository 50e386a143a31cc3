//! A program of the tour, run in a fresh folder.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use chaos::watchdog;
use tempfile::TempDir;

/// A program and the folder it runs in.
pub(crate) struct Program {
    name: &'static str,
    path: &'static str,
    folder: TempDir,
}

/// The program of this name.
macro_rules! program {
    ($name:literal) => {
        $crate::program::Program::at($name, env!(concat!("CARGO_BIN_EXE_", $name)))
    };
}
pub(crate) use program;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Program {
    pub(crate) fn at(name: &'static str, path: &'static str) -> Program {
        let folder = tempfile::tempdir().expect("a folder");
        Program { name, path, folder }
    }

    /// The folder it runs in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file of that folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The command that runs it, with pipes for what it prints.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.path);
        command
            .args(args)
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.end(self.command(args).spawn().expect("the program starts"))
    }

    /// Runs it to its end, and gives each line with the time from before its start until it
    /// was read. That is never less than what it waited for before the line.
    #[track_caller]
    pub(crate) fn timed(&self, args: &[&str]) -> Vec<(String, Duration)> {
        let start = Instant::now();
        let mut child = self.command(args).spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let lines = watchdog::closure(self.name, move || {
            let line = |line: io::Result<String>| (line.expect("a line"), start.elapsed());
            lines.map(line).collect()
        });
        self.end(child).ok();
        lines
    }

    /// Fails unless each of these values of an option is refused in one line that
    /// names both.
    #[track_caller]
    pub(crate) fn refuses(&self, option: &str, values: &[&str]) {
        for value in values {
            let line = self.run(&[option, value]).error(2);
            let said = format!("error: invalid value '{value}' for '{option} <");
            assert!(line.starts_with(&said), "{line}");
        }
    }

    /// Waits for the end of a run, and fails if it hangs.
    #[track_caller]
    pub(crate) fn end(&self, child: Child) -> Run {
        watchdog::closure(self.name, move || {
            Run::of(child.wait_with_output().expect("the program is waited for"))
        })
    }
}

impl Run {
    fn of(output: Output) -> Run {
        Run {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            err: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// What it printed, where all went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""));
        self.out
    }

    /// The one line of its error, where it failed with this code.
    #[track_caller]
    pub(crate) fn error(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.err.matches('\n').count(), 1, "{self:?}");
        self.err
    }
}
