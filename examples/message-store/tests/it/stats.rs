//! Numbers about the store.

use serde_json::{Value, json};

use crate::folder::Folder;

#[test]
fn stats_count_messages_senders_times_and_bytes() {
    let folder = Folder::new();
    for (from, text) in [("Bob", "one"), ("Alice", "two"), ("Bob", "three")] {
        folder.send(from, "Carol", text);
    }
    folder.sql(
        "messages.db",
        "UPDATE messages SET sent_at = '2025-03-0' || (4 - id) || 'T12:00:00.000Z'",
    );
    let bytes = folder
        .path("messages.db")
        .metadata()
        .expect("the file is there")
        .len();
    assert_eq!(
        folder.run(&["stats"]).ok(),
        format!(
            "messages: 3\nsenders: 2\nfirst: 2025-03-01T12:00:00.000Z\n\
             last: 2025-03-03T12:00:00.000Z\nsize: {bytes} bytes\n\
             synchronous: FULL\n"
        )
    );
    let out = folder.run(&["stats", "--json"]).ok();
    assert_eq!(out.lines().count(), 1);
    assert_eq!(
        serde_json::from_str::<Value>(&out).expect("an object"),
        json!({
            "messages": 3, "senders": 2, "bytes": bytes,
            "first": "2025-03-01T12:00:00.000Z", "last": "2025-03-03T12:00:00.000Z",
            "synchronous": "FULL",
        })
    );
}

#[test]
fn an_empty_store_has_no_times() {
    let folder = Folder::new();
    folder.run(&[]).ok();
    let out = folder.run(&["stats"]).ok();
    assert!(
        out.starts_with("messages: 0\nsenders: 0\nfirst: none\nlast: none\nsize: "),
        "{out}"
    );
    let out = folder.run(&["stats", "--json"]).ok();
    assert!(out.contains("\"first\":null,\"last\":null"), "{out}");
}
