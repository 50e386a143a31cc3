//! A test that also plays the part of another process.
//!
//! It runs this test binary again for itself alone; the second time it finds a
//! part to play in its environment.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const PART: &str = "AIO_SQLITE_PART";
const FILE: &str = "AIO_SQLITE_FILE";

/// What this process is for, if it is somebody's child.
pub(crate) fn part() -> Option<(String, PathBuf)> {
    let part = std::env::var(PART).ok()?;
    Some((part, std::env::var_os(FILE)?.into()))
}

/// Waits, in a child, until its parent tells it to go on.
pub(crate) fn wait_to_be_told() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

/// Another process; killed when it is dropped.
pub(crate) struct Other {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Other {
    /// Runs a test of this binary, by its full name, in a part and with a file.
    pub(crate) fn start(test: &str, part: &str, file: &Path) -> Other {
        Other::start_by(":", test, part, file)
    }

    /// The same behind a line of shell, for what a process has from its parent.
    pub(crate) fn start_by(shell: &str, test: &str, part: &str, file: &Path) -> Other {
        let mut process = Command::new("sh")
            .args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(PART, part)
            .env(FILE, file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Other { process, lines }
    }

    /// Reads until it says that word, and returns the rest of the line.
    pub(crate) fn says(&mut self, word: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended without saying {word}:\n{seen}");
            // The harness begins a line and leaves it to the test to end it.
            if let Some((_, rest)) = line.trim_end().split_once(word) {
                return rest.trim().to_owned();
            }
            seen.push_str(&line);
        }
    }

    /// Tells it to go on.
    pub(crate) fn tell(&mut self) {
        let told = self.process.stdin.as_mut().unwrap();
        told.write_all(b"go on\n").unwrap();
    }

    /// Stops it, so that it does nothing any more and keeps all it has.
    pub(crate) fn stop(&self) {
        let id = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(id, rustix::process::Signal::STOP).unwrap();
    }

    /// Ends it by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Other {
    /// Waits for its end, which must be a good one.
    pub(crate) fn ends(mut self) {
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
