//! A test that also plays the part of another process.
//!
//! It runs this test binary again for itself alone; the second time it finds a
//! part to play in its environment.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const PART: &str = "AIO_FILES_PART";
const FILE: &str = "AIO_FILES_FILE";

/// What this process is for, if it is somebody's child.
pub(crate) fn part() -> Option<(String, PathBuf)> {
    let part = std::env::var(PART).ok()?;
    Some((part, std::env::var_os(FILE)?.into()))
}

/// Says a word to the parent.
pub(crate) fn say(word: &str) {
    println!("\n{word}");
    std::io::stdout().flush().unwrap();
}

/// Waits until the parent says anything, or is gone.
pub(crate) fn wait_to_be_told() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

/// Another process; killed when it is dropped.
pub(crate) struct Other {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Other {
    /// Runs a test of this binary, by its full name, in a part and with a file.
    pub(crate) fn start(test: &str, part: &str, file: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(PART, part)
            .env(FILE, file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: process.stdin.take(),
            output: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    /// Reads until it says that word on a line of its own.
    pub(crate) fn says(&mut self, word: &str) {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended without saying {word}:\n{seen}");
            if line.trim_end() == word {
                return;
            }
            seen.push_str(&line);
        }
    }

    /// Gives it bytes to read.
    pub(crate) fn tell(&mut self, bytes: impl AsRef<[u8]>) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes.as_ref()).unwrap();
    }

    /// Lets it read to the end.
    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    /// Ends it by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

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
