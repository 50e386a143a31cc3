//! The child's side. Everything runs on one thread of a runtime: it reads the
//! parent's words, begins calls, runs them and writes their answers, so that a
//! short call wakes nobody. The thread that called `init` only watches, and
//! reads in its place while user code holds it.

use std::fmt::Display;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::exit;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::FileType;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Runtime;

use crate::context::Surroundings;
use crate::handover;
use crate::marks::Marks;
use crate::registry::Table;
use crate::role::WORKER_ARGUMENT;
use crate::setup::Setup;
use crate::wire::{Down, PROTOCOL, Up};

mod begun;
mod desk;
mod dispatcher;
mod inbox;
mod incoming;
mod inherited;
mod initialize;
mod items;
mod panic;
mod pulse;
mod spin;
mod uplink;
mod watchdog;
mod watcher;
mod words;

use desk::Desk;
use incoming::Incoming;
use pulse::Pulse;
use uplink::Uplink;

/// The exit status of a worker that cannot serve, with the reason on stderr.
const CANNOT_SERVE: i32 = 70;

/// Serves the pool that started this process, and ends the process.
pub(crate) fn serve(nonce: &str) -> ! {
    inherited::close().unwrap_or_else(|error| give_up(error));
    let socket = take_socket().unwrap_or_else(|error| give_up(error));
    // `ps` would show "exe", the name of the link that was executed.
    let _ = rustix::thread::set_name(c"aio-pool-worker");
    panic::remember_locations();

    let marks = handover::receive(&socket, nonce)
        .and_then(Marks::map)
        .unwrap_or_else(|error| give_up(error));
    let uplink = match socket.try_clone() {
        Ok(socket) => Uplink::new(socket),
        Err(error) => give_up(error),
    };
    let mut incoming = Incoming::new();
    let (table, setup) =
        shake_hands(&socket, &mut incoming).unwrap_or_else(|reason| refuse(&uplink, &reason));
    if let Err(reason) = setup.take_effect() {
        refuse(&uplink, &reason);
    }
    work(table, setup, marks, socket, uplink, incoming)
}

/// Serves a parent that both ends agree with. The calling thread watches.
fn work(
    table: &'static Table,
    setup: Setup,
    marks: Marks,
    socket: UnixStream,
    uplink: Uplink,
    incoming: Incoming,
) -> ! {
    let pulse = Arc::new(Pulse::new());
    let started = start_runtime(&pulse)
        .and_then(|runtime| Ok((listen(&runtime, socket)?, runtime)))
        .map_err(|error| format!("its runtime does not start: {error}"));
    let (socket, runtime) = started.unwrap_or_else(|reason| refuse(&uplink, &reason));

    let places = setup.tasks_per_worker;
    let desk = Arc::new(Desk::new(
        table, marks, pulse, uplink, places, socket, incoming,
    ));
    let spin = setup.spin;
    runtime.spawn(dispatcher::dispatch(Arc::clone(&desk), 1, spin));
    runtime.spawn(get_ready(Arc::clone(&desk), setup));
    watcher::watch(&desk, &runtime, spin)
}

/// Starts the runtime that tasks run on, with one thread that is another's as
/// soon as a task calls `block_in_place`.
fn start_runtime(pulse: &Arc<Pulse>) -> io::Result<Runtime> {
    let (parks, unparks) = (Arc::clone(pulse), Arc::clone(pulse));
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(1)
        .thread_name("aio-pool-task")
        .on_thread_park(move || parks.park())
        .on_thread_unpark(move || unparks.unpark())
        .enable_all();
    // It panics where its thread does not start, as under a tight limit.
    let built = panic::caught(|| builder.build());
    built.unwrap_or_else(|panic| Err(io::Error::other(panic.to_string())))
}

/// Has the runtime wake the dispatcher when the parent says something.
fn listen(runtime: &Runtime, socket: UnixStream) -> io::Result<AsyncFd<UnixStream>> {
    let _runtime = runtime.enter();
    listen_here(socket)
}

fn listen_here(socket: UnixStream) -> io::Result<AsyncFd<UnixStream>> {
    #[expect(
        unsafe_code,
        reason = "tokio cannot say in its types that this kind of descriptor is owned"
    )]
    // SAFETY: a `UnixStream` is open, answers `as_raw_fd` with the same number
    // always, and is closed by nobody else; it moves in here.
    let listening = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE)? };
    Ok(listening)
}

/// Runs the initializers, and says that calls may come.
async fn get_ready(desk: Arc<Desk>, setup: Setup) {
    let place = setup.place;
    let states = initialize::initialize(&setup, &desk.marks).await;
    let states = states.unwrap_or_else(|reason| refuse(&desk.uplink, &reason));
    let ready = Up::Ready {
        protocol: PROTOCOL,
        table: desk.table.fingerprint(),
    };
    desk.uplink.say(&ready, &[]);
    desk.open(Surroundings { place, states });
}

/// Gives up, and tells the parent why.
fn refuse(uplink: &Uplink, reason: &str) -> ! {
    let said = words::cut(reason).to_owned();
    uplink.say(&Up::Refused { reason: said }, &[]);
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
fn shake_hands(
    socket: &UnixStream,
    incoming: &mut Incoming,
) -> Result<(&'static Table, Setup), String> {
    let table = Table::of_this_program().map_err(|error| error.to_string())?;
    let first = match incoming.wait(socket) {
        Ok((first, _)) => first,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => watchdog::end(),
        Err(error) => return Err(error.to_string()),
    };
    let Down::Hello {
        protocol,
        table: fingerprint,
        setup,
    } = first
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

/// No code that may panic runs under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
