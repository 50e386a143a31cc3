//! Programs that start pools, rightly and wrongly.

use std::fs::File;
use std::io::{BufRead, BufReader, IoSlice, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

use aio_pool::Error;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use rustix::process::Signal;

use crate::death::{send, wait_until_stopped};
use crate::harness::trials;
use crate::line::Line;
use crate::tasks::{compute, dig, init_again, pid};
use crate::victims::{victim, with_line};

trials![
    options_that_mean_nothing_are_refused,
    a_forgotten_init_is_an_error_and_starts_nothing,
    a_worker_without_init_does_not_start_workers,
    a_thread_from_before_init_starts_no_pool_in_every_worker,
    pools_in_tasks_end_four_levels_down,
    init_in_a_task_changes_nothing,
    a_worker_that_exits_before_init_is_one_clear_error,
    a_worker_that_hangs_before_init_is_one_clear_error,
    a_worker_that_babbles_is_one_clear_error,
    init_works_inside_a_multi_thread_main,
    init_works_inside_a_current_thread_main,
    a_worker_started_by_hand_says_what_it_is,
    a_worker_with_a_socket_of_somebody_else_is_refused,
    a_worker_that_ends_while_the_program_is_stopped_ended_in_time,
    workers_of_a_killed_program_end,
    a_program_may_end_with_its_pool_open,
    a_program_that_sigpipe_would_end_loses_only_workers,
];

async fn options_that_mean_nothing_are_refused() {
    let error = aio_pool::start().workers(0).await.unwrap_err();
    let said = "option workers of aio_pool::start() must be between 1 and 1024";
    assert_eq!(error.to_string(), said);
    let error = aio_pool::start().workers(1025).await.unwrap_err();
    assert_eq!(error.to_string(), said);
    let error = aio_pool::start().tasks_per_worker(0).await.unwrap_err();
    assert!(matches!(
        error,
        Error::InvalidOption {
            option: "tasks_per_worker",
            ..
        }
    ));
}

/// What a victim printed, and how often `main` ran in it and its workers.
fn run(victim: &mut Command) -> (Output, String, usize) {
    let output = victim.output().unwrap();
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    let mains = said.lines().filter(|line| *line == "main").count();
    (output, said, mains)
}

async fn a_forgotten_init_is_an_error_and_starts_nothing() {
    let (output, said, mains) = run(&mut victim("never-init"));
    assert!(output.status.success());
    let error = "aio_pool::init() has not run in this process: make it the first line of main";
    assert_eq!(said, format!("main\nerror: {error}\n"));
    assert_eq!(mains, 1);
}

async fn a_worker_without_init_does_not_start_workers() {
    let (_, said, mains) = run(&mut victim("init-in-parent-only"));
    // Each worker runs main to its end and exits with 0, and starts nothing.
    assert!(
        said.contains("error: aio_pool::init() has not run"),
        "{said}"
    );
    assert!(
        said.contains("ended before it was ready: exited with status 0"),
        "{said}"
    );
    assert!(
        said.contains("is aio_pool::init() the first line of main?"),
        "{said}"
    );
    assert!((2..=9).contains(&mains), "{said}");
}

async fn a_thread_from_before_init_starts_no_pool_in_every_worker() {
    let mut program = victim("thread-before-init")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(program.stdout.take().unwrap()).lines();
    // Each of the two workers says how its own start went.
    let mut heard = Vec::new();
    while heard.iter().filter(|line| *line == "reported").count() < 2 {
        heard.push(said.next().expect("two reports").unwrap());
    }
    drop(program.stdin.take());
    heard.extend(said.map(Result::unwrap));
    assert!(program.wait().unwrap().success());
    let count = |of: &str| heard.iter().filter(|line| line.starts_with(of)).count();
    let refused = count("error: aio_pool::init() has not run in this process");
    assert_eq!((refused, count("main")), (2, 3), "{heard:#?}");
}

async fn pools_in_tasks_end_four_levels_down() {
    let pool = aio_pool::start().workers(1).await.unwrap();
    let (depth, said) = pool.call::<dig>(1).await.unwrap();
    assert_eq!(depth, 4, "{said}");
    assert_eq!(
        said,
        "this worker is 4 levels below the program, and starts no pool of its own"
    );
    pool.close().await.unwrap();
}

async fn init_in_a_task_changes_nothing() {
    let pool = aio_pool::start().workers(1).await.unwrap();
    let before = pool.call::<pid>(()).await.unwrap();
    pool.call::<init_again>(()).await.unwrap();
    assert_eq!(pool.call::<pid>(()).await.unwrap(), before);
    pool.close().await.unwrap();
}

async fn a_worker_that_exits_before_init_is_one_clear_error() {
    let (_, said, mains) = run(&mut victim("exit-before-init"));
    assert_eq!(
        said.matches("error: workers do not get ready").count(),
        1,
        "{said}"
    );
    assert!(said.contains("exited with status 9"), "{said}");
    assert!(mains <= 9, "{said}");
}

async fn a_worker_that_hangs_before_init_is_one_clear_error() {
    let (_, said, _) = run(&mut victim("hang-before-init"));
    assert_eq!(
        said.matches("error: workers do not get ready").count(),
        1,
        "{said}"
    );
    assert!(said.contains("was not ready within 300ms"), "{said}");
    // It cannot be said why; and it was no forgotten init.
    assert!(!said.contains("first line of main"), "{said}");
}

async fn a_worker_that_babbles_is_one_clear_error() {
    let (_, said, _) = run(&mut victim("babble-before-init"));
    assert_eq!(
        said.matches("error: workers do not get ready").count(),
        1,
        "{said}"
    );
    assert!(
        said.contains("killed by the pool: frame size too big"),
        "{said}"
    );
    assert!(!said.contains("first line of main"), "{said}");
}

async fn init_works_inside_a_multi_thread_main() {
    let (output, said, mains) = run(&mut victim("init-in-tokio-main"));
    assert!(output.status.success(), "{output:?}");
    assert!(said.ends_with("served\n"), "{said}");
    assert_eq!(mains, 3);
}

async fn init_works_inside_a_current_thread_main() {
    let (output, said, mains) = run(&mut victim("init-in-current-thread"));
    assert!(output.status.success(), "{output:?}");
    assert!(said.ends_with("served\n"), "{said}");
    assert_eq!(mains, 3);
}

/// What a worker's argument is like.
const WORD: &str = "000102030405060708090a0b0c0d0e0f";
const NONCE: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Starts this executable as nobody but a pool does, and returns what it says.
/// It says so at once: nothing of it waits for whoever holds the other end.
fn forged(word: &str, stdin: impl Into<Stdio>) -> String {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg(format!("--aio-pool-worker={word}"))
        .stdin(stdin.into());
    refused(&mut command)
}

fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(70), "{said}");
    assert!(output.stdout.is_empty(), "no test ran, nor was one listed");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.starts_with("aio-pool: this worker cannot serve: "),
        "{said}"
    );
    said
}

async fn a_worker_started_by_hand_says_what_it_is() {
    let (pipe, _kept) = std::io::pipe().unwrap();
    // Of the terminals there are, the one that anybody can make.
    let terminal = File::options().read(true).write(true).open("/dev/ptmx");
    let of_each_kind = [
        forged("0", Stdio::null()),
        forged(&format!("1.{WORD}"), Stdio::null()),
        forged(&format!("1.{WORD}"), pipe),
        forged(&format!("1.{WORD}"), terminal.unwrap()),
        forged(&format!("1.{WORD}"), File::open("/proc/self/exe").unwrap()),
        refused(Command::new("sh").args([
            "-c",
            "exec /proc/self/fd/9 \"$0\" 9<\"$1\" <&-",
            &format!("--aio-pool-worker=1.{WORD}"),
            &std::env::current_exe().unwrap().display().to_string(),
        ])),
    ];
    for said in of_each_kind {
        assert!(
            said.contains("how aio_pool::start() starts a worker, with a socket as its stdin"),
            "{said}"
        );
    }
}

/// Says this with a descriptor beside it, as a pool does with its page.
fn say_with_a_descriptor(socket: &UnixStream, words: &[u8]) {
    let page = File::open("/dev/zero").unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let pages = [page.as_fd()];
    assert!(control.push(SendAncillaryMessage::ScmRights(&pages)));
    let words = [IoSlice::new(words)];
    rustix::net::sendmsg(socket, &words, &mut control, SendFlags::empty()).unwrap();
}

async fn a_worker_with_a_socket_of_somebody_else_is_refused() {
    /// What is done with the other end before the worker is started.
    type Said = fn(UnixStream) -> Option<UnixStream>;
    let other_ends: [(&str, Said); 7] = [
        ("silent", Some),
        ("closed", |_| None),
        ("short", |mut end| {
            end.write_all(&NONCE[..15]).unwrap();
            Some(end)
        }),
        ("short and closed", |mut end| {
            end.write_all(&NONCE[..15]).unwrap();
            None
        }),
        ("the nonce alone", |mut end| {
            end.write_all(&NONCE).unwrap();
            Some(end)
        }),
        ("another nonce", |end| {
            let mut another = NONCE;
            another[15] ^= 1;
            say_with_a_descriptor(&end, &another);
            Some(end)
        }),
        ("a request", |mut end| {
            end.write_all(&b"GET / HTTP/1.1\r\nHost: localhost\r\n".repeat(100))
                .unwrap();
            Some(end)
        }),
    ];
    let strange = "the socket on its stdin is not that of the pool which started it";
    for (what, say) in other_ends {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let _kept = say(ours);
        let said = forged(&format!("1.{WORD}"), OwnedFd::from(theirs));
        assert!(said.contains(strange), "{what}: {said}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accepted = listener.accept().unwrap().0;
    let (_ours, datagrams) = UnixDatagram::pair().unwrap();
    for other in [
        OwnedFd::from(listener),
        OwnedFd::from(accepted),
        OwnedFd::from(datagrams),
    ] {
        let said = forged(&format!("1.{WORD}"), other);
        assert!(said.contains(strange), "{said}");
    }
    // Nor does a word that no pool writes find one.
    for word in ["", ".", "1", "1.", "x.y", WORD] {
        let (ours, theirs) = UnixStream::pair().unwrap();
        say_with_a_descriptor(&ours, &NONCE);
        let said = forged(word, OwnedFd::from(theirs));
        let whole = word == WORD;
        assert_ne!(said.contains(strange), whole, "{word}: {said}");
    }
}

async fn a_worker_that_ends_while_the_program_is_stopped_ended_in_time() {
    let line = Line::open();
    let mut program = with_line(victim("close-slowly"), &line.name)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(program.stdout.take().unwrap()).lines();
    let blocking = line.next().await;
    assert!(said.any(|line| line.unwrap() == "closing"));
    send(Signal::STOP, program.id());
    wait_until_stopped(program.id()).await;
    // It has a moment left in which it must end, and does.
    drop(blocking);
    // Computes past the moment when the worker must have ended.
    let pool = aio_pool::start().workers(1).await.unwrap();
    pool.call::<compute>(2_300).await.unwrap();
    pool.close().await.unwrap();
    send(Signal::CONT, program.id());
    let last = said.last().unwrap().unwrap();
    assert_eq!(last, "closed: Ok(())");
    program.wait().unwrap();
}

async fn workers_of_a_killed_program_end() {
    let line = Line::open();
    let mut program = with_line(victim("hold"), &line.name)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut held = [line.next().await, line.next().await, line.next().await];
    held.sort_by_key(|held| held.pid == program.id());
    assert_eq!(held[2].pid, program.id());
    assert_ne!(held[0].pid, held[1].pid);
    send(Signal::KILL, program.id());
    // One waits, one computes and never comes to an await: both end.
    for held in held {
        held.gone().await;
    }
    program.wait().unwrap();
}

async fn a_program_that_sigpipe_would_end_loses_only_workers() {
    let (output, said, _) = run(&mut victim("ended-by-sigpipe"));
    assert_eq!(output.status.signal(), None, "{said}");
    assert!(said.ends_with("served\n"), "{said}");
}

async fn a_program_may_end_with_its_pool_open() {
    let line = Line::open();
    let mut program = with_line(victim("leave"), &line.name)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let held = line.next().await;
    assert!(program.wait().unwrap().success(), "wait closes its stdin");
    held.gone().await;
}
