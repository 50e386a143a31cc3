//! The child's side. The thread that called `init` reads the parent's words and
//! runs no user code, so that a busy task delays neither a cancellation nor the
//! discovery that the parent is gone. Tasks run on a runtime of their own, and
//! each writes its own answer.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::exit;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::FileType;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};
use tokio_util::task::TaskTracker;

use crate::context::{Context, Stop, Surroundings};
use crate::handover;
use crate::job::{Answer, Job, Running};
use crate::marks::Marks;
use crate::registry::Table;
use crate::role::{self, WORKER_ARGUMENT};
use crate::setup::Setup;
use crate::wire::{self, CallId, Down, Ending, PROTOCOL, Up};

mod panic;
mod watchdog;

use panic::Panic;

/// The exit status of a worker that cannot serve, with the reason on stderr.
const CANNOT_SERVE: i32 = 70;

/// Serves the pool that started this process, and ends the process.
pub(crate) fn serve(nonce: &str) -> ! {
    let socket = match take_socket() {
        Ok(socket) => socket,
        Err(error) => give_up(error),
    };
    // `ps` would show "exe", the name of the link that was executed.
    let _ = rustix::thread::set_name(c"aio-pool-worker");
    panic::remember_locations();

    let marks = match handover::receive(&socket, nonce).and_then(Marks::map) {
        Ok(marks) => marks,
        Err(error) => give_up(error),
    };
    let reader = match socket.try_clone() {
        Ok(reader) => reader,
        Err(error) => give_up(error),
    };
    let uplink = Arc::new(Uplink(Mutex::new(socket)));
    let mut parent = Parent::new(reader);
    let (table, setup) = match shake_hands(&mut parent) {
        Ok(agreed) => agreed,
        Err(reason) => refuse(&uplink, reason),
    };
    if let Err(reason) = setup.take_effect() {
        refuse(&uplink, reason);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("aio-pool-task")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => refuse(&uplink, format!("its runtime does not start: {error}")),
    };
    uplink.say(&Up::Ready {
        protocol: PROTOCOL,
        table: table.fingerprint(),
    });
    Worker {
        table,
        runtime,
        uplink,
        marks: Arc::new(marks),
        surroundings: Arc::new(Surroundings {
            place: setup.place,
            states: std::collections::HashMap::new(),
        }),
        tracker: TaskTracker::new(),
        running: Arc::default(),
    }
    .obey(parent)
}

/// Gives up, and tells the parent why.
fn refuse(uplink: &Uplink, reason: String) -> ! {
    uplink.say(&Up::Refused {
        reason: reason.clone(),
    });
    give_up(reason)
}

fn give_up(reason: impl Display) -> ! {
    eprintln!("aio-pool: this worker cannot serve: {reason}");
    exit(CANNOT_SERVE)
}

/// Moves the socket off stdin, where every task and everything that a task
/// starts could read from it, and puts /dev/null there.
fn take_socket() -> io::Result<UnixStream> {
    let stdin = rustix::stdio::stdin();
    let kind = FileType::from_raw_mode(rustix::fs::fstat(stdin)?.st_mode);
    if kind != FileType::Socket {
        return Err(io::Error::other(format!(
            "{WORKER_ARGUMENT}… is how aio_pool::start() starts a worker, with a socket as its stdin"
        )));
    }
    let socket: OwnedFd = rustix::io::fcntl_dupfd_cloexec(stdin, 3)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(UnixStream::from(socket))
}

/// Reads the parent's greeting and compares what both ends must agree on.
fn shake_hands(parent: &mut Parent) -> Result<(&'static Table, Setup), String> {
    let table = Table::of_this_program().map_err(|error| error.to_string())?;
    let Down::Hello {
        protocol,
        table: fingerprint,
        setup,
    } = parent.listen().0
    else {
        return Err("the parent's first frame is no greeting".to_owned());
    };
    if protocol != PROTOCOL {
        return Err(format!(
            "the parent speaks protocol {protocol}, this worker {PROTOCOL}"
        ));
    }
    if fingerprint != table.fingerprint() {
        return Err("the parent has another table of tasks".to_owned());
    }
    Ok((table, setup))
}

/// The reading end. Where there is nothing more to read, the process ends.
struct Parent {
    socket: UnixStream,
    framing: LengthDelimitedCodec,
    buffer: BytesMut,
    piece: Vec<u8>,
}

impl Parent {
    fn new(socket: UnixStream) -> Self {
        Self {
            socket,
            framing: wire::framing(),
            buffer: BytesMut::new(),
            piece: vec![0; 64 << 10],
        }
    }

    /// Waits for the next frame.
    fn listen(&mut self) -> (Down, Bytes) {
        loop {
            match self.framing.decode(&mut self.buffer) {
                Ok(Some(frame)) => {
                    wire::shed(&mut self.buffer, &frame);
                    match wire::open(frame.freeze()) {
                        Ok(frame) => return frame,
                        Err(error) => give_up(error),
                    }
                }
                Ok(None) => {}
                Err(error) => give_up(error),
            }
            match self.socket.read(&mut self.piece) {
                Ok(0) => watchdog::end(),
                Ok(count) => self.buffer.extend_from_slice(&self.piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => watchdog::end(),
            }
        }
    }
}

/// The writing end, for whoever has something to say.
struct Uplink(Mutex<UnixStream>);

impl Uplink {
    fn say(&self, head: &Up) {
        self.send(wire::head(head));
    }

    fn send(&self, frame: Bytes) {
        let mut bytes = BytesMut::new();
        if wire::framing().encode(frame, &mut bytes).is_err() {
            // No frame is made that is too long; without its answer the call
            // would wait for ever, so the worker's death answers it.
            watchdog::end();
        }
        if lock(&self.0).write_all(&bytes).is_err() {
            watchdog::end();
        }
    }
}

/// No code that may panic runs under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type RunningCalls = Mutex<HashMap<CallId, AbortHandle>>;

struct Worker {
    table: &'static Table,
    runtime: Runtime,
    uplink: Arc<Uplink>,
    marks: Arc<Marks>,
    surroundings: Arc<Surroundings>,
    tracker: TaskTracker,
    running: Arc<RunningCalls>,
}

impl Worker {
    fn obey(self, mut parent: Parent) -> ! {
        loop {
            match parent.listen() {
                (
                    Down::Run {
                        call, task, number, ..
                    },
                    input,
                ) => {
                    // Only what the parent asked for may start workers here.
                    role::may_start();
                    self.run(call, task, number, input);
                }
                (Down::Cancel { call }, _) => {
                    let handle = lock(&self.running).get(&call).cloned();
                    // Not there: its answer and the order have crossed.
                    if let Some(handle) = handle {
                        handle.abort();
                    }
                }
                (Down::Retire, _) => self.retire(),
                (Down::Piece { .. } | Down::Return { .. } | Down::Credit { .. }, _) => {}
                (Down::Hello { .. }, _) => give_up("the parent greeted twice"),
            }
        }
    }

    fn run(&self, call: CallId, task: u32, number: u64, input: Bytes) {
        let Some(entry) = self.table.entry(task) else {
            let ending = Ending::UnknownTask;
            return self.uplink.say(&Up::Done { call, ending });
        };
        // Created here, not in the future: a task that is aborted before its
        // first poll must be answered too.
        let outcome = Outcome {
            call,
            number,
            marks: Arc::clone(&self.marks),
            uplink: Arc::clone(&self.uplink),
            running: Arc::clone(&self.running),
            given: false,
        };
        let running = (entry.run)(Job {
            input,
            context: Context::new(Stop::default(), Arc::clone(&self.surroundings)),
        });
        let mut calls = lock(&self.running);
        let task = self
            .tracker
            .spawn_on(outcome.of(running), self.runtime.handle());
        calls.insert(call, task.abort_handle());
    }

    /// Lets what was cancelled come to its next await, then exits.
    fn retire(&self) {
        self.tracker.close();
        let tracker = self.tracker.clone();
        self.runtime.spawn(async move {
            tracker.wait().await;
            exit(0)
        });
    }
}

/// The one answer to a call, given even if the task is dropped.
struct Outcome {
    call: CallId,
    number: u64,
    marks: Arc<Marks>,
    uplink: Arc<Uplink>,
    running: Arc<RunningCalls>,
    given: bool,
}

impl Outcome {
    async fn of(mut self, running: Running) {
        let call = self.call;
        // Said before user code runs: from now on, the parent knows, this call
        // must not be given to another worker.
        self.marks.begin(self.number);
        self.uplink.say(&Up::Started { call });
        let Running::Value(running) = running else {
            return;
        };
        let answer = match panic::caught(running).await {
            Ok(answer) => answer,
            Err(Panic { message, location }) => Ending::Panicked { message, location }.into(),
        };
        self.give(answer);
    }

    fn give(&mut self, answer: Answer) {
        self.given = true;
        let Answer { ending, payload } = answer;
        let call = self.call;
        let mut frame = wire::head(&Up::Done { call, ending }).to_vec();
        frame.extend_from_slice(&payload);
        lock(&self.running).remove(&self.call);
        self.uplink.send(frame.into());
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        if !self.given {
            let ending = match panic::under_way() {
                None => Ending::Cancelled,
                Some(Panic { message, location }) => Ending::Panicked { message, location },
            };
            self.give(ending.into());
        }
    }
}
