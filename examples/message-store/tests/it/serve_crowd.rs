//! A thousand clients at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
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

#[test]
fn a_hundred_who_ask_for_a_long_message_and_do_not_read_cost_little() {
    const DEAF: usize = 100;
    with_server(async |folder, server| {
        let sql = "INSERT INTO messages(sender, recipient, body)
                   VALUES ('a', 'b', hex(zeroblob(10 << 20)))";
        aside(|| folder.sql("messages.db", sql));
        folder.send("Bob", "Alice", "short");
        let mut deaf = Vec::new();
        for _ in 0..DEAF {
            deaf.push(raw(server.addr, "GET /api/messages/1").await);
        }
        let mut client = Client::connect(server.addr).await;
        client.get("/api/stats").await.ok();
        client.get("/api/messages/2").await.ok();
        let page = client.get("/api/messages").await.ok();
        assert_eq!(page["messages"][0]["body"], "short");
        let most = server.peak_kib();
        println!("{DEAF} who ask for 20 MiB: {most} KiB");
        // The message is 20 MiB, and each answer has it once more.
        assert!(most < 200 << 10, "{most} KiB");
    });
}

#[test]
fn a_hundred_searches_for_a_common_word_cost_little() {
    const DEAF: usize = 100;
    with_server(async |folder, server| {
        let sql = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 500)
                   INSERT INTO messages(sender, recipient, body)
                   SELECT 'a', 'b', replace(hex(zeroblob(20000)), '00000000', ' zoology') FROM n";
        aside(|| folder.sql("messages.db", sql));
        let mut deaf = Vec::new();
        for _ in 0..DEAF {
            deaf.push(raw(server.addr, "GET /api/search?q=zoo&limit=500").await);
        }
        // They have as much room as there is, and when they are gone others have it.
        let mut client = Client::connect(server.addr).await;
        client.get("/api/stats").await.ok();
        drop(deaf);
        let found = client.get("/api/search?q=zoo&limit=500").await.ok();
        let shown = found["found"].as_array().expect("a list").len();
        assert!((20..50).contains(&shown), "{shown}");
        assert_eq!(found["more"], true);
        let most = server.peak_kib();
        println!("{DEAF} who search: {most} KiB, {shown} messages");
        assert!(most < 250 << 10, "{most} KiB");
    });
}

#[test]
fn five_hundred_long_messages_under_way_cost_little() {
    const SENDERS: usize = 500;
    with_server(async |_, server| {
        let mut clients = JoinSet::new();
        let text = "x".repeat(1_000_000);
        let json = json!({"sender": "a", "recipient": "b", "body": text}).to_string();
        let json = Arc::new(json);
        for _ in 0..SENDERS {
            let head = format!(
                "POST /api/messages HTTP/1.1\r\nhost: localhost\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                json.len(),
            );
            let mut socket = TcpStream::connect(server.addr).await.expect("it accepts");
            socket.write_all(head.as_bytes()).await.expect("it reads");
            let json = json.clone();
            // All but the last byte, as far as it is read.
            clients.spawn(async move {
                let all_but_one = &json.as_bytes()[..json.len() - 1];
                let _ = socket.write_all(all_but_one).await;
                socket
            });
        }
        // So many are received at a time.
        let mut half = Vec::new();
        while half.len() < 16 {
            half.push(clients.join_next().await);
        }
        let mut client = Client::connect(server.addr).await;
        let short = r#"{"sender":"a","recipient":"b","body":"short"}"#;
        assert_eq!(client.post(short).await.status, 201);
        let most = server.peak_kib();
        println!("{SENDERS} who send 1 MiB: {most} KiB");
        assert!(most < 120 << 10, "{most} KiB");
    });
}

/// Asks for something, and reads none of the answer.
async fn raw(addr: SocketAddr, request: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(16 << 10).expect("a buffer");
    let mut socket = socket.connect(addr).await.expect("it accepts");
    let request = format!("{request} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let asked = socket.write_all(request.as_bytes()).await;
    asked.expect("it reads");
    socket
}
