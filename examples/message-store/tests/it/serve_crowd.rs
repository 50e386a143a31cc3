//! A thousand clients at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::folder::Folder;
use crate::runtime::aside;
use crate::serve_end::LONG;
use crate::server::{Server, with_server};

const CLIENTS: usize = 1_000;

/// Lets this process have the sockets of all clients open.
fn let_open(files: u64) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    let maximum = limit.maximum.unwrap_or(u64::MAX);
    if maximum < files {
        return Err(format!(
            "at most {maximum} files can be open, and {files} are needed"
        ));
    }
    let raised = Rlimit {
        current: Some(files),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|error| error.to_string())
}

#[test]
fn a_thousand_clients_lose_nothing() {
    if let Err(why) = let_open(3 * CLIENTS as u64) {
        return chaos::skip::because(&why);
    }
    with_server(async |folder, server| {
        let addr = server.addr;
        let begun = Instant::now();
        let start = Arc::new(Barrier::new(CLIENTS));
        let mut clients = JoinSet::new();
        for n in 0..CLIENTS {
            let start = start.clone();
            clients.spawn(async move {
                let mut client = Client::connect(addr).await;
                // Each twentieth waits for the events, the others look at a list.
                let mut events = match n % 20 {
                    0 => Some(Client::connect(addr).await.events("").await),
                    _ => None,
                };
                start.wait().await;
                let body = format!("from client {n}");
                let json = json!({"sender": n.to_string(), "recipient": "all", "body": body});
                let answer = client.post(json.to_string()).await;
                assert_eq!(answer.status, 201, "{answer:?}");
                let posted = answer.json();
                assert_eq!(posted["body"], body);
                let id = posted["id"].as_i64().expect("an id");
                let read = client.get(answer.header("location")).await.ok();
                assert_eq!(read, posted);
                match &mut events {
                    Some(events) => {
                        while events.next().await.expect("an event").message != posted {}
                    }
                    None => {
                        let path = format!("/api/messages?limit=5&from={n}");
                        let page = client.get(&path).await.ok();
                        assert_eq!(page, json!({"messages": [posted]}));
                    }
                }
                // All of them stay until the last has come so far.
                start.wait().await;
                (id, body)
            });
        }
        let mut acknowledged = BTreeMap::new();
        while let Some(client) = clients.join_next().await {
            let (id, body) = client.expect("a client ends");
            assert_eq!(acknowledged.insert(id, body), None, "{id} was given twice");
        }
        let most = server.peak_kib();
        println!("{CLIENTS} clients in {:.1?}, {most} KiB", begun.elapsed());
        assert!(most < 150 << 10, "{most} KiB");

        let listed = folder.run(&["list", "--json"]).ok();
        let listed = listed.lines().map(|line| {
            let message: Value = serde_json::from_str(line).expect("JSON");
            let body = message["body"].as_str().expect("a body").to_owned();
            (message["id"].as_i64().expect("an id"), body)
        });
        assert_eq!(listed.collect::<BTreeMap<_, _>>(), acknowledged);
    });
}

#[test]
fn who_does_not_listen_costs_little() {
    // Each is told as much as its socket takes, which is a great deal of work.
    const DEAF: usize = 150;
    with_server(async |folder, server| {
        aside(|| folder.sql("messages.db", LONG));
        let addr = server.addr;
        let mut deaf = JoinSet::new();
        for _ in 0..DEAF {
            deaf.spawn(async move {
                let client = Client::connect_narrowly(addr).await;
                let mut events = client.events("?after=0").await;
                // It has the first, so that the server holds what it would tell next.
                assert_eq!(events.next().await.expect("an event").id, 1);
                events
            });
        }
        let deaf = deaf.join_all().await;
        let mut client = Client::connect(server.addr).await;
        client.get("/api/messages").await.ok();
        let most = server.peak_kib();
        println!("{} who do not listen: {most} KiB", deaf.len());
        // A page of the store for each would be 100 MiB.
        assert!(most < 60 << 10, "{most} KiB");
    });
}

#[test]
fn the_server_has_as_many_files_open_as_the_system_allows() {
    let folder = Folder::new();
    let program = folder.program(&["serve", "--addr", "127.0.0.1:0"]);
    let mut shell = folder.program_of("sh");
    shell
        .args(["-c", "ulimit -Sn 64 && exec \"$0\" \"$@\""])
        .arg(program.get_program())
        .args(program.get_args());
    let server = Server::run(shell);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid()));
    let limits = limits.expect("it runs");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let numbers = line.expect("a limit").split_whitespace().skip(3);
    let numbers = numbers.take(2).collect::<Vec<_>>();
    assert_eq!(numbers[0], numbers[1], "{limits}");
    server.terminate();
}
