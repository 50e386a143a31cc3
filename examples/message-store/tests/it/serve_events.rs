//! Messages as they are told: by any process, to all, none lost and none twice.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::oneshot::error::TryRecvError;

use crate::client::{Client, Events};
use crate::folder::Folder;
use crate::runtime::aside;
use crate::serve_end::LONG;
use crate::server::{Server, block_on, with_server};

async fn ids(events: &mut Events, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    while ids.len() < count {
        ids.push(events.next().await.expect("an event").id);
    }
    ids
}

#[test]
fn what_another_process_sends_is_told_to_all() {
    with_server(async |folder, server| {
        folder.send("Bob", "Alice", "before");
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(Client::connect(server.addr).await.events("").await);
        }
        folder.send("Bob", "Alice", "one");
        folder.send("Bob", "Alice", "two");
        let whole = Client::connect(server.addr)
            .await
            .get("/api/messages/2")
            .await
            .ok();
        for events in &mut all {
            let one = events.next().await.expect("an event");
            assert_eq!(one.message, whole);
            let two = events.next().await.expect("an event");
            assert_eq!((two.id, &two.message["body"]), (3, &"two".into()));
        }
    });
}

#[test]
fn who_was_cut_off_is_told_the_rest() {
    with_server(async |folder, server| {
        aside(|| folder.fill(200));
        let connect = async || Client::connect(server.addr).await;
        let mut behind = connect().await.events_behind("?after=0", Some("150")).await;
        let mut after = connect().await.events("?after=120").await;
        let mut all = connect().await.events("?after=0").await;
        let mut beyond = connect().await.events("?after=201").await;
        folder.send("Bob", "Alice", "201");
        folder.send("Bob", "Alice", "202");
        assert_eq!(ids(&mut behind, 52).await, (151..=202).collect::<Vec<_>>());
        assert_eq!(ids(&mut after, 82).await, (121..=202).collect::<Vec<_>>());
        assert_eq!(ids(&mut all, 202).await, (1..=202).collect::<Vec<_>>());
        assert_eq!(ids(&mut beyond, 1).await, [202]);

        let wrong = connect().await;
        let request = wrong.request(hyper::Method::GET, "/api/events?after=1");
        let request = request
            .header("last-event-id", "yesterday")
            .body(Default::default());
        let mut wrong = wrong;
        wrong.send(request.expect("a request")).await.error(400);
    });
}

#[test]
fn nothing_is_lost_to_who_begins_while_messages_come() {
    const READERS: usize = 20;
    with_server(async |_, server| {
        let addr = server.addr;
        let (enough, mut is_enough) = tokio::sync::oneshot::channel();
        let writer = tokio::spawn(async move {
            let mut client = Client::connect(addr).await;
            let mut last = 0;
            while is_enough.try_recv() == Err(TryRecvError::Empty) {
                let answer = client
                    .post(r#"{"sender":"a","recipient":"b","body":"c"}"#)
                    .await;
                last = answer.json()["id"].as_i64().expect("an id");
            }
            last
        });
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let mut events = Client::connect(addr).await.events("").await;
            readers.push((ids(&mut events, 1).await[0], events));
        }
        enough.send(()).expect("the writer writes");
        let last = writer.await.expect("the writer ends");
        for (first, mut events) in readers {
            let rest = ids(&mut events, (last - first) as usize).await;
            assert_eq!(rest, (first + 1..=last).collect::<Vec<_>>());
        }
    });
}

#[test]
fn what_could_not_be_read_for_a_while_is_told() {
    with_server(async |folder, server| {
        let mut events = Client::connect(server.addr).await.events("").await;
        folder.send("Bob", "Alice", "one");
        assert_eq!(ids(&mut events, 1).await, [1]);
        let rename = "ALTER TABLE messages RENAME COLUMN";
        let send = "INSERT INTO messages(unread, recipient, body) VALUES ('a', 'b', 'c')";
        aside(|| {
            let sql = format!("BEGIN; {rename} sender TO unread; {send}; COMMIT");
            folder.sql("messages.db", &sql);
            thread::sleep(Duration::from_millis(300)); // not a wait: the test holds without it too
            folder.sql("messages.db", &format!("{rename} unread TO sender"));
        });
        assert_eq!(ids(&mut events, 1).await, [2]);
    });
}

#[test]
fn who_does_not_read_for_five_thousand_messages_then_gets_all() {
    const COMMITS: usize = 20;
    const EACH: usize = 250;
    with_server(async |folder, server| {
        let mut lagging = Client::connect_narrowly(server.addr).await.events("").await;
        let mut reading = Client::connect(server.addr).await.events("").await;
        for _ in 0..COMMITS {
            aside(|| {
                let sql = "INSERT INTO messages(sender, recipient, body) VALUES (?1, ?2, ?3)";
                let body = "x".repeat(2_500);
                let rows = (0..EACH)
                    .map(|_| ("a", "b", body.clone()))
                    .collect::<Vec<_>>();
                folder.with("messages.db", async |db| db.execute_many(sql, rows).await);
            });
        }
        let all = (1..=(COMMITS * EACH) as i64).collect::<Vec<_>>();
        // All has been told, more than sockets hold and than is kept for who is slow.
        assert_eq!(ids(&mut reading, all.len()).await, all);
        assert_eq!(ids(&mut lagging, all.len()).await, all);
        // And nothing more, but what comes now.
        folder.send("Bob", "Alice", "hi");
        assert_eq!(ids(&mut lagging, 1).await, [5_001]);
    });
}

#[test]
fn a_server_that_ends_ends_its_events() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let addr = server.addr;
    block_on(async {
        let mut waiting = Client::connect(addr).await.events("").await;
        aside(|| folder.sql("messages.db", LONG));
        // Has a great deal to tell to one who does not listen.
        let _deaf = Client::connect(addr).await.events("?after=0").await;
        server.signal(Signal::TERM);
        while waiting.next().await.is_some() {}
    });
    assert_eq!(server.wait().ok(), "");
}

#[test]
fn who_waits_for_events_costs_nothing_until_they_come() {
    const WHILE: Duration = Duration::from_secs(3);
    with_server(async |folder, server| {
        let mut all = Vec::new();
        for _ in 0..10 {
            all.push(Client::connect(server.addr).await.events("").await);
        }
        folder.send("Bob", "Alice", "hi");
        for events in &mut all {
            assert_eq!(events.next().await.expect("an event").id, 1);
        }
        let before = server.waits();
        // not a wait: that nothing happens in this time is what is tested
        thread::sleep(WHILE);
        let waits = server.waits() - before;
        // Each has a clock that rings after 30 s, which is looked at on the way.
        assert!(waits <= 12, "{waits} in {WHILE:?}");
    });
}

#[test]
fn a_number_that_is_given_again_is_told_again() {
    with_server(async |folder, server| {
        for text in ["one", "two", "three"] {
            folder.send("Bob", "Alice", text);
        }
        let mut events = Client::connect(server.addr).await.events("").await;
        folder.send("Bob", "Alice", "four");
        assert_eq!(ids(&mut events, 1).await, [4]);
        aside(|| folder.sql("messages.db", "DELETE FROM messages WHERE id > 1"));
        folder.send("Bob", "Alice", "two again");
        let again = events.next().await.expect("an event");
        assert_eq!((again.id, &again.message["body"]), (2, &"two again".into()));
    });
}

#[test]
fn a_message_with_a_name_of_a_mebibyte_is_told_as_any() {
    with_server(async |folder, server| {
        let mut events = Client::connect(server.addr).await.events("").await;
        let sql = "INSERT INTO messages(sender, recipient, body)
                   VALUES ('a', hex(zeroblob(1 << 19)), 'long'), ('b', 'c', 'short')";
        aside(|| folder.sql("messages.db", sql));
        assert_eq!(ids(&mut events, 2).await, [1, 2]);
        folder.send("Bob", "Alice", "hi");
        assert_eq!(ids(&mut events, 1).await, [3]);
    });
}
