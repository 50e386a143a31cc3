//! The JSON API: what is asked, what is answered, and what is refused.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::client::Client;
use crate::folder::{Folder, end};
use crate::process::signal;
use crate::server::{Server, block_on, with_server};

const HELP: &str = r#"{"sender":"Bob","recipient":"Alice","subject":"Help","body":"I need it."}"#;

#[test]
fn what_is_posted_is_stored_and_read_back() {
    with_server(async |folder, server| {
        let mut client = Client::connect(server.addr).await;
        let answer = client.post(HELP).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (201, "/api/messages/1")
        );
        let posted = answer.json();
        let listed: Value =
            serde_json::from_str(&folder.run(&["list", "--json"]).ok()).expect("JSON");
        assert_eq!(posted, listed);
        assert_eq!(posted["subject"], "Help");

        assert_eq!(client.get("/api/messages/1").await.ok(), posted);
        let page = client.get("/api/messages").await.ok();
        assert_eq!(page, json!({"messages": [posted]}));
        let stats: Value =
            serde_json::from_str(&folder.run(&["stats", "--json"]).ok()).expect("JSON");
        assert_eq!(client.get("/api/stats").await.ok(), stats);
    });
}

#[test]
fn a_form_that_is_filled_in_by_half_sends_no_empty_subject() {
    with_server(async |_, server| {
        let mut client = Client::connect(server.addr).await;
        for subject in ["\"\"", "null"] {
            let json =
                format!(r#"{{"sender":"a","recipient":"b","body":"c","subject":{subject}}}"#);
            let posted = client.post(json).await.json();
            assert_eq!(posted.get("subject"), None, "{posted}");
        }
    });
}

#[test]
fn each_wrong_message_is_refused_with_its_cause() {
    let cases: [(u16, &str, &str); 13] = [
        (400, "", "EOF while parsing a value at line 1 column 0"),
        (
            400,
            "{\n  \"sender\": nobody\n}",
            "expected ident at line 2 column 14",
        ),
        (
            400,
            r#"{"sender":"a","recipient":"b","body":"c"} x"#,
            "trailing characters at line 1 column 43",
        ),
        (400, "{\"sender\":\"\u{1}\"}", "control character"),
        (
            422,
            r#"["a","b",null,"c"]"#,
            "a message is an object with sender, recipient and body",
        ),
        (
            422,
            "null",
            "invalid type: null, expected an object with sender, recipient and body",
        ),
        (422, "[1]", "a message is an object"),
        (
            422,
            r#"{"sender":"a","recipient":"b"}"#,
            "missing field `body` at line 1 column 30",
        ),
        (
            422,
            r#"{"sender":1,"recipient":"b","body":"c"}"#,
            "invalid type: integer `1`, expected a string at line 1 column 11",
        ),
        (
            422,
            r#"{"sender":"a","recipient":"b","body":"c","bo\ndy":"d"}"#,
            r"unknown field `bo\ndy`",
        ),
        (
            422,
            r#"{"sender":"","recipient":"b","body":"c"}"#,
            "the sender is empty",
        ),
        (
            422,
            r#"{"sender":"a","recipient":"","body":"c"}"#,
            "the recipient is empty",
        ),
        (
            422,
            r#"{"sender":"a","recipient":"b","body":""}"#,
            "the body is empty",
        ),
    ];
    with_server(async |folder, server| {
        let mut client = Client::connect(server.addr).await;
        for (status, json, cause) in cases {
            let said = client.post(json).await.error(status);
            assert!(said.contains(cause), "{json}: {said}");
        }
        assert_eq!(
            client.post(&b"{\"sender\":\"\xff\"}"[..]).await.error(400),
            "invalid unicode code point at line 1 column 12"
        );
        assert_eq!(folder.run(&["list"]).ok(), "");
    });
}

#[test]
fn a_message_is_posted_as_json_and_as_nothing_else() {
    with_server(async |_, server| {
        let mut client = Client::connect(server.addr).await;
        for kind in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
        ] {
            let request = client.request(Method::POST, "/api/messages");
            let request = request.header("content-type", kind).body(HELP.into());
            let cause = client.send(request.expect("a request")).await.error(415);
            assert_eq!(
                cause,
                "a message is posted with Content-Type: application/json"
            );
        }
        let request = client.request(Method::POST, "/api/messages");
        let request = request.header("content-type", "Application/JSON; charset=utf-8");
        let answer = client
            .send(request.body(HELP.into()).expect("a request"))
            .await;
        assert_eq!(answer.status, 201);
    });
}

#[test]
fn a_body_of_more_than_a_mebibyte_is_refused() {
    with_server(async |_, server| {
        let json = |length: usize| {
            let rest = r#"{"sender":"a","recipient":"b","body":""}"#.len();
            let body = "x".repeat(length - rest);
            format!(r#"{{"sender":"a","recipient":"b","body":"{body}"}}"#)
        };
        let mut client = Client::connect(server.addr).await;
        let answer = client.post(json(1 << 20)).await;
        assert_eq!(answer.status, 201);
        let cause = client.post(json((1 << 20) + 1)).await.error(413);
        assert_eq!(cause, "the body is longer than 1048576 bytes");
        // One that is far too long is not kept, and gets its answer too.
        client.post(json(40 << 20)).await.error(413);
        client.get("/api/stats").await.ok();
        let most = server.peak_kib();
        assert!(most < 40 << 10, "{most} KiB");
    });
}

#[test]
fn each_wrong_question_is_refused_with_its_cause() {
    let cases = [
        (404, "/api/messages/2", "there is no message 2"),
        (404, "/api/messages/-1", "there is no message -1"),
        (400, "/api/messages/two", "two is no number of a message"),
        (
            400,
            "/api/messages/9223372036854775808",
            "9223372036854775808 is no number of a message",
        ),
        (400, "/api/messages/%0a", r"\n is no number of a message"),
        (400, "/api/messages/%ff", "Invalid UTF-8"),
        (
            400,
            "/api/messages?cursor=7",
            "7 is no cursor that a page has given",
        ),
        (
            400,
            "/api/messages?cursor=before-x",
            "before-x is no cursor that a page has given",
        ),
        (
            400,
            "/api/messages?limit=0",
            "the limit is from 1 to 500, not 0",
        ),
        (
            400,
            "/api/messages?limit=501",
            "the limit is from 1 to 500, not 501",
        ),
        (
            400,
            "/api/search?q=a&limit=many",
            "the limit is from 1 to 500, not many",
        ),
        (
            400,
            &format!("/api/search?q={}", "n+w+".repeat(126)),
            "a search is for 500 characters at most",
        ),
        (
            400,
            "/api/messages?form=Bob",
            "unknown field `form`, expected one of `from`, `to`, `cursor`, `limit`",
        ),
        (400, "/api/messages?from=a&from=b", "duplicate field `from`"),
        (
            400,
            "/api/events?after=now",
            "now is no number of a message to begin after",
        ),
        (404, "/api", "there is nothing at /api"),
        (404, "/api/messages/", "there is nothing at /api/messages/"),
        (404, "/nothing%0a", "there is nothing at /nothing%0a"),
    ];
    with_server(async |_, server| {
        let mut client = Client::connect(server.addr).await;
        client.post(HELP).await;
        for (status, path, cause) in cases {
            let said = client.get(path).await.error(status);
            assert!(said.contains(cause), "{path}: {said}");
        }
        for (method, path, allowed) in [
            (Method::DELETE, "/api/messages/1", "GET,HEAD"),
            (Method::PUT, "/api/messages", "GET,HEAD,POST"),
            (Method::POST, "/api/events", "GET,HEAD"),
        ] {
            let request = client.request(method, path).body(Full::default());
            let answer = client.send(request.expect("a request")).await;
            assert_eq!(answer.header("allow"), allowed);
            answer.error(405);
        }
        assert_eq!(client.get("/api/messages/1").await.status, 200);
    });
}

#[test]
fn each_answer_has_the_headers_that_bind_a_browser() {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
         connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'";
    with_server(async |_, server| {
        let mut client = Client::connect(server.addr).await;
        client.post(HELP).await;
        for (status, path) in [
            (200, "/"),
            (200, "/page.css"),
            (200, "/page.js"),
            (200, "/api/messages"),
            (200, "/api/messages/1"),
            (200, "/api/search?q=help"),
            (200, "/api/stats"),
            (404, "/api/messages/2"),
            (400, "/api/messages?limit=0"),
            (404, "/nothing"),
        ] {
            let answer = client.get(path).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.header("content-security-policy"), POLICY, "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
            if path.starts_with("/api") {
                assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            }
        }
        let request = client
            .request(Method::GET, "/api/events")
            .body(Full::default());
        let answer = client
            .begin(request.expect("a request"))
            .await
            .expect("an answer");
        assert_eq!(answer.headers()["content-security-policy"], POLICY);
        assert_eq!(answer.headers()["cache-control"], "no-store");
    });
}

#[test]
fn a_request_for_a_foreign_host_is_refused() {
    with_server(async |_, server| {
        let mut client = Client::connect(server.addr).await;
        for host in [
            "evil.example",
            "evil.example:80",
            "localhost.evil.example",
            "192.0.2.1",
            "",
            "a@b@c",
        ] {
            let request = hyper::Request::get("/api/stats").header("host", host);
            let request = request.body(Full::default()).expect("a request");
            let cause = client.send(request).await.error(421);
            assert_eq!(
                cause,
                "this server answers to localhost, 127.0.0.1 and [::1] only"
            );
        }
        for host in [
            "localhost",
            "LocalHost:1",
            "127.0.0.1",
            "127.0.0.2:8080",
            "[::1]:80",
        ] {
            let request = hyper::Request::get("/api/stats").header("host", host);
            let request = request.body(Full::default()).expect("a request");
            client.send(request).await.ok();
        }
        let none = hyper::Request::get("/api/stats").body(Full::default());
        client.send(none.expect("a request")).await.error(421);
        let two = hyper::Request::get("/api/stats")
            .header("host", "localhost")
            .header("host", "evil.example")
            .body(Full::default());
        client.send(two.expect("a request")).await.error(421);
    });
}

#[test]
fn words_are_found_as_they_are_typed() {
    with_server(async |_, server| {
        let mut client = Client::connect(server.addr).await;
        let posted = client.post(HELP).await.json();
        let found = client.get("/api/search?q=hel").await.ok();
        let expected = json!({"found": [{
            "message": posted,
            "subject": [{"text": "Help", "match": true}],
            "body": [{"text": "I need it.", "match": false}],
        }]});
        assert_eq!(found, expected);
        let found = client.get("/api/search?q=NEE+i").await.ok();
        let body = json!([
            {"text": "I", "match": true}, {"text": " ", "match": false},
            {"text": "need", "match": true}, {"text": " ", "match": false},
            {"text": "it", "match": true}, {"text": ".", "match": false},
        ]);
        assert_eq!(found["found"][0]["body"], body);
        for nothing in [
            "/api/search",
            "/api/search?q=",
            "/api/search?q=+",
            "/api/search?q=zebra",
        ] {
            assert_eq!(
                client.get(nothing).await.ok(),
                json!({"found": []}),
                "{nothing}"
            );
        }
        // What FTS5 has of operators means nothing.
        for odd in [
            "%22",
            "*",
            "NEAR(",
            "%00",
            "a+AND",
            "subject:x",
            "%F0%9F%92%A9",
        ] {
            client.get(&format!("/api/search?q={odd}")).await.ok();
        }
    });
}

#[test]
fn a_store_that_stays_locked_is_said_to_be_so() {
    with_server(async |folder, server| {
        let mut client = Client::connect(server.addr).await;
        let path = folder.path("messages.db");
        let locking = aio_sqlite::connect(path).with(async |db| -> aio_sqlite::Result<_> {
            db.execute_script("BEGIN IMMEDIATE").await?;
            let cause = client.post(HELP).await.error(503);
            assert_eq!(cause, "messages.db: another process keeps it locked");
            // Who only reads does not mind, not even while one waits to write.
            let mut other = Client::connect(server.addr).await;
            let posting = client.post(HELP);
            let counting = async {
                loop {
                    let asked = Instant::now();
                    other.get("/api/stats").await.ok();
                    assert!(asked.elapsed() < Duration::from_secs(3), "{asked:?}");
                }
            };
            let answer = tokio::select! {
                answer = posting => answer,
                () = counting => unreachable!("it counts for ever"),
            };
            answer.error(503);
            assert_eq!(
                client.get("/api/messages").await.ok(),
                json!({"messages": []})
            );
            db.execute_script("ROLLBACK").await
        });
        locking.await.expect("the lock");
        assert_eq!(client.post(HELP).await.status, 201);
    });
}

#[test]
fn nothing_is_acknowledged_that_goes_to_a_file_which_is_gone() {
    with_server(async |folder, server| {
        let mut client = Client::connect(server.addr).await;
        assert_eq!(client.post(HELP).await.status, 201);
        let path = folder.path("messages.db");
        std::fs::rename(&path, folder.path("moved.db")).expect("it is moved");
        let gone = "messages.db: deleted, moved or replaced while it was open";
        assert_eq!(client.post(HELP).await.error(500), gone);
        // Another one in its place is not the one that was opened.
        std::fs::write(&path, "").expect("a file");
        assert_eq!(client.post(HELP).await.error(500), gone);
    });
}

#[test]
fn a_store_that_is_ruined_is_an_error_of_one_line() {
    with_server(async |folder, server| {
        let mut client = Client::connect(server.addr).await;
        client.post(HELP).await;
        let path = folder.path("messages.db");
        let ruining = aio_sqlite::connect(path)
            .with(async |db| db.execute_script("DROP TABLE messages").await);
        ruining.await.expect("the table is dropped");
        let cause = client.get("/api/messages").await.error(500);
        assert!(
            cause.starts_with("messages.db: no such table: messages"),
            "{cause}"
        );
        client.post(HELP).await.error(500);
    });
}

#[test]
fn an_address_that_can_not_be_had_is_an_error_of_one_line() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("its address").to_string();
    let error = folder.run(&["serve", "--addr", &addr]).error();
    assert_eq!(
        error,
        format!("message-store: {addr}: Address already in use (os error 98)\n")
    );
    // An address for documentation: no machine has it.
    let error = folder.run(&["serve", "--addr", "192.0.2.1:80"]).error();
    assert!(
        error.starts_with("message-store: 192.0.2.1:80: Cannot assign"),
        "{error}"
    );
    let error = folder.run(&["serve", "--addr", "here"]).usage();
    assert!(
        error.contains("invalid value 'here' for '--addr <ADDRESS>'"),
        "{error}"
    );
}

#[test]
fn interrupted_or_terminated_it_ends_well() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = Folder::new();
        let server = Server::start(&folder);
        server.signal(signal);
        assert_eq!(server.wait().ok(), "");
    }
}

#[test]
fn nobody_needs_to_read_where_it_listens() {
    let folder = Folder::new();
    // At an address of its own: no other test takes the port meanwhile.
    let free = TcpListener::bind("127.0.0.2:0").expect("a port");
    let addr = free.local_addr().expect("its address");
    drop(free);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut program = folder.program(&["serve", "--addr", &addr.to_string()]);
    let mut child = program
        .stdout(writer)
        .stdin(Stdio::null())
        .spawn()
        .expect("it starts");
    block_on(async {
        // Nothing says that it listens, so it is asked until it answers.
        while tokio::net::TcpStream::connect(addr).await.is_err() {
            assert!(child.try_wait().expect("a child").is_none(), "it has ended");
            tokio::task::yield_now().await;
        }
        Client::connect(addr).await.get("/api/stats").await.ok();
    });
    signal(&child, Signal::TERM);
    let run = end(child);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
}
