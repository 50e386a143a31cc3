//! The variables that workers see.

use std::sync::{Arc, Mutex};

use aio_pool::Error;
use rustix::process::Signal;

use crate::death::send;
use crate::harness::trials;
use crate::line::Line;
use crate::tasks::hold;

trials![
    a_worker_has_the_programs_variables_as_changed,
    each_place_has_its_own_value_and_whoever_fills_it_inherits_that,
    values_for_places_are_asked_for_once_and_by_the_caller,
    names_that_no_variable_can_have_are_refused,
];

aio_pool::task! {
    pub(crate) async fn variable(name: String) -> Option<String> {
        std::env::var(name).ok()
    }
}

async fn a_worker_has_the_programs_variables_as_changed() {
    let own = std::env::var("PATH").unwrap();
    let pool = aio_pool::start()
        .workers(1)
        .env("POOL_A", "1")
        .env("POOL_A", "2")
        .env("POOL_B", "gone")
        .env_remove("POOL_B")
        .await
        .unwrap();
    let ask = async |name: &str| pool.call::<variable>(name.to_owned()).await.unwrap();
    assert_eq!(ask("PATH").await, Some(own));
    assert_eq!(ask("POOL_A").await.as_deref(), Some("2"));
    assert_eq!(ask("POOL_B").await, None);
    pool.close().await.unwrap();

    let pool = aio_pool::start()
        .workers(1)
        .env("POOL_A", "before")
        .env_clear()
        .env("POOL_B", "after")
        .await
        .unwrap();
    let ask = async |name: &str| pool.call::<variable>(name.to_owned()).await.unwrap();
    assert_eq!(ask("PATH").await, None);
    assert_eq!(ask("POOL_A").await, None);
    assert_eq!(ask("POOL_B").await.as_deref(), Some("after"));
    pool.close().await.unwrap();
    assert_eq!(std::env::var("POOL_B").ok(), None, "the program's own");
}

/// What a worker was started with.
fn value_of(name: &str, pid: u32) -> String {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let environ = String::from_utf8_lossy(&environ).into_owned();
    let prefix = format!("{name}=");
    let mut values = environ
        .split('\0')
        .filter_map(|one| one.strip_prefix(&prefix));
    values.next().unwrap().to_owned()
}

async fn each_place_has_its_own_value_and_whoever_fills_it_inherits_that() {
    let pool = aio_pool::start()
        .workers(3)
        .tasks_per_worker(1)
        .env_each("POOL_PLACE", |place| place.to_string())
        .await
        .unwrap();
    let line = Line::open();
    let mut calls = Vec::new();
    let mut held = Vec::new();
    for _ in 0..3 {
        calls.push(tokio::spawn(
            pool.call::<hold>(line.name.clone()).into_future(),
        ));
        held.push(line.next().await);
    }
    let mut values: Vec<_> = held
        .iter()
        .map(|one| value_of("POOL_PLACE", one.pid))
        .collect();
    let last = values.clone();
    values.sort();
    assert_eq!(values, ["0", "1", "2"]);
    // Two die, the newer place first: each is filled again.
    for victim in [2, 0] {
        send(Signal::KILL, held[victim].pid);
        calls[victim] = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
        let heir = line.next().await;
        assert_eq!(value_of("POOL_PLACE", heir.pid), last[victim]);
        held[victim] = heir;
    }
    pool.terminate().await;
}

async fn values_for_places_are_asked_for_once_and_by_the_caller() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let start = aio_pool::start()
        .workers(2)
        .env_each("POOL_X", move |place| {
            let by = std::thread::current().id();
            log.lock().unwrap().push((place, by));
            "x"
        });
    assert_eq!(asked.lock().unwrap().len(), 0, "a builder does nothing");
    let pool = start.await.unwrap();
    let line = Line::open();
    let call = tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    send(Signal::KILL, line.next().await.pid);
    call.await.unwrap().unwrap_err();
    tokio::spawn(pool.call::<hold>(line.name.clone()).into_future());
    line.next().await;
    pool.terminate().await;
    let me = std::thread::current().id();
    assert_eq!(*asked.lock().unwrap(), [(0, me), (1, me)]);
}

async fn names_that_no_variable_can_have_are_refused() {
    let start = || aio_pool::start().workers(1);
    for (option, start) in [
        ("env", start().env("", "x")),
        ("env", start().env("A=B", "x")),
        ("env", start().env("A\0", "x")),
        ("env", start().env("A", "x\0")),
        ("env_remove", start().env_remove("A=")),
        ("env_each", start().env_each("=", |_| "x")),
        ("env_each", start().env_each("A", |_| "\0")),
    ] {
        let error = start.await.unwrap_err();
        assert!(
            matches!(error, Error::InvalidOption { option: named, .. } if named == option),
            "{error}"
        );
    }
    let said = start().env("=", "").await.unwrap_err().to_string();
    assert!(
        said.starts_with("option env of aio_pool::start() must be a name"),
        "{said}"
    );
}
