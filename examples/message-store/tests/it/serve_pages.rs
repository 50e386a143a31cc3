//! Pages of many messages, and messages that are too long for one.

use serde_json::{Value, json};

use crate::client::Client;
use crate::runtime::aside;
use crate::server::with_server;

/// The numbers of the messages of a page, and the cursor of the next.
fn page(page: &Value) -> (Vec<i64>, Option<String>) {
    let messages = page["messages"].as_array().expect("messages");
    let ids = messages
        .iter()
        .map(|message| message["id"].as_i64().expect("an id"));
    (ids.collect(), page["next"].as_str().map(str::to_owned))
}

/// Reads all pages, and does something between any two.
async fn all(client: &mut Client, query: &str, mut between: impl AsyncFnMut()) -> Vec<i64> {
    let mut path = format!("/api/messages?{query}");
    let mut all = Vec::new();
    loop {
        let (ids, next) = page(&client.get(&path).await.ok());
        all.extend(ids);
        let Some(next) = next else { return all };
        path = format!("/api/messages?{query}&cursor={next}");
        between().await;
    }
}

#[test]
fn a_thousand_messages_by_pages_while_others_come() {
    with_server(async |folder, server| {
        aside(|| folder.fill(1_000));
        let mut client = Client::connect(server.addr).await;
        let mut other = Client::connect(server.addr).await;
        let json = r#"{"sender":"Bob","recipient":"all","body":"one more"}"#;
        let ids = all(&mut client, "limit=37", async || {
            assert_eq!(other.post(json).await.status, 201);
        })
        .await;
        assert_eq!(ids, (1..=1_000).rev().collect::<Vec<i64>>());
        // Those that came are on top of the next look.
        let ids = all(&mut client, "limit=500", async || {}).await;
        assert_eq!(ids, (1..=1_027).rev().collect::<Vec<i64>>());
        let usual = client.get("/api/messages").await.ok();
        assert_eq!(
            page(&usual),
            ((978..=1_027).rev().collect(), Some("before-978".into()))
        );
    });
}

#[test]
fn pages_of_one_sender_to_one_recipient() {
    with_server(async |folder, server| {
        aside(|| folder.fill(100));
        folder.send("sender 3", "Alice", "hi");
        let mut client = Client::connect(server.addr).await;
        let of_three = (0..10).rev().map(|n| n * 10 + 3).collect::<Vec<i64>>();
        let ids = all(&mut client, "from=sender%203&to=all&limit=4", async || {}).await;
        assert_eq!(ids, of_three);
        assert_eq!(all(&mut client, "to=Alice", async || {}).await, [101]);
        assert_eq!(
            all(&mut client, "from=&to=&cursor=&limit=500", async || {})
                .await
                .len(),
            101
        );
        assert_eq!(
            all(&mut client, "from=nobody", async || {}).await,
            [0_i64; 0]
        );
        // A full page that is the last has no cursor.
        let last = client
            .get("/api/messages?from=sender+3&to=all&limit=10")
            .await
            .ok();
        assert_eq!(page(&last), (of_three, None));
    });
}

#[test]
fn a_text_of_twenty_mebibytes_does_not_blow_a_page() {
    const LENGTH: usize = 20 << 20;
    with_server(async |folder, server| {
        let mut events = Client::connect(server.addr).await.events("").await;
        let long = format!(
            "INSERT INTO messages(sender, recipient, body)
             VALUES ('a', 'b', replace(hex(zeroblob({LENGTH} / 2)), '0', 'x'));"
        );
        aside(|| folder.sql("messages.db", &long));
        let mut client = Client::connect(server.addr).await;
        let beginning = "x".repeat(10_000);
        let page = client.get("/api/messages").await;
        assert!(page.body.len() < 11_000, "{}", page.body.len());
        let message = &page.ok()["messages"][0];
        assert_eq!(
            (&message["body"], &message["cut"]),
            (&beginning.clone().into(), &true.into())
        );
        let found = client.get("/api/search?q=xx").await.ok();
        assert_eq!(found["found"][0]["message"], *message);
        assert_eq!(found["found"][0]["body"][0]["text"], beginning);
        assert_eq!(events.next().await.expect("an event").message, *message);
        // It takes 20 MiB once for each who has it: the reader and its cache.
        let most = server.peak_kib();
        assert!(most < 100 << 10, "{most} KiB");

        let whole = client.get("/api/messages/1").await.ok();
        assert_eq!(whole["body"].as_str().map(str::len), Some(LENGTH));
        assert_eq!(whole.get("cut"), None);
    });
}

#[test]
fn a_text_is_cut_between_characters_and_only_where_it_is_too_long() {
    with_server(async |_, server| {
        let mut client = Client::connect(server.addr).await;
        let cases = [
            ("x".repeat(10_000), None),
            ("x".repeat(10_001), Some("x".repeat(10_000))),
            ("\u{1F4A9}".repeat(10_000), None),
            ("\u{1F4A9}".repeat(10_001), Some("\u{1F4A9}".repeat(10_000))),
            ("a\0b".repeat(3_000), None),
            ("a\0b".repeat(4_000), Some("a\0b".repeat(3_333) + "a")),
            // Its matches are marked, and the last of them is cut.
            (
                "help ".repeat(2_001).replace(' ', "__"),
                Some("help__".repeat(1_666) + "help"),
            ),
        ];
        for (n, (body, cut)) in cases.into_iter().enumerate() {
            let json =
                json!({"sender": "a", "recipient": "b", "subject": format!("n{n}"), "body": body});
            let posted = client.post(json.to_string()).await;
            assert_eq!(posted.json()["body"], body, "{n}");
            let page = client.get("/api/messages?limit=1").await.ok();
            let message = &page["messages"][0];
            assert_eq!(message["body"], *cut.as_ref().unwrap_or(&body), "{n}");
            assert_eq!(
                message.get("cut"),
                cut.map(|_| Value::Bool(true)).as_ref(),
                "{n}"
            );

            let found = client.get(&format!("/api/search?q=n{n}")).await.ok();
            assert_eq!(found["found"][0]["message"], *message, "{n}");
            assert_eq!(text(&found["found"][0]["body"]), message["body"], "{n}");
        }
    });
}

/// What the pieces of a text say together.
fn text(pieces: &Value) -> String {
    let pieces = pieces.as_array().expect("pieces");
    pieces
        .iter()
        .map(|piece| piece["text"].as_str().expect("a text"))
        .collect()
}

#[test]
fn matches_are_marked_up_to_where_a_text_is_cut() {
    with_server(async |_, server| {
        let mut client = Client::connect(server.addr).await;
        let body = "help! ".repeat(2_000);
        let json = json!({"sender": "a", "recipient": "b", "body": body});
        assert_eq!(client.post(json.to_string()).await.status, 201);
        let found = client.get("/api/search?q=help").await.ok();
        let pieces = &found["found"][0]["body"];
        assert_eq!(text(pieces), &body[..10_000]);
        let marked = pieces.as_array().expect("pieces").iter();
        // The last one is `help` still: 10,000 is 6 times 1,666, and 4.
        assert_eq!(marked.filter(|piece| piece["match"] == true).count(), 1_667);
    });
}

#[test]
fn a_page_of_long_texts_ends_early() {
    with_server(async |folder, server| {
        let long = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 100)
             INSERT INTO messages(sender, recipient, body)
             SELECT 'a', 'b', replace(hex(zeroblob(10000)), '0', 'x') FROM n;";
        aside(|| folder.sql("messages.db", long));
        let mut client = Client::connect(server.addr).await;
        let (ids, next) = page(&client.get("/api/messages?limit=500").await.ok());
        // 20,000 bytes each: 53 of them pass 1 MiB.
        assert_eq!((ids.len(), next.as_deref()), (53, Some("before-48")));
        let ids = all(&mut client, "limit=500", async || {}).await;
        assert_eq!(ids, (1..=100).rev().collect::<Vec<i64>>());
    });
}
