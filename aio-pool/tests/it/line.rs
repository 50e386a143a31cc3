//! A line from a task to its test: the test learns where the task runs, that it
//! has begun, and when it is gone, without asking twice.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener, UnixStream as StdStream};
use std::pin::pin;
use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aio_pool::{Pool, Task, TaskError};
use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};

/// The test's end, before any task has called.
pub(crate) struct Line {
    pub(crate) name: String,
    listener: UnixListener,
}

/// A task that has begun, seen from the test.
pub(crate) struct Held {
    pub(crate) pid: u32,
    pub(crate) stream: UnixStream,
}

fn address(name: &str) -> SocketAddr {
    SocketAddr::from_abstract_name(name).expect("a short name")
}

impl Line {
    pub(crate) fn open() -> Self {
        static LINES: AtomicU32 = AtomicU32::new(0);
        let number = LINES.fetch_add(1, Ordering::Relaxed);
        let name = format!("aio-pool-test-{}-{number}", id());
        let listener = StdListener::bind_addr(&address(&name)).expect("a free name");
        listener.set_nonblocking(true).expect("a socket");
        let listener = UnixListener::from_std(listener).expect("a runtime");
        Self { name, listener }
    }

    /// Waits for the next task to say that it has begun.
    pub(crate) async fn next(&self) -> Held {
        let (mut stream, _) = self.listener.accept().await.expect("a task");
        let pid = stream.read_u32().await.expect("its pid");
        Held { pid, stream }
    }
}

impl Held {
    /// Waits until the task's future, or its process, is gone.
    pub(crate) async fn gone(mut self) {
        match self.stream.read_u8().await {
            Ok(byte) => panic!("the task said {byte}"),
            Err(error) => drop(error),
        }
    }
}

/// Calls a task that says that it begins and never ends, with a limit that is
/// over by then. It is as short as it says, or longer, where the task needs more
/// time to begin. Returns that task, what came of its call, and the limit.
pub(crate) async fn timed_out<T: Task<Input = String>>(
    pool: &Pool,
    line: &Line,
    mut limit: Duration,
) -> (Held, Result<T::Output, TaskError<T::Error>>, Duration) {
    let mut begun = pin!(line.next());
    loop {
        let call = pool.call::<T>(line.name.clone()).timeout(limit);
        let mut call = call.into_future();
        tokio::select! {
            biased;
            held = &mut begun => return (held, call.await, limit),
            outcome = &mut call => {
                assert!(matches!(outcome, Err(TaskError::TimedOut { .. })));
            }
        }
        limit *= 2;
    }
}

/// The task's end: dropped with the task.
pub(crate) fn call(name: &str) -> StdStream {
    use std::io::Write;
    let mut stream = StdStream::connect_addr(&address(name)).expect("a test that listens");
    stream.write_all(&id().to_be_bytes()).expect("its ear");
    stream
}
