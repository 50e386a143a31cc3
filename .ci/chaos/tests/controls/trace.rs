//! The trace, on an operation that leaves one of each thing behind.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use chaos::Trace;

use crate::{block_on, caught};

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_thread_left_over_is_named() {
    chaos::alone!();
    let before = Trace::take();
    let (end, wait) = channel::<()>();
    let (begin, begun) = channel();
    let thread = thread::Builder::new()
        .name("straggler".into())
        .spawn(move || {
            // It has its parent's name until it runs.
            begin.send(()).unwrap();
            wait.recv().ok();
        })
        .unwrap();
    begun.recv().unwrap();
    let said = caught(|| before.wait_same_within(SHORT));
    assert!(said.contains("1 × thread straggler"), "{said}");
    drop(end);
    thread.join().unwrap();
    before.wait_same();
}

#[test]
fn a_descriptor_left_over_is_named() {
    chaos::alone!();
    // With its feature `signal`, which another package of the workspace may have
    // turned on, tokio keeps what its first runtime opened.
    block_on(async {});
    let before = Trace::take();
    let file = File::open("/dev/null").unwrap();
    let said = caught(|| block_on(before.assert_same_within(SHORT)));
    assert!(said.contains("descriptor /dev/null"), "{said}");
    drop(file);
    before.wait_same();
}

#[test]
fn a_file_left_over_is_named() {
    chaos::alone!();
    let folder = std::env::temp_dir().join(format!("chaos-trace-{}", std::process::id()));
    fs::create_dir_all(folder.join("deep")).unwrap();
    let before = Trace::with_files(&folder);
    fs::write(folder.join("deep/stray.tmp"), "x").unwrap();
    let said = caught(|| before.wait_same_within(SHORT));
    assert!(said.contains("deep/stray.tmp"), "{said}");
    fs::remove_file(folder.join("deep/stray.tmp")).unwrap();
    before.wait_same();
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_child_left_over_and_a_zombie_are_named() {
    chaos::alone!();
    let before = Trace::take();
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let said = caught(|| before.wait_same_within(SHORT));
    assert!(said.contains("child cat"), "{said}");
    drop(child.stdin.take());
    // It ends by itself and nobody reaps it: the trace must come to say zombie.
    let zombie = format!("zombie cat ({})", child.id());
    chaos::watchdog::closure("the end of cat", {
        let before = before.clone();
        let zombie = zombie.clone();
        move || {
            while !before.diff().things.contains_key(&zombie) {
                thread::yield_now();
            }
        }
    });
    let said = caught(|| before.wait_same_within(SHORT));
    assert!(said.contains(&zombie), "{said}");
    child.wait().unwrap();
    before.wait_same();
}

#[test]
fn a_thread_that_ends_late_is_waited_for() {
    chaos::alone!();
    let (end, wait) = channel::<()>();
    let thread = block_on(async {
        // Inside the runtime, whose own descriptors are not what is looked for.
        let before = Trace::take();
        let thread = thread::spawn(move || wait.recv().ok());
        // Released by a task of this very runtime, which must therefore go on.
        tokio::spawn(async move { drop(end) });
        before.assert_same().await;
        thread
    });
    thread.join().unwrap();
}
