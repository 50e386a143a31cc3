//! Programs of their own that put their workers into cages: where the kernel
//! lacks something, where threads run already, and where the program is killed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use aio_pool::workers::Sandbox;
use rustix::process::Signal;
use seccompiler::{SeccompAction, SeccompFilter};

use super::deeds::{Deed, ENOSYS, do_all};
use crate::death::send;
use crate::harness::{runtime, trials};
use crate::tasks::pid;
use crate::victims::{self, is_worker};

trials![
    without_landlock_a_start_is_an_error_unless_best_effort_will_do,
    without_seccomp_a_start_is_an_error_unless_best_effort_will_do,
    where_threads_run_already_a_sandbox_is_an_error,
    a_caged_worker_ends_with_its_program,
];

async fn without_landlock_a_start_is_an_error_unless_best_effort_will_do() {
    let said = told("sandbox-without-landlock");
    let whole = said
        .lines()
        .find(|line| line.starts_with("whole: "))
        .unwrap();
    assert!(whole.contains("error: workers do not get ready"), "{said}");
    assert!(whole.contains("Landlock is missing (Linux 5.13"), "{said}");
    assert!(whole.contains(".best_effort()"), "{said}");
    assert!(!whole.contains("seccomp"), "{said}");
    // The filter keeps all files shut by itself.
    assert!(
        said.contains("best effort: [Some(1), Some(1), Some(1)]\n"),
        "{said}"
    );
    // And cannot tell one from another.
    assert!(
        said.contains("with a path: [None, None, Some(1)]\n"),
        "{said}"
    );
}

async fn without_seccomp_a_start_is_an_error_unless_best_effort_will_do() {
    let said = told("sandbox-without-seccomp");
    let whole = said
        .lines()
        .find(|line| line.starts_with("whole: "))
        .unwrap();
    assert!(whole.contains("error: workers do not get ready"), "{said}");
    assert!(whole.contains("seccomp is missing"), "{said}");
    assert!(!whole.contains("Landlock"), "{said}");
    // Landlock keeps files shut by itself, and a socket opens none.
    assert!(
        said.contains("best effort: [Some(13), Some(13), None]\n"),
        "{said}"
    );
    assert!(
        said.contains("with a path: [None, Some(13), None]\n"),
        "{said}"
    );
}

async fn where_threads_run_already_a_sandbox_is_an_error() {
    let said = told("sandbox-in-tokio-main");
    assert!(
        said.contains("whole: error: workers do not get ready"),
        "{said}"
    );
    assert!(said.contains("not inside #[tokio::main]"), "{said}");
    assert!(!said.contains("best effort: ["), "{said}");
}

async fn a_caged_worker_ends_with_its_program() {
    let mut program = victims::victim("sandbox-hold")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(program.stdout.take().unwrap()).lines();
    let worker = said.find_map(|line| line.unwrap().strip_prefix("worker ").map(str::to_owned));
    let path = format!("/proc/{}/status", worker.unwrap());
    let status = fs::read_to_string(path).unwrap();
    assert!(status.contains("\nNoNewPrivs:\t1\n"), "{status}");
    send(Signal::KILL, program.id());
    program.wait().unwrap();
    // The worker has the other end too: this comes to an end when it has.
    assert_eq!(said.map(Result::unwrap).count(), 0);
}

fn told(victim: &str) -> String {
    let output = victims::victim(victim).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Programs for which the kernel lacks something.
pub(crate) fn victim(name: &str) {
    match name {
        "sandbox-without-landlock" => {
            take_away(libc::SYS_landlock_create_ruleset);
            aio_pool::init();
            runtime().block_on(report());
        }
        "sandbox-without-seccomp" => {
            take_away(libc::SYS_seccomp);
            aio_pool::init();
            runtime().block_on(report());
        }
        "sandbox-in-tokio-main" => in_tokio_main(),
        "sandbox-hold" => {
            aio_pool::init();
            runtime().block_on(async {
                let start = aio_pool::start().workers(1);
                let pool = start.sandbox(Sandbox::new().best_effort()).await;
                let pool = pool.expect("a pool");
                println!("worker {}", pool.call::<pid>(()).await.expect("an answer"));
                std::future::pending::<()>().await;
            });
        }
        other => panic!("no victim is called {other}"),
    }
}

#[tokio::main]
async fn in_tokio_main() {
    aio_pool::init();
    report().await;
}

/// Makes a system call what it is on an older kernel. Workers inherit that.
fn take_away(call: i64) {
    if is_worker() {
        return;
    }
    let filter = SeccompFilter::new(
        [(call, Vec::new())].into(),
        SeccompAction::Allow,
        SeccompAction::Errno(ENOSYS.unsigned_abs()),
        std::env::consts::ARCH.try_into().expect("an architecture"),
    );
    let filter = filter.and_then(TryInto::try_into).expect("a filter");
    let filter: seccompiler::BpfProgram = filter;
    seccompiler::apply_filter(&filter).expect("seccomp");
}

/// Starts a pool in each kind of cage and says what is possible there.
async fn report() {
    for (kind, sandbox) in [
        ("whole", Sandbox::new()),
        ("best effort", Sandbox::new().best_effort()),
        ("with a path", Sandbox::new().best_effort().read("/proc")),
    ] {
        match aio_pool::start().workers(1).sandbox(sandbox).await {
            Err(error) => println!("{kind}: error: {error}"),
            Ok(pool) => {
                let deeds = vec![
                    Deed::Open("/proc/self/limits".to_owned()),
                    Deed::OpenLater("/dev/null".to_owned()),
                    Deed::PairDatagrams,
                ];
                let done = pool.call::<do_all>(deeds).await.expect("an answer");
                println!("{kind}: {done:?}");
                pool.close().await.expect("an end");
            }
        }
    }
}
