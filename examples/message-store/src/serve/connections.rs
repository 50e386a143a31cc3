//! The connections: how many there may be at once, how long they may dawdle, and
//! how they end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
#[cfg(target_os = "linux")]
use rustix::net::sockopt::set_tcp_user_timeout;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many connections there are at most, where the system lets a process have
/// as many. Further ones wait for one of them to end.
const MOST: u64 = 4096;

/// The files beside the connections that the program has open: the database, its
/// log, each once for each connection to it, the listener, standard streams.
const OTHER_FILES: u64 = 128;

/// How long the head of a request may take to arrive, and how long a connection
/// may stay without one.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// How long a peer may read nothing of what it has asked for, and how long one that
/// is gone without a word is waited for.
#[cfg(target_os = "linux")]
const READ_WITHIN: Duration = Duration::from_secs(30);

/// What a connection may buffer, in bytes: a head that is longer is refused, and
/// an answer goes out in parts of that size.
const BUFFER: usize = 32 << 10;

/// How long requests that are under way may take to finish when the server ends.
const GRACE: Duration = Duration::from_secs(5);

/// How long to wait when the system has no descriptor or no memory for one more
/// connection: something of it must be given back first, and nothing says when.
const PAUSE: Duration = Duration::from_millis(200);

/// Lets the process have as many files open as the system allows it, and returns
/// how many connections that makes.
pub(super) fn most() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    // No limit is said by none.
    let files = current.unwrap_or(u64::MAX);
    files.saturating_sub(OTHER_FILES).clamp(1, MOST) as usize
}

/// The connections, each a task.
#[derive(Debug)]
pub(super) struct Connections {
    router: Router,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    /// They finish what they do when this is cancelled,
    ending: CancellationToken,
    /// and stop in the middle when this is.
    cut: CancellationToken,
}

impl Connections {
    pub(super) fn new(router: Router, most: usize, ending: CancellationToken) -> Connections {
        Connections {
            router,
            places: Arc::new(Semaphore::new(most)),
            tasks: TaskTracker::new(),
            ending,
            cut: CancellationToken::new(),
        }
    }

    /// Runs something else beside them, which ends when they do.
    pub(super) fn also(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Accepts connections for ever.
    pub(super) async fn accept(&self, listener: &TcpListener) {
        // It is closed nowhere, so there is a place sooner or later.
        while let Ok(place) = self.places.clone().acquire_owned().await {
            match listener.accept().await {
                Ok((socket, _)) => self.serve(socket, place),
                Err(error) if is_of_the_peer(&error) => {}
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn serve(&self, socket: TcpStream, place: OwnedSemaphorePermit) {
        // Events are short, and are wanted at once.
        let _ = socket.set_nodelay(true);
        // What waits in vain keeps its place, and its part of the memory.
        #[cfg(target_os = "linux")]
        let _ = set_tcp_user_timeout(&socket, READ_WITHIN.as_millis() as u32);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(BUFFER)
            .serve_connection(
                TokioIo::new(socket),
                TowerToHyperService::new(self.router.clone()),
            );
        let (ending, cut) = (self.ending.clone(), self.cut.clone());
        self.tasks.spawn(async move {
            let _place = place;
            let mut connection = std::pin::pin!(connection);
            // That a peer goes away, or talks no HTTP, is its own affair.
            tokio::select! {
                _ = connection.as_mut() => return,
                () = ending.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            tokio::select! {
                _ = connection => {}
                () = cut.cancelled() => {}
            }
        });
    }

    /// Waits until all that is under way is finished; at most [`GRACE`], and not
    /// longer than `impatient`.
    pub(super) async fn end<T>(&self, impatient: impl Future<Output = T>) {
        self.tasks.close();
        self.ending.cancel();
        tokio::select! {
            () = self.tasks.wait() => return,
            () = tokio::time::sleep(GRACE) => {}
            _ = impatient => {}
        }
        self.cut.cancel();
        self.tasks.wait().await;
    }
}

/// Whether only the connection failed that was to be accepted.
fn is_of_the_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
