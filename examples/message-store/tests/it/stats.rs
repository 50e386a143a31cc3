//! Numbers about the store.

use std::os::unix::fs::symlink;

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
             log: 0 bytes\nsynchronous: FULL\n"
        )
    );
    let out = folder.run(&["stats", "--json"]).ok();
    assert_eq!(out.lines().count(), 1);
    assert_eq!(
        serde_json::from_str::<Value>(&out).expect("an object"),
        json!({
            "messages": 3, "senders": 2, "bytes": bytes, "log_bytes": 0,
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

#[test]
fn the_log_counts_what_another_process_has_not_taken_over_yet() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "one");
    symlink("messages.db", folder.path("link")).expect("a link");
    // As long as somebody has the store open, the log stays.
    let log = folder.with("messages.db", async |_| {
        folder.send("Bob", "Alice", "two");
        let log = folder.path("messages.db-wal").metadata();
        let log = log.expect("the log is there").len();
        for db in ["messages.db", "link"] {
            let out = folder.run(&["--db", db, "stats"]).ok();
            assert!(
                out.contains(&format!("\nlog: {log} bytes\n")),
                "{db}: {out}"
            );
            let out = folder.run(&["--db", db, "stats", "--json"]).ok();
            assert!(
                out.contains(&format!("\"log_bytes\":{log},")),
                "{db}: {out}"
            );
        }
        Ok(log)
    });
    assert!(log > 0);
    let out = folder.run(&["stats"]).ok();
    assert!(out.contains("\nlog: 0 bytes\n"), "{out}");
}
