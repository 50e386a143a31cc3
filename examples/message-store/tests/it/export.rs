//! Messages to a file, whole or not at all, and back again.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use message_store::incoming::{Identity, Incoming};
use message_store::store::{Access, Store};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::folder::Folder;
use crate::runtime::block_on;

/// What a folder has in it, in order.
fn names(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(folder.path(".")).expect("the folder");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).into_string().expect("a name"))
        .collect();
    names.sort();
    names
}

/// Texts that a format could take for its own.
fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("\"".to_owned()),
        Just(",".to_owned()),
        Just("\r".to_owned()),
        Just("\n".to_owned()),
        Just("\0".to_owned()),
        Just(" ".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("\nFrom a@b Thu Jan  1 00:00:00 1970\n".to_owned()),
        Just("From ".to_owned()),
        Just(">From ".to_owned()),
        Just("\\".to_owned()),
        Just("\u{2028}\u{202e}\u{7f}\u{1b}[0m".to_owned()),
        Just("#={}[]:;".to_owned()),
        ".{0,8}",
        "[a-zä]{1,90}",
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

fn message() -> impl Strategy<Value = Incoming> {
    let time = (
        0..9999_u32,
        1..13_u32,
        1..29_u32,
        0..24_u32,
        0..60_u32,
        0..60_000_u32,
    )
        .prop_map(|(year, month, day, hour, minute, milli)| {
            let second = f64::from(milli) / 1000.0;
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:06.3}Z")
        });
    let texts = (hostile(), hostile(), hostile());
    (
        texts,
        prop::option::of(hostile()),
        time,
        prop::option::of("[!-~]{1,40}"),
    )
        .prop_map(
            |((sender, recipient, body), subject, sent_at, uid)| Incoming {
                identity: match uid {
                    Some(uid) => Identity::Named(uid),
                    None => {
                        Identity::of_content(&sender, &recipient, subject.as_deref(), &body, None)
                    }
                },
                sender: format!("{sender}x"),
                recipient,
                subject,
                body,
                sent_at: Some(sent_at),
            },
        )
}

#[test]
fn what_is_exported_is_imported_as_it_was_in_each_format() {
    let folder = Folder::new();
    let mut runner = TestRunner::deterministic();
    let messages = prop::collection::vec(message(), 300..301);
    let messages = messages.new_tree(&mut runner).expect("messages").current();
    let added = block_on(async {
        let store = Store::open(&folder.path("messages.db"), Access::Create).await?;
        store.add(messages).await?;
        store.close().await
    });
    added.expect("a store");
    let listed = folder.run(&["list", "--json"]).ok();
    let count = listed.lines().count();
    assert!(count > 250, "{count}");
    for format in FORMATS {
        let file = format!("all.{format}");
        let exported = folder.run(&["export", &file]).ok();
        assert_eq!(exported, format!("exported {count} to {file}\n"));
        let db = format!("{format}.db");
        let run = folder.run(&["--db", &db, "import", &file]);
        let expected = format!("{file}: imported {count}, already there 0, rejected 0\n");
        assert_eq!(run.ok(), expected);
        let again = folder.run(&["--db", &db, "list", "--json"]).ok();
        for (was, is) in listed.lines().zip(again.lines()) {
            assert_eq!(is, was, "{format}");
        }
        assert_eq!(again.lines().count(), count);
        let known = folder.run(&["import", &file]).ok();
        assert!(
            known.contains(&format!("imported 0, already there {count}")),
            "{known}"
        );
    }
    let jsonl = fs::read_to_string(folder.path("all.jsonl")).expect("the file");
    assert!(jsonl == listed, "the file has not the lines of the list");
}

/// Each format that is read and written.
const FORMATS: [&str; 3] = ["jsonl", "csv", "mbox"];

#[test]
fn an_export_takes_the_place_of_a_file_and_an_error_leaves_it() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "hi");
    fs::write(folder.path("out.jsonl"), "old").expect("a file");
    symlink("out.jsonl", folder.path("link.jsonl")).expect("a link");
    let out = folder.run(&["export", "link.jsonl"]).ok();
    assert_eq!(out, "exported 1 to link.jsonl\n");
    let listed = folder.run(&["list", "--json"]).ok();
    assert_eq!(
        fs::read_to_string(folder.path("out.jsonl")).expect("it"),
        listed
    );
    assert!(folder.path("link.jsonl").is_symlink());

    let out = folder.run(&["export", "--format", "csv", "out.jsonl"]).ok();
    assert_eq!(out, "exported 1 to out.jsonl\n");
    let csv = fs::read_to_string(folder.path("out.jsonl")).expect("it");
    assert!(csv.starts_with("sender,recipient,subject,body,sent_at,uid\nBob,Alice,,hi,2"));
    for (file, problem) in [
        (
            "-",
            "a file is written as a whole, and standard output can't be: name a file",
        ),
        ("/dev/null", "not a regular file"),
        (".", "a directory, not a file"),
        ("messages.db", "the store itself"),
        (
            "noname",
            "its name doesn't tell its format: say it with --format",
        ),
    ] {
        let error = folder.run(&["export", file]).error();
        assert_eq!(error, format!("message-store: {file}: {problem}\n"));
    }
    let error = folder.run(&["export", "nowhere/x.csv"]).error();
    assert!(error.contains("nowhere/x.csv: No such file"), "{error}");
    assert_eq!(names(&folder), ["link.jsonl", "messages.db", "out.jsonl"]);
    drop(File::open("/dev/null").expect("it is still there"));
}

#[test]
fn an_export_of_no_store_makes_none() {
    let folder = Folder::new();
    let error = folder.run(&["export", "x.jsonl"]).error();
    assert!(error.contains("messages.db: no such file"), "{error}");
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn the_log_of_a_store_is_not_replaced_through_a_link_to_the_store() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "hi");
    std::os::unix::fs::symlink("messages.db", folder.path("link.db")).expect("a link");
    for part in ["messages.db", "messages.db-wal", "messages.db-shm"] {
        let args = ["--db", "link.db", "export", "--format", "csv", part];
        let error = folder.run(&args).error();
        assert!(error.ends_with(": the store itself\n"), "{error}");
    }
}
