//! What is not a message store, and what the program says of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::folder::{Folder, end};

/// What the program does to make a store.
const MAKING: [&[&str]; 4] = [
    &[],
    &["send", "--from", "Bob", "--to", "Alice", "hi"],
    &["import", "--format", "jsonl", "-"],
    &["serve", "--addr", "127.0.0.1:0"],
];

/// What it does with a store that is there.
const LOOKING: [&[&str]; 5] = [
    &["list"],
    &["search", "help"],
    &["tail", "-f"],
    &["export", "all.jsonl"],
    &["stats"],
];

/// Runs all commands on a file, each of which must fail with just this line.
#[track_caller]
fn all_refuse(folder: &Folder, db: &str, expected: &str) {
    for command in MAKING.into_iter().chain(LOOKING) {
        let error = folder.run(&[&["--db", db], command].concat()).error();
        assert_eq!(
            error,
            format!("message-store: {db}: {expected}\n"),
            "{command:?}"
        );
    }
}

#[test]
fn a_missing_directory() {
    let folder = Folder::new();
    all_refuse(&folder, "nowhere/t.db", "no such directory");
    assert!(!folder.path("nowhere").exists());
}

#[test]
fn a_directory() {
    let folder = Folder::new();
    fs::create_dir(folder.path("t.db")).expect("a directory");
    all_refuse(&folder, "t.db", "a directory, not a database file");
}

#[test]
fn what_is_no_regular_file_is_not_even_opened() {
    let folder = Folder::new();
    let made = Command::new("mkfifo").arg(folder.path("pipe")).status();
    assert!(made.expect("mkfifo runs").success());
    // Nobody ever writes to the pipe: opened, it would be waited for.
    all_refuse(&folder, "pipe", "not a regular file");
    symlink("pipe", folder.path("link")).expect("a link");
    all_refuse(&folder, "link", "not a regular file");

    let _listener = UnixListener::bind(folder.path("socket")).expect("a socket");
    all_refuse(&folder, "socket", "not a regular file");
    all_refuse(&folder, "/dev/null", "not a regular file");
}

#[test]
fn a_link_to_a_store_is_that_store() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "hi");
    symlink("messages.db", folder.path("link")).expect("a link");
    let out = folder.run(&["--db", "link", "list"]).ok();
    assert_eq!(out, "row #1 from Bob to Alice: hi\n");
}

#[test]
fn a_file_in_the_place_of_a_directory() {
    let folder = Folder::new();
    fs::write(folder.path("file"), "").expect("a file");
    all_refuse(&folder, "file/t.db", "Not a directory (os error 20)");
}

#[test]
fn a_file_that_is_no_database() {
    let folder = Folder::new();
    let text = "Dear Alice, I need your help. ".repeat(100);
    fs::write(folder.path("letter"), &text).expect("a file");
    all_refuse(&folder, "letter", "file is not a database");
    assert_eq!(
        fs::read_to_string(folder.path("letter")).expect("the file"),
        text
    );
}

#[test]
fn a_database_of_something_else_is_left_as_it_is() {
    let folder = Folder::new();
    for (name, script) in [
        (
            "tables.db",
            "CREATE TABLE messages(id, sender, recipient, body)",
        ),
        ("version.db", "PRAGMA user_version = 1"),
        ("application.db", "PRAGMA application_id = 7"),
    ] {
        folder.sql(name, script);
        let before = fs::read(folder.path(name)).expect("the file");
        all_refuse(&folder, name, "a database, but no message store");
        assert_eq!(
            fs::read(folder.path(name)).expect("the file"),
            before,
            "{name}"
        );
        assert!(!folder.path(&format!("{name}-wal")).exists(), "{name}");
    }
}

#[test]
fn a_store_of_a_newer_format() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "hi");
    folder.sql("messages.db", "PRAGMA user_version = 3");
    let refusal = "a message store of format 3, and this program knows format 2";
    all_refuse(&folder, "messages.db", refusal);
    let messages = "SELECT count(*) FROM messages";
    assert_eq!(folder.value::<i64>("messages.db", messages), 1);
}

#[test]
fn looking_for_messages_makes_no_store() {
    let folder = Folder::new();
    for command in LOOKING {
        let error = folder.run(&[&["--db", "t.db"], command].concat()).error();
        assert_eq!(
            error,
            "message-store: t.db: no such file; sending or importing a message makes it\n"
        );
    }
    assert!(!folder.path("t.db").exists());
}

#[test]
fn a_database_in_memory_is_refused() {
    let folder = Folder::new();
    let refusal = "SQLite's name for what is forgotten at once: name a file";
    all_refuse(&folder, ":memory:", refusal);
}

#[test]
fn a_store_that_another_process_keeps_locked() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "one");
    folder.with("messages.db", async |db| {
        let tx = db.begin().await?;
        tx.execute(
            "INSERT INTO messages(sender, recipient, body) VALUES ('Eve', 'Bob', 'x')",
            (),
        )
        .await?;
        let error = folder
            .run(&["send", "--from", "Bob", "--to", "Alice", "two"])
            .error();
        assert_eq!(
            error,
            "message-store: messages.db: another process keeps it locked\n"
        );
        // Whoever only reads need not wait, and sees what is committed.
        assert_eq!(
            folder.run(&["list"]).ok(),
            "row #1 from Bob to Alice: one\n"
        );
        tx.rollback().await
    });
    assert_eq!(folder.send("Bob", "Alice", "two"), "inserted row id 2\n");
}

#[test]
fn an_empty_file_is_an_empty_store() {
    let folder = Folder::new();
    fs::write(folder.path("messages.db"), "").expect("a file");
    assert_eq!(folder.run(&["list"]).ok(), "");
    assert_eq!(folder.send("Bob", "Alice", "hi"), "inserted row id 1\n");
}

#[test]
fn an_error_is_one_line_whatever_the_name_of_the_file() {
    let folder = Folder::new();
    let error = folder.run(&["--db", "a\nb\x1b[31m", "list"]).error();
    assert_eq!(
        error,
        "message-store: a\\nb\\u{1b}[31m: no such file; sending or importing a message makes it\n"
    );
}

#[test]
fn the_file_is_named_by_option_or_environment_or_is_messages_db() {
    let folder = Folder::new();
    let send = ["send", "--from", "Bob", "--to", "Alice", "hi"];
    folder.run(&send).ok();
    let mut program = folder.program(&send);
    end(program
        .env("MESSAGE_STORE_DB", "env.db")
        .spawn()
        .expect("a child"))
    .ok();
    let mut program = folder.program(&[&send[..], &["--db", "option.db"]].concat());
    end(program
        .env("MESSAGE_STORE_DB", "other.db")
        .spawn()
        .expect("a child"))
    .ok();

    let mut names: Vec<String> = fs::read_dir(folder.path("."))
        .expect("the folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert_eq!(names, ["env.db", "messages.db", "option.db"]);

    let mut program = folder.program(&["list"]);
    end(program
        .env("MESSAGE_STORE_DB", "")
        .spawn()
        .expect("a child"))
    .usage();
}
