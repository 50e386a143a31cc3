//! The program as a server, in a folder.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command};
use std::thread;

use chaos::watchdog;
use rustix::process::{Pid, Signal, kill_process};

use crate::folder::{Folder, Run, end};

/// A server that runs until it is told to end, or is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Option<Child>,
    /// Kept, as whoever starts a server does.
    out: Option<BufReader<ChildStdout>>,
    pub(crate) addr: SocketAddr,
}

impl Server {
    /// Starts one on a port of its own, and waits until it listens.
    #[track_caller]
    pub(crate) fn start(folder: &Folder) -> Server {
        Server::start_at(folder, "127.0.0.1:0")
    }

    /// Starts one at an address, and waits until it listens.
    #[track_caller]
    pub(crate) fn start_at(folder: &Folder, addr: &str) -> Server {
        Server::run(folder.program(&["serve", "--addr", addr]))
    }

    /// Starts what becomes a server, and waits until it listens.
    #[track_caller]
    pub(crate) fn run(mut program: Command) -> Server {
        let mut child = program.spawn().expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (out, line) = watchdog::closure("listening", move || {
            let mut line = String::new();
            out.read_line(&mut line).expect("a line");
            (out, line)
        });
        let addr = line.strip_prefix("listening on http://");
        let addr = addr.and_then(|addr| addr.trim_end().parse().ok());
        let Some(addr) = addr else {
            panic!("it does not listen: {line:?} {:?}", end(child));
        };
        Server {
            child: Some(child),
            out: Some(out),
            addr,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(self.child.as_ref().expect("it runs"));
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits for its end. What it printed is without the line that says where it
    /// listened.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Run {
        let mut out = self.out.take().expect("it runs");
        let mut run = end(self.child.take().expect("it runs"));
        std::io::Read::read_to_string(&mut out, &mut run.out).expect("stdout is UTF-8");
        run
    }

    /// Tells it to end, and waits until it has ended well.
    #[track_caller]
    pub(crate) fn terminate(self) {
        self.signal(Signal::TERM);
        assert_eq!(self.wait().ok(), "");
    }

    /// A number of `/proc/PID/status`, such as `VmHWM` (in KiB).
    pub(crate) fn status(&self, name: &str) -> u64 {
        number(&format!("/proc/{}/status", self.pid()), name)
    }

    /// How often its threads have waited for something until now.
    pub(crate) fn waits(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("it runs");
        let paths = tasks.map(|task| task.expect("a thread").path().join("status"));
        paths
            .map(|path| {
                let path = path.to_str().expect("a path of digits");
                number(path, "voluntary_ctxt_switches")
            })
            .sum()
    }
}

fn number(path: &str, name: &str) -> u64 {
    let status = std::fs::read_to_string(path).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.expect("a line").parse().expect("a number")
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed leaves nothing running.
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs a test against a server in a fresh folder, which then ends well.
#[track_caller]
pub(crate) fn with_server(test: impl AsyncFnOnce(&Folder, &Server)) {
    let folder = Folder::new();
    let server = Server::start(&folder);
    block_on(test(&folder, &server));
    server.terminate();
}

/// Runs a future to its end, and fails if that takes too long.
#[track_caller]
pub(crate) fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(watchdog::future("a test of the server", test))
}

/// Runs what has a runtime of its own, which none may have inside another.
pub(crate) fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let ended = thread::scope(|scope| scope.spawn(work).join());
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
