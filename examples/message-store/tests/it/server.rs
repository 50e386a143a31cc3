//! The program as a server, in a folder.

use std::io::BufReader;
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command};

use chaos::watchdog;
use rustix::process::Signal;

use crate::folder::{Folder, Run, end};
use crate::process::{first_line, peak_kib, signal, switches};
use crate::runtime;

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
        let (line, out) = first_line(child.stdout.take());
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

    pub(crate) fn signal(&self, is: Signal) {
        signal(self.child.as_ref().expect("it runs"), is);
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

    /// The most memory that it has had, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        peak_kib(self.pid()).expect("it runs")
    }

    /// How often its threads have waited for something until now.
    pub(crate) fn waits(&self) -> u64 {
        let switches = switches(self.pid());
        switches.values().map(|thread| thread.waits).sum()
    }
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
    runtime::block_on(watchdog::future("a test of the server", test))
}
