//! Stores of format 1, which had neither subjects nor names.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::LazyLock;

use chaos::watchdog;
use serde_json::Value;

use crate::folder::{Folder, end};

/// What the program of format 1 made of an empty file, as it did it.
const FORMAT_1: &str = "
    PRAGMA journal_mode = WAL;
    BEGIN IMMEDIATE;
    PRAGMA application_id = 0x4d534753;

    CREATE TABLE messages(
        id        INTEGER PRIMARY KEY,
        sender    TEXT NOT NULL,
        recipient TEXT NOT NULL,
        body      TEXT NOT NULL,
        sent_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT;

    CREATE VIRTUAL TABLE messages_fts USING fts5(
        body, content = 'messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER messages_inserted AFTER INSERT ON messages BEGIN
        INSERT INTO messages_fts(rowid, body) VALUES (new.id, new.body);
    END;
    CREATE TRIGGER messages_deleted AFTER DELETE ON messages BEGIN
        INSERT INTO messages_fts(messages_fts, rowid, body) VALUES ('delete', old.id, old.body);
    END;
    CREATE TRIGGER messages_updated AFTER UPDATE ON messages BEGIN
        INSERT INTO messages_fts(messages_fts, rowid, body) VALUES ('delete', old.id, old.body);
        INSERT INTO messages_fts(rowid, body) VALUES (new.id, new.body);
    END;
    PRAGMA user_version = 1;
    COMMIT;
";

/// Three messages, with a gap where one was deleted.
const THREE: &str = "
    INSERT INTO messages(id, sender, recipient, body, sent_at) VALUES
        (1, 'Bob', 'Alice', 'I need your help.', '2025-03-01T12:00:00.000Z'),
        (2, 'Eve', 'Alice', 'deleted', '2025-03-01T13:00:00.000Z'),
        (4, 'Alice', 'Bob', 'Help is' || char(10) || 'coming.', '2025-03-02T12:00:00.000Z'),
        (9, 'Carol', 'Bob', 'At the café.', '2025-03-03T12:00:00.000Z');
    DELETE FROM messages WHERE id = 2;
";

const LISTED: &str = "row #1 from Bob to Alice: I need your help.\n\
                      row #4 from Alice to Bob: Help is\\ncoming.\n\
                      row #9 from Carol to Bob: At the café.\n";

const MANY: usize = 10_000;

/// A store of format 1 with many messages, made once.
static OF_MANY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = Folder::new();
    folder.sql("messages.db", FORMAT_1);
    let series = format!(
        "INSERT INTO messages(sender, recipient, body)
         WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < {MANY})
         SELECT 'sender ' || (n % 10), 'all', 'text ' || n || ' ' || hex(randomblob(100)) FROM n"
    );
    folder.sql("messages.db", &series);
    fs::read(folder.path("messages.db")).expect("the file")
});

fn of_many() -> Folder {
    let folder = Folder::new();
    fs::write(folder.path("messages.db"), &*OF_MANY).expect("a file");
    folder
}

/// Checks that a store has everything that one of format 2 has.
#[track_caller]
fn is_whole(folder: &Folder, messages: usize) {
    let value = |sql: &str| folder.value::<i64>("messages.db", sql);
    let check = folder.value::<String>("messages.db", "PRAGMA integrity_check");
    assert_eq!(check, "ok");
    assert_eq!(value("SELECT user_version FROM pragma_user_version"), 2);
    let uids = "SELECT count(DISTINCT uid) FROM messages WHERE length(uid) = 32";
    assert_eq!(value(uids) as usize, messages);
    folder.sql(
        "messages.db",
        "INSERT INTO messages_fts(messages_fts, rank) VALUES ('integrity-check', 1)",
    );
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%before%'";
    assert_eq!(value(tables), 0);
}

#[test]
fn each_command_opens_a_store_of_format_1() {
    for args in [
        &[][..],
        &[
            "send",
            "--from",
            "Bob",
            "--to",
            "Alice",
            "--subject",
            "new",
            "hi",
        ],
        &["list"],
        &["search", "help"],
        &["tail"],
        &["import", "--format", "jsonl", "-"],
        &["export", "all.jsonl"],
        &["stats"],
    ] {
        let folder = Folder::new();
        folder.sql("messages.db", FORMAT_1);
        folder.sql("messages.db", THREE);
        let run = folder.run(args);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{args:?}");
        let mut messages = 3;
        if args.first() == Some(&"send") {
            assert_eq!(run.out, "inserted row id 10\n");
            let found = folder.run(&["search", "new"]).ok();
            assert_eq!(found, "row #10 from Bob to Alice about [new]: hi\n");
            folder.sql("messages.db", "DELETE FROM messages WHERE id = 10");
        }
        if args.first() == Some(&"search") {
            assert_eq!(run.out.lines().count(), 2, "{}", run.out);
        }
        assert_eq!(folder.run(&["list"]).ok(), LISTED, "{args:?}");
        is_whole(&folder, messages);

        let found = folder.run(&["search", "cafe"]).ok();
        assert_eq!(found, "row #9 from Carol to Bob: At the [café].\n");
        // What it has now stays: the name of a message above all.
        let json = folder.run(&["list", "--json"]).ok();
        assert_eq!(folder.run(&["list", "--json"]).ok(), json);
        let first: Value =
            serde_json::from_str(json.lines().next().expect("a line")).expect("an object");
        assert_eq!(first["sent_at"], "2025-03-01T12:00:00.000Z");
        assert_eq!(first.get("subject"), None);
        // The index keeps in step from here on.
        folder.send("Bob", "Alice", "later");
        messages += 1;
        folder.sql(
            "messages.db",
            "UPDATE messages SET body = 'sooner' WHERE id = 10",
        );
        assert_eq!(folder.run(&["search", "later"]).ok(), "");
        is_whole(&folder, messages);
    }
}

#[test]
fn an_upgrade_that_is_killed_in_the_middle_leaves_the_store_whole() {
    let mut in_the_middle = 0;
    // So long is the log when it is killed, in KiB: before the first page, and
    // on the way.
    for kib in [0, 1, 500, 1_000, 2_000, 4_000] {
        let folder = of_many();
        let mut program = folder.program(&["list", "--limit", "1"]);
        let child = program.stdout(Stdio::null()).spawn().expect("a child");
        let log = folder.path("messages.db-wal");
        watchdog::closure("killing it", move || kill_behind(child, &log, kib << 10));
        let version = "SELECT user_version FROM pragma_user_version";
        if folder.value::<i64>("messages.db", version) == 1 {
            in_the_middle += 1;
            let old = "SELECT count(*) FROM messages";
            assert_eq!(folder.value::<i64>("messages.db", old) as usize, MANY);
        }
        let listed = folder.run(&["list"]).ok();
        for (line, id) in listed.lines().zip(1..) {
            let start = format!("row #{id} from sender {} to all: text {id} ", id % 10);
            assert!(line.starts_with(&start), "{line}");
        }
        assert_eq!(listed.lines().count(), MANY);
        is_whole(&folder, MANY);
        let found = folder.run(&["search", "text", "7321"]).ok();
        assert!(found.starts_with("row #7321 "), "{found}");
    }
    println!("{in_the_middle} kills in the middle");
    assert!(in_the_middle >= 3, "{in_the_middle} kills in the middle");
}

/// Kills a program as soon as the log is so long, unless it ends first.
fn kill_behind(mut child: Child, log: &Path, bytes: u64) {
    while child.try_wait().expect("it is ours").is_none() {
        if fs::metadata(log).is_ok_and(|log| log.len() >= bytes) {
            child.kill().expect("it is ours");
        }
    }
}

#[test]
fn several_processes_that_upgrade_a_store_at_once_do_it_once() {
    let folder = of_many();
    let children = [(); 4].map(|()| {
        let mut program = folder.program(&["list", "--json"]);
        program.spawn().expect("a child")
    });
    let lists = children.map(|child| end(child).ok());
    assert_eq!(lists[0].lines().count(), MANY);
    for list in &lists {
        assert!(*list == lists[0], "all of them see the same names");
    }
    is_whole(&folder, MANY);
}
