//! Gates: a worker stands, the test acts, the worker goes on.

use std::thread;
use std::time::Duration;

use chaos::Gate;

use crate::{block_on, caught};

#[test]
fn a_worker_stands_until_the_gate_opens() {
    let gate = Gate::new("step");
    let step = gate.step();
    let worker = thread::spawn(move || step.pass());
    gate.wait_reached();
    assert!(!worker.is_finished(), "it went through a shut gate");
    gate.open();
    worker.join().unwrap();
}

#[test]
fn arrival_wakes_a_waiting_future() {
    let gate = Gate::new("step");
    let step = gate.step();
    chaos::woken::poll_release_woken("Gate::reached", Box::pin(gate.reached()), || {
        // Started only now, so the first poll found nobody.
        thread::spawn(move || step.pass());
    });
    let () = ();
    gate.open();
}

#[test]
fn free_calls_go_through() {
    let gate = Gate::after("third call", 2);
    let step = gate.step();
    step.pass();
    step.pass();
    assert!(!gate.is_reached());
    let worker = thread::spawn(move || step.pass());
    block_on(gate.reached());
    gate.open();
    worker.join().unwrap();
}

#[test]
fn dropping_the_last_gate_opens_it() {
    let gate = Gate::new("step");
    let step = gate.step();
    let worker = thread::spawn(move || step.pass());
    gate.wait_reached();
    let clone = gate.clone();
    drop(gate);
    assert!(!worker.is_finished(), "a clone still holds it shut");
    drop(clone);
    worker.join().unwrap();
}

#[test]
fn a_gate_that_nobody_opens_is_named() {
    let gate = Gate::within("forgotten", Duration::from_millis(50));
    let step = gate.step();
    let said = caught(|| step.pass());
    assert!(said.contains("gate \"forgotten\" was not opened"), "{said}");
}

#[test]
fn a_gate_that_nobody_comes_to_is_named() {
    let gate = Gate::within("lonely", Duration::from_millis(50));
    let said = caught(|| gate.wait_reached());
    assert!(said.contains("\"lonely\""), "{said}");
    let said = caught(|| block_on(gate.reached()));
    assert!(said.contains("\"lonely\""), "{said}");
}
