//! A Chromium of its own for one test.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
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
    /// Disconnected when none of its processes is left that could say something.
    silent: Receiver<()>,
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
            // It writes there, wherever the home of the user is, and leaves nothing
            // where temporary files are.
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
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
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (debugs, debugger) = channel();
        let (says, silent) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // To the end, so that Chromium never waits for somebody to read.
                if let Some(address) = line.strip_prefix("DevTools listening on ") {
                    let _ = debugs.send(address.to_owned());
                }
            }
            drop::<Sender<()>>(says);
        });
        let mut chromium = Chromium {
            child,
            debugger: String::new(),
            silent,
            _profile: profile,
        };
        let address = debugger.recv_timeout(watchdog::LIMIT);
        chromium.debugger = address.expect("Chromium has a debugger");
        chromium
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It is not reaped yet, so the number of its group is still its own.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
        // The others write into the profile until they are gone.
        let _ = self.silent.recv_timeout(watchdog::LIMIT);
    }
}
