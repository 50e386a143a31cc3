//! Programs of their own: this executable, told by a variable to be another.
//! Workers inherit it, so the worker of a victim is that victim too.

use std::net::Shutdown;
use std::process::{Command, Stdio, exit};
use std::time::Duration;

use aio_pool::Pool;
use rustix::process::Signal;

use crate::initializer::calls_and_waits;
use crate::line::call as announce;
use crate::polled::polled;
use crate::tasks::{echo, hold, pid, spin};
use crate::worker::block;

const VICTIM: &str = "AIO_POOL_TEST_VICTIM";
const LINE: &str = "AIO_POOL_TEST_LINE";

/// A victim to be started, with its output caught.
pub(crate) fn victim(name: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.env(VICTIM, name).stdin(Stdio::null());
    command
}

/// Tells a victim where a test listens.
pub(crate) fn with_line(mut command: Command, line: &str) -> Command {
    command.env(LINE, line);
    command
}

/// In a victim: runs it and ends the process.
pub(crate) fn run_if_told() {
    let Ok(victim) = std::env::var(VICTIM) else {
        return;
    };
    // One line for each time that `main` runs: a fork bomb would show.
    println!("main");
    match victim.as_str() {
        "never-init" => report_start(),
        "init-in-parent-only" => {
            if !is_worker() {
                aio_pool::init();
            }
            report_start();
        }
        "exit-before-init" => {
            if is_worker() {
                exit(9);
            }
            aio_pool::init();
            report_start();
        }
        "hang-before-init" => {
            if is_worker() {
                loop {
                    std::thread::park();
                }
            }
            aio_pool::init();
            report_start();
        }
        "babble-before-init" => {
            if is_worker() {
                babble();
            }
            aio_pool::init();
            report_start();
        }
        "thread-before-init" => {
            assert!(!is_worker() || !parent_is_worker(), "a fork bomb");
            let worker = is_worker();
            std::thread::spawn(move || {
                if worker {
                    wait_until_serving();
                    report_start();
                    println!("reported");
                }
            });
            aio_pool::init();
            let pool = crate::harness::runtime().block_on(two_workers());
            // The test closes our stdin when it has heard enough.
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).expect("a stdin");
            drop(pool);
        }
        "close-slowly" => {
            aio_pool::init();
            crate::harness::runtime().block_on(async {
                let pool = aio_pool::start().workers(1).await.expect("a pool");
                let limit = Duration::from_millis(20);
                // Cancelled when it runs, and it runs on until the test hangs up.
                let line = std::env::var(LINE).expect("a line");
                let call = pool.call::<block>(line).run_timeout(limit);
                call.await.expect_err("too little time");
                let mut close = Box::pin(pool.close());
                let polled = std::future::poll_fn(|cx| {
                    std::task::Poll::Ready(close.as_mut().poll(cx).is_pending())
                });
                assert!(polled.await);
                println!("closing");
                println!("closed: {:?}", close.await);
            });
        }
        "obedient" => {
            if is_worker() {
                crate::obedient::pass_the_gate();
            }
            aio_pool::init();
            crate::obedient::obey();
        }
        "ended-by-sigpipe" => {
            aio_pool::init();
            restore_sigpipe();
            crate::harness::runtime().block_on(lose_workers());
            println!("served");
        }
        "init-in-tokio-main" => init_in_tokio_main(),
        "init-in-current-thread" => init_in_current_thread(),
        "hold" => {
            aio_pool::init();
            hold_for_ever();
        }
        "leave" => {
            aio_pool::init();
            let line = std::env::var(LINE).expect("a line");
            let runtime = crate::harness::runtime();
            let pool = runtime.block_on(two_workers());
            let held = runtime.spawn(pool.call::<hold>(line.clone()).into_future());
            // A call is made when it is polled, and this polls it.
            runtime.block_on(tokio::task::yield_now());
            // The test closes our stdin when it has seen the task begin.
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).expect("a stdin");
            std::mem::forget((held, pool));
        }
        #[cfg(feature = "sandbox")]
        name if name.starts_with("sandbox-") => crate::sandbox::programs::victim(name),
        "initialize-for-ever" => {
            aio_pool::init();
            let line = std::env::var(LINE).expect("a line");
            let start = aio_pool::start().workers(1);
            let start = start.initializer::<calls_and_waits>(line).into_future();
            drop(crate::harness::runtime().block_on(start));
        }
        other => panic!("no victim is called {other}"),
    }
    exit(0)
}

pub(crate) fn is_worker() -> bool {
    std::env::args().any(|argument| argument.starts_with("--aio-pool-worker="))
}

/// A worker of a worker sees the argument in its parent.
fn parent_is_worker() -> bool {
    let parent = std::os::unix::process::parent_id();
    let words = std::fs::read(format!("/proc/{parent}/cmdline")).expect("a parent");
    String::from_utf8_lossy(&words).contains("--aio-pool-worker=")
}

/// Waits until `init` has made this worker's runtime for tasks.
fn wait_until_serving() {
    let serves = || {
        std::fs::read_dir("/proc/self/task")
            .expect("threads")
            .flatten()
            .filter_map(|thread| std::fs::read_to_string(thread.path().join("comm")).ok())
            .any(|name| name.trim() == "aio-pool-task")
    };
    while !serves() {
        std::thread::yield_now();
    }
}

async fn two_workers() -> Pool {
    aio_pool::start().workers(2).await.expect("a pool")
}

/// Starts a pool and says how that went.
fn report_start() {
    let start = aio_pool::start()
        .workers(2)
        .timeout(Duration::from_millis(300));
    match crate::harness::runtime().block_on(start.into_future()) {
        Ok(_) => println!("started"),
        Err(error) => println!("error: {error}"),
    }
}

/// Answers the greeting with something else.
fn babble() {
    use std::io::Write;
    use std::os::fd::AsFd;
    let socket = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .expect("a socket");
    let mut socket = std::os::unix::net::UnixStream::from(socket);
    socket
        .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .expect("a parent");
    loop {
        std::thread::park();
    }
}

#[tokio::main]
async fn init_in_tokio_main() {
    aio_pool::init();
    use_a_pool().await;
}

#[tokio::main(flavor = "current_thread")]
async fn init_in_current_thread() {
    aio_pool::init();
    use_a_pool().await;
}

async fn use_a_pool() {
    let pool = two_workers().await;
    let worker = pool.call::<pid>(()).await.expect("an answer");
    assert_ne!(worker, std::process::id());
    pool.close().await.expect("an end");
    println!("served");
}

/// Does what programs for a terminal do, which are to end when nobody reads their
/// output any more.
#[expect(unsafe_code, reason = "there is no safe way to set a signal's effect")]
fn restore_sigpipe() {
    // SAFETY: it gives the signal back the effect that it has by itself.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// Writes to sockets that nobody reads any more, in one piece or, as a large input
/// is written, in several. Each worker is stopped, so that it does not end by itself
/// because of that, and killed in the end.
async fn lose_workers() {
    let pool = aio_pool::start().workers(1).await.expect("a pool");
    let input = vec![7; 60_000];
    for large_first in [false, true] {
        let worker = pool.call::<pid>(()).await.expect("a worker");
        crate::death::send(Signal::STOP, worker);
        crate::death::wait_until_stopped(worker).await;
        let socket = crate::forge::socket_of(worker);
        socket.shutdown(Shutdown::Read).expect("a connection");
        let mut small = pool.call::<pid>(()).into_future();
        let mut large = pool.call::<echo>(input.clone()).into_future();
        // What is polled first is written, and tells that nobody reads.
        if large_first {
            assert!(polled(&mut large).await.is_pending());
        }
        assert!(polled(&mut small).await.is_pending());
        assert!(polled(&mut large).await.is_pending());
        crate::death::send(Signal::KILL, worker);
        // Neither has begun, so both run in the next worker.
        assert_ne!(small.await.expect("another worker"), worker);
        assert!(large.await.expect("another worker") == input);
    }
    pool.close().await.expect("an end");
}

/// Two workers, one that waits and one that computes, until someone kills this.
fn hold_for_ever() {
    let line = std::env::var(LINE).expect("a line");
    let runtime = crate::harness::runtime();
    let pool = runtime.block_on(two_workers());
    let _announced = announce(&line);
    let _ = runtime.block_on(async {
        tokio::join!(
            pool.call::<hold>(line.clone()).into_future(),
            // Alone, so that it has a worker of its own however slow that is.
            pool.call::<spin>(line.clone()).exclusive().into_future(),
        )
    });
}
