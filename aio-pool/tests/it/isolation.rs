//! What a task can reach of the pool: nothing but its own worker.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use aio_pool::task;
use rustix::io::FdFlags;

use crate::deeds::{Descriptors, descriptors};
use crate::deeds::{finish_when_told, program, told};
use crate::forge::sockets_of_the_parent;
use crate::harness::{runtime, trials};
use crate::line::{self, Line};
use crate::pools::pool_of;
use crate::tasks::{echo, pid};

trials![
    what_tasks_print_and_read_is_not_the_pools,
    a_worker_has_its_own_descriptors_and_no_others,
    a_worker_has_no_descriptor_that_its_program_lets_others_inherit,
    what_a_task_starts_inherits_no_descriptor,
];

/// So many tasks babble in the program that does.
const BABBLERS: usize = 20;

task! {
    /// Says whatever it can on whatever it has, has a child do the same, and
    /// says what it has read.
    async fn babble() -> Vec<u8> {
        println!("printed");
        // A frame that is too long, if anybody took it for one.
        let wild = [0xff; 16];
        for out in [rustix::stdio::stdout(), rustix::stdio::stdin()] {
            // Nobody said that its stdin can be written.
            let _ = rustix::io::write(out, &wild);
            let _ = rustix::io::write(out, b"\nraw\n");
        }
        let child = Command::new("sh")
            .args(["-c", "echo from a child; echo on its stdin >&0; cat"])
            .stderr(Stdio::null())
            .spawn();
        child.expect("sh is everywhere").wait().expect("its end");
        let mut read = Vec::new();
        std::io::stdin().read_to_end(&mut read).expect("a stdin");
        std::io::stdout().flush().expect("a stdout");
        read
    }
}

/// In a program of ours: its tasks babble.
pub(crate) fn run_if_told() {
    if told().as_deref() != Some("babble") {
        return;
    }
    aio_pool::init();
    runtime().block_on(async {
        let pool = aio_pool::start().workers(2).await.expect("a pool");
        let first = pool.call::<pid>(()).await.expect("an answer");
        let mut calls = Vec::new();
        for number in 0..BABBLERS {
            calls.push(tokio::spawn(pool.call::<babble>(()).into_future()));
            let bytes = vec![7; number];
            let back = pool.call::<echo>(bytes.clone()).await.expect("an answer");
            assert_eq!(back, bytes);
        }
        for call in calls {
            let read = call.await.expect("a task").expect("an answer");
            assert_eq!(read, b"", "there was something to read");
        }
        let mut workers = HashSet::from([first]);
        for _ in 0..BABBLERS {
            workers.insert(pool.call::<pid>(()).await.expect("an answer"));
        }
        assert!(workers.len() <= 2, "a worker was replaced: {workers:?}");
        pool.close().await.expect("an end");
        println!("served");
    });
    std::process::exit(0)
}

async fn what_tasks_print_and_read_is_not_the_pools() {
    // Bytes for whoever reads the program's own stdin by mistake.
    let folder = chaos::scratch::folder();
    let path = folder.path().join("stdin");
    std::fs::write(&path, "for the program alone").unwrap();
    let output = program("babble")
        .stdin(File::open(path).unwrap())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    assert_eq!(complaint, "");
    let said = String::from_utf8_lossy(&output.stdout);
    for words in ["printed", "raw", "from a child"] {
        let times = said.lines().filter(|line| line.ends_with(words)).count();
        assert_eq!(times, BABBLERS, "{words}: {said}");
    }
    assert!(!said.contains("for the program alone"), "{said}");
    assert!(said.ends_with("served\n"), "{said}");
}

task! {
    /// What this worker has open, and how many different sockets of its parent.
    async fn look_around(line: String) -> (Descriptors, usize) {
        let found = descriptors();
        let sockets: HashSet<u64> = sockets_of_the_parent()
            .iter()
            .map(|socket| rustix::fs::fstat(socket).expect("a socket").st_ino)
            .collect();
        // Both look, each in a worker of its own.
        let mut stream = line::call(&line);
        let _ = stream.read(&mut [0]);
        (found, sockets.len())
    }
}

/// Those that name one thing in the whole system.
fn unique(descriptors: &Descriptors) -> HashSet<&str> {
    let names = descriptors.iter().filter(|(number, _)| *number > 2);
    names
        .map(|(_, name)| name.as_str())
        .filter(|name| !name.starts_with("anon_inode:"))
        .collect()
}

async fn a_worker_has_its_own_descriptors_and_no_others() {
    let folder = chaos::scratch::folder();
    let before = File::create(folder.path().join("before")).unwrap();
    let line = Line::open();
    let pool = pool_of(2, 1).await;
    let after = File::create(folder.path().join("after")).unwrap();
    // One of them is started when much more is open.
    let victim = pool.call::<pid>(()).await.unwrap();
    crate::death::send(rustix::process::Signal::KILL, victim);
    let calls: Vec<_> = (0..2)
        .map(|_| tokio::spawn(pool.call::<look_around>(line.name.clone()).into_future()))
        .collect();
    let held = (line.next().await, line.next().await);
    assert_ne!(held.0.pid, held.1.pid);
    let ours = descriptors();
    drop(held);
    let mut seen = Vec::new();
    for call in calls {
        let (found, sockets) = call.await.unwrap().unwrap();
        assert_eq!(found[0], (0, "/dev/null".to_owned()));
        assert_eq!(sockets, 1, "one of the pool: {found:?}");
        for (number, target) in &found[3..] {
            let kinds = ["socket:", "anon_inode:[eventpoll]", "anon_inode:[eventfd]"];
            let known = kinds.iter().any(|kind| target.starts_with(kind));
            assert!(known, "{number} is {target}: {found:?}");
        }
        let shared: Vec<_> = unique(&found)
            .intersection(&unique(&ours))
            .copied()
            .collect();
        assert!(shared.is_empty(), "of the program: {shared:?}");
        seen.push(found);
    }
    let shared: Vec<_> = unique(&seen[0])
        .intersection(&unique(&seen[1]))
        .copied()
        .collect();
    assert!(shared.is_empty(), "of another worker: {shared:?}");
    drop((before, after));
    pool.close().await.unwrap();
}

task! {
    /// Whether this worker has that file open.
    async fn has_open(path: String) -> bool {
        descriptors().iter().any(|(_, target)| *target == path)
    }
}

async fn a_worker_has_no_descriptor_that_its_program_lets_others_inherit() {
    let folder = chaos::scratch::folder();
    let path = folder.path().join("inherited");
    let file = File::create(&path).unwrap();
    rustix::io::fcntl_setfd(file.as_fd(), FdFlags::empty()).unwrap();
    let path = path.display().to_string();
    let pool = aio_pool::start().workers(1).await.unwrap();
    assert!(!pool.call::<has_open>(path).await.unwrap());
    pool.close().await.unwrap();
}

task! {
    /// What a child of this worker has open.
    async fn list_in_a_child() -> String {
        let child = Command::new("ls").arg("/proc/self/fd").output();
        String::from_utf8(child.expect("ls is everywhere").stdout).expect("numbers")
    }
}

async fn what_a_task_starts_inherits_no_descriptor() {
    let pool = aio_pool::start().workers(2).await.unwrap();
    let line = Line::open();
    // While its neighbours and the worker itself are busy.
    let busy: Vec<_> = (0..2)
        .map(|_| {
            tokio::spawn(
                pool.call::<finish_when_told>(line.name.clone())
                    .into_future(),
            )
        })
        .collect();
    let held = (line.next().await, line.next().await);
    for _ in 0..4 {
        let list = pool.call::<list_in_a_child>(()).await.unwrap();
        let numbers = list.lines().map(|number| number.parse::<u32>().unwrap());
        let mut numbers: Vec<u32> = numbers.collect();
        numbers.sort_unstable();
        // The fourth is the one that it reads the list from.
        assert_eq!(
            (&numbers[..3], numbers.len()),
            (&[0, 1, 2][..], 4),
            "{list}"
        );
    }
    drop(held);
    for call in busy {
        call.await.unwrap().unwrap();
    }
    pool.close().await.unwrap();
}
