//! What becomes of requests when the server is told to end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::folder::Folder;
use crate::runtime::aside;
use crate::server::{Server, block_on};

/// Makes a thousand messages that are more than sockets hold, 10 MB.
pub(crate) const LONG: &str = "
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 1000)
    INSERT INTO messages(sender, recipient, body)
        SELECT 'a', 'b', hex(zeroblob(5000)) FROM n;";

/// A request of which the server has read the first half.
struct Half {
    socket: TcpStream,
    rest: Vec<u8>,
}

impl Half {
    async fn begin(addr: SocketAddr, n: usize) -> Half {
        let json = format!(r#"{{"sender":"{n}","recipient":"all","body":"half and half"}}"#);
        let (first, rest) = json.split_at(json.len() / 2);
        let head = format!(
            "POST /api/messages HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            json.len()
        );
        let mut socket = TcpStream::connect(addr).await.expect("it accepts");
        socket.write_all(head.as_bytes()).await.expect("it listens");
        // It says so when it waits for the body, and then the request is under way.
        let mut goes_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
        socket
            .read_exact(&mut goes_on)
            .await
            .expect("it wants the body");
        assert!(goes_on.starts_with(b"HTTP/1.1 100 "));
        socket
            .write_all(first.as_bytes())
            .await
            .expect("it listens");
        let rest = rest.as_bytes().to_vec();
        Half { socket, rest }
    }

    /// Sends the rest, and returns the answer.
    async fn finish(mut self) -> String {
        self.socket.write_all(&self.rest).await.expect("it listens");
        self.closed().await
    }

    /// What is said until the server closes the connection.
    async fn closed(mut self) -> String {
        let mut answer = String::new();
        // Closed with something unread, it is reset, which is closed too.
        let _ = self.socket.read_to_string(&mut answer).await;
        answer
    }
}

/// Tells a server to end, and waits until it knows.
async fn told_to_end(server: &Server) {
    let mut events = Client::connect(server.addr)
        .await
        .events("?after=1000000")
        .await;
    server.signal(Signal::TERM);
    while events.next().await.is_some() {}
}

/// The senders of the messages that are there.
fn senders(folder: &Folder) -> Vec<usize> {
    let listed = folder.run(&["list", "--json"]).ok();
    let senders = listed.lines().map(|line| {
        let message: Value = serde_json::from_str(line).expect("JSON");
        message["sender"]
            .as_str()
            .expect("a name")
            .parse()
            .expect("a number")
    });
    let mut senders = senders.collect::<Vec<_>>();
    senders.sort_unstable();
    senders
}

#[test]
fn a_hundred_requests_that_are_under_way_are_finished() {
    const REQUESTS: usize = 100;
    let folder = Folder::new();
    let server = Server::start(&folder);
    let addr = server.addr;
    block_on(async {
        let mut idle = Client::connect(addr).await;
        idle.get("/api/stats").await.ok();
        let mut halves = Vec::new();
        for n in 0..REQUESTS {
            halves.push(Half::begin(addr, n).await);
        }
        told_to_end(&server).await;
        let refused = TcpStream::connect(addr)
            .await
            .expect_err("it accepts no more");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        let gone = halves.split_off(REQUESTS / 2);
        for half in halves {
            let answer = half.finish().await;
            assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
            assert!(answer.contains("connection: close\r\n"), "{answer}");
        }
        // The others go away.
        drop(gone);
    });
    assert_eq!(server.wait().ok(), "");
    assert_eq!(senders(&folder), (0..REQUESTS / 2).collect::<Vec<_>>());
}

#[test]
fn what_was_acknowledged_before_the_end_is_there() {
    const WRITERS: usize = 20;
    let folder = Folder::new();
    let server = Server::start(&folder);
    let addr = server.addr;
    let mut acknowledged = block_on(async {
        let mut events = Client::connect(addr).await.events("").await;
        let writers = (0..WRITERS).map(|writer| {
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                let mut client = Client::connect(addr).await;
                for n in 0.. {
                    let name = writer * 1_000_000 + n;
                    let json = format!(r#"{{"sender":"{name}","recipient":"all","body":"hi"}}"#);
                    let request = client.posting(json);
                    match client.try_send(request).await {
                        Ok(answer) if answer.status == 201 => acknowledged.push(name),
                        Ok(answer) => panic!("{answer:?}"),
                        Err(_) => break, // the connection is closed
                    }
                }
                acknowledged
            })
        });
        let writers = writers.collect::<Vec<_>>();
        // In the middle of it.
        for _ in 0..300 {
            events.next().await.expect("an event");
        }
        server.signal(Signal::TERM);
        let mut all = Vec::new();
        for writer in writers {
            all.extend(writer.await.expect("a writer ends"));
        }
        all
    });
    assert_eq!(server.wait().ok(), "");
    acknowledged.sort_unstable();
    assert!(
        acknowledged.len() >= 300 - WRITERS,
        "{}",
        acknowledged.len()
    );
    assert_eq!(senders(&folder), acknowledged);
}

#[test]
fn a_request_that_never_ends_is_cut_off_after_five_seconds() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let addr = server.addr;
    block_on(async {
        let half = Half::begin(addr, 0).await;
        // Has a great deal to get, and does not read.
        aside(|| folder.sql("messages.db", LONG));
        let _deaf = Client::connect(addr).await.events("?after=0").await;
        // Before it is told: it may be a while until we hear that it knows.
        let begun = Instant::now();
        told_to_end(&server).await;
        assert_eq!(half.closed().await, "");
        assert!(begun.elapsed() > Duration::from_secs(4));
    });
    assert_eq!(server.wait().ok(), "");
    assert_eq!(folder.run(&["list"]).ok().lines().count(), 1_000);
}

#[test]
fn who_is_impatient_says_it_twice() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let addr = server.addr;
    block_on(async {
        let half = Half::begin(addr, 0).await;
        told_to_end(&server).await;
        let begun = Instant::now();
        server.signal(Signal::INT);
        assert_eq!(half.closed().await, "");
        assert!(begun.elapsed() < Duration::from_secs(4));
    });
    assert_eq!(server.wait().ok(), "");
    assert_eq!(senders(&folder), [0_usize; 0]);
}
