//! A Chromium of its own for one test.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::{env, thread};

use chaos::watchdog;
use rustix::process::{Pid, Signal, getuid, kill_process_group};
use tempfile::TempDir;

/// What the program is called, depending on who has packed it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Without a window, and without all that a browser asks of the network by itself.
const OPTIONS: [&str; 13] = [
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--hide-scrollbars",
];

/// A running Chromium, which is killed with all its processes when this is dropped.
pub(super) struct Chromium {
    child: Child,
    /// Where its debugger listens.
    pub(super) debugger: String,
    /// Kept until the processes that write there are gone.
    _profile: TempDir,
}

/// Where Chromium is, if this machine has it.
pub(super) fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

impl Chromium {
    /// Starts it, and waits until its debugger listens.
    pub(super) fn start(program: PathBuf) -> Chromium {
        let profile = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(program);
        command
            .args(OPTIONS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            // It writes there, wherever the home of the user is.
            .env("HOME", profile.path())
            .env("TZ", "UTC")
            .env("LANGUAGE", "en_GB")
            .env("LANG", "C.UTF-8")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if getuid().is_root() {
            // Its sandbox is not made for that user.
            command.arg("--no-sandbox");
        }
        let mut child = command.arg("about:blank").spawn().expect("Chromium starts");
        let stderr = child.stderr.take().expect("a pipe");
        let mut chromium = Chromium {
            child,
            debugger: String::new(),
            _profile: profile,
        };
        chromium.debugger = watchdog::closure("Chromium", move || debugger(stderr));
        chromium
    }
}

/// Reads where the debugger listens, and all that comes behind it.
fn debugger(stderr: impl std::io::Read + Send + 'static) -> String {
    let mut lines = BufReader::new(stderr).lines();
    let mut said = Vec::new();
    let found = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let addr = line
            .strip_prefix("DevTools listening on ")
            .map(str::to_owned);
        said.push(line);
        addr
    });
    // Chromium must not wait for somebody to read what it says.
    thread::spawn(move || lines.for_each(drop));
    found.unwrap_or_else(|| panic!("Chromium has no debugger: {said:#?}"))
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It is not reaped yet, so the number of its group is still its own.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}
