//! Messages from JSONL and CSV files: counted, known again, or rejected with a
//! reason.

use std::fs;
use std::process::Stdio;

use crate::folder::{Folder, Run, end};

/// A folder with a file in it.
fn with(name: &str, content: impl AsRef<[u8]>) -> Folder {
    let folder = Folder::new();
    fs::write(folder.path(name), content).expect("a file");
    folder
}

/// What an import prints of a file, where all went well.
fn summary(name: &str, imported: u64, known: u64) -> String {
    format!("{name}: imported {imported}, already there {known}, rejected 0\n")
}

/// Code, output and error of an import that rejected something.
#[track_caller]
fn rejects(run: Run, out: &str, err: &[&str]) {
    let lines: Vec<&str> = run.err.lines().collect();
    assert_eq!((run.code, run.out.as_str()), (Some(3), out), "{}", run.err);
    assert_eq!(lines, err);
}

const THREE: &str = "\
{\"sender\":\"Bob\",\"recipient\":\"Alice\",\"body\":\"hi\",\"sent_at\":\"2025-12-31T18:00:00+01:00\"}
{\"id\":77,\"x\":[1],\"sender\":\"Bob\",\"recipient\":\"Alice\",\"body\":\"\",\"subject\":\"s\",\"uid\":\"u1\"}

{\"sender\":\"Bob\",\"recipient\":\"Alice\",\"body\":\"hi\",\"subject\":null,\"sent_at\":null}
";

#[test]
fn messages_are_imported_and_a_second_import_adds_nothing() {
    let folder = with("three.jsonl", THREE);
    let run = |args| folder.run(args).ok();
    assert_eq!(
        run(&["import", "three.jsonl"]),
        summary("three.jsonl", 3, 0)
    );
    assert_eq!(
        run(&["import", "three.jsonl"]),
        summary("three.jsonl", 0, 3)
    );
    let listed = run(&["list", "--json"]);
    assert!(
        listed.contains(r#""sent_at":"2025-12-31T17:00:00.000Z""#),
        "{listed}"
    );
    assert!(
        listed.contains(r#""subject":"s","body":"","sent_at""#),
        "{listed}"
    );
    assert!(
        listed.contains(r#""uid":"u1""#) && !listed.contains(r#""id":77"#),
        "{listed}"
    );
    // What a list gives is known again, in the store and in another.
    let again = folder.pipe(&["import", "-"], listed.as_str());
    assert_eq!(again.ok(), summary("standard input", 0, 3));
    let other = Folder::new();
    let new = other.pipe(&["import", "-", "--format", "jsonl"], listed.as_str());
    assert_eq!(new.ok(), summary("standard input", 3, 0));
    assert_eq!(other.run(&["list", "--json"]).ok(), listed);
}

#[test]
fn equal_messages_of_one_file_are_all_kept_and_known_again() {
    let line = "{\"sender\":\"a\",\"recipient\":\"b\",\"body\":\"c\"}\n";
    let folder = with("equal.jsonl", line.repeat(3));
    fs::write(folder.path("one.jsonl"), line).expect("a file");
    let run = |name| folder.run(&["import", name]).ok();
    assert_eq!(run("equal.jsonl"), summary("equal.jsonl", 3, 0));
    assert_eq!(run("equal.jsonl"), summary("equal.jsonl", 0, 3));
    assert_eq!(run("one.jsonl"), summary("one.jsonl", 0, 1));
    let both = folder.run(&["import", "one.jsonl", "one.jsonl"]).ok();
    let expected = summary("one.jsonl", 0, 1).repeat(2);
    assert_eq!(both, expected);
}

#[test]
fn what_is_no_message_is_one_line_with_its_place_and_the_rest_is_imported() {
    let long = format!(
        "{{\"sender\":\"a\",\"recipient\":\"b\",\"body\":\"{}\"}}\n",
        "x".repeat(32 << 20)
    );
    let mut file = Vec::new();
    let mut expected = Vec::new();
    let mut add = |line: &[u8], cause: Option<&str>| {
        let byte = file.len();
        file.extend_from_slice(line);
        let at = file.iter().filter(|&&byte| byte == b'\n').count();
        let say = |cause| format!("message-store: bad.jsonl: line {at}, byte {byte}: {cause}");
        expected.extend(cause.map(say));
    };
    add(
        b"{\"sender\":\"a\",\"recipient\":\"b\",\"body\":\"c\"}\n",
        None,
    );
    add(b"not JSON\n", Some("expected ident at column 2"));
    add(
        b"{\"sender\":\"a\",\"recipient\":\"b\"}\n",
        Some("missing field `body` at column 30"),
    );
    add(
        b"{\"sender\":\"a\",\"recipient\":\"b\",\"body\":7}\n",
        Some("invalid type: integer `7`, expected a string at column 38"),
    );
    add(
        b"{\"sender\":\"\xFF\",\"recipient\":\"b\",\"body\":\"c\"}\n",
        Some("not UTF-8 at column 12"),
    );
    add(
        long.as_bytes(),
        Some("a record of more than 33554432 bytes"),
    );
    add(
        b"{\"sender\":\"\",\"recipient\":\"\",\"body\":\"\",\"subject\":\"s\"}\n",
        Some("an empty message"),
    );
    for (time, cause) in [
        ("2025-02-29", "there is no such day or time"),
        ("soon", "neither a date nor a date with a time"),
        ("7d", "neither a date nor a date with a time"),
        (
            "9999-12-31T23:59:59-01:00",
            "that is after the year 9999 in UTC",
        ),
    ] {
        let line = format!(
            "{{\"sender\":\"a\",\"recipient\":\"b\",\"body\":\"c\",\"sent_at\":\"{time}\"}}\n"
        );
        add(line.as_bytes(), Some(&format!("sent_at: {cause}")));
    }
    add(
        b"{\"sender\":\"a\",\"recipient\":\"b\",\"body\":\"d\",\"uid\":\"u\"}\n",
        None,
    );
    add(
        b"{\"sender\":\"a\",\"recipient\":\"b\",\"body\":\"e\",\"uid\":\"u\"}\n",
        Some("another message, row #2, has its Message-ID or uid"),
    );
    add(
        b"{\"sender\":\"a\",\"recipient\":\"b\",\"body\":\"last\"}\n",
        None,
    );
    let folder = with("bad.jsonl", file);
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let out = "bad.jsonl: imported 3, already there 0, rejected 11\n";
    rejects(folder.run(&["import", "bad.jsonl"]), out, &expected);
    let listed = folder.run(&["list"]).ok();
    assert!(listed.ends_with("row #3 from a to b: last\n"), "{listed}");
}

#[test]
fn the_columns_of_a_csv_file_come_in_any_order_and_among_others() {
    let file = "\u{feff}Body,note,recipient,uid, sender \r\n\
                \"two\nlines, \"\"quoted\"\"\",x,Alice,u1,Bob\r\n\
                one,,Alice,,Bob\n";
    let folder = with("in.csv", file);
    assert_eq!(
        folder.run(&["import", "in.csv"]).ok(),
        summary("in.csv", 2, 0)
    );
    assert_eq!(
        folder.run(&["import", "in.csv"]).ok(),
        summary("in.csv", 0, 2)
    );
    let bodies: Vec<String> = ["1", "2"]
        .map(|id| {
            folder.value(
                "messages.db",
                &format!("SELECT body FROM messages WHERE id = {id}"),
            )
        })
        .into();
    assert_eq!(bodies, ["two\nlines, \"quoted\"", "one"]);
}

#[test]
fn a_row_that_is_no_message_is_one_line_and_a_wrong_header_one_for_the_file() {
    let file = b"sender,recipient,body,sent_at\na,b,c,2025-01-01\na,b\n,,,\n\xFF,b,c,\na,b,c,never\na,b,d,\n";
    let folder = with("bad.csv", file);
    let place =
        |line, byte, cause| format!("message-store: bad.csv: line {line}, byte {byte}: {cause}");
    let expected = [
        place(3, 47, "2 fields, and the rows have 4"),
        place(4, 51, "an empty message"),
        place(5, 55, "field 1: not UTF-8 at byte 0 of it"),
        place(6, 62, "sent_at: neither a date nor a date with a time"),
    ];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let out = "bad.csv: imported 2, already there 0, rejected 4\n";
    rejects(folder.run(&["import", "bad.csv"]), out, &expected);

    for (header, cause) in [
        (
            "sender,body\nx,y\nx,z\n",
            "its first row names no column recipient",
        ),
        (
            "sender,recipient,body,Body\n",
            "its first row names two columns body",
        ),
    ] {
        fs::write(folder.path("no.csv"), header).expect("a file");
        let error = folder.run(&["import", "no.csv"]).error();
        assert_eq!(error, format!("message-store: no.csv: {cause}\n"));
    }
}

#[test]
fn the_format_is_what_is_said_or_named_or_what_the_content_tells() {
    let folder = with("data", THREE);
    let rows = "uid,sender,recipient,body\nu9,a,b,c\n";
    fs::write(folder.path("rows"), rows).expect("a file");
    fs::write(folder.path("JSON.NDJSON"), THREE).expect("a file");
    fs::write(
        folder.path("letter"),
        "Dear Alice, I need, as you know, help.\n",
    )
    .expect("a file");
    fs::write(folder.path("empty"), "").expect("a file");
    let run = |args: &[&str]| folder.run(args);
    assert_eq!(run(&["import", "data"]).ok(), summary("data", 3, 0));
    assert_eq!(run(&["import", "rows"]).ok(), summary("rows", 1, 0));
    assert_eq!(
        run(&["import", "JSON.NDJSON"]).ok(),
        summary("JSON.NDJSON", 0, 3)
    );
    assert_eq!(run(&["import", "empty"]).ok(), summary("empty", 0, 0));
    let said = run(&["import", "--format", "csv", "rows"]).ok();
    assert_eq!(said, summary("rows", 0, 1));
    let piped = folder.pipe(&["import", "-"], rows);
    assert_eq!(piped.ok(), summary("standard input", 0, 1));
    let unknown = "neither its name nor its content tells its format: say it with --format";
    let error = run(&["import", "letter"]).error();
    assert_eq!(error, format!("message-store: letter: {unknown}\n"));
    let error = folder.pipe(&["import", "-"], "Dear Alice\n").error();
    assert_eq!(error, format!("message-store: standard input: {unknown}\n"));
    let error = run(&["import", "/dev/null"]).error();
    let unknown = "its name doesn't tell its format: say it with --format";
    assert_eq!(error, format!("message-store: /dev/null: {unknown}\n"));
}

#[test]
fn a_file_that_can_not_be_read_is_reported_and_the_others_are_imported() {
    let folder = with("three.jsonl", THREE);
    let files = [
        "import",
        "gone.jsonl",
        "three.jsonl",
        ".",
        "gone",
        "three.jsonl",
    ];
    let run = folder.run(&files);
    let out = summary("three.jsonl", 3, 0) + &summary("three.jsonl", 0, 3);
    assert_eq!((run.code, run.out), (Some(1), out), "{}", run.err);
    let lines: Vec<&str> = run.err.lines().collect();
    assert_eq!(lines.len(), 3, "{}", run.err);
    assert!(lines[0].contains("gone.jsonl: No such file"), "{}", run.err);
    assert!(lines[2].contains("gone: No such file"), "{}", run.err);
}

#[test]
fn whoever_does_not_read_the_summary_does_not_stop_the_import() {
    let folder = with("three.jsonl", THREE);
    let mut program = folder.program(&["import", "three.jsonl", "three.jsonl"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let child = program.stdout(Stdio::from(writer)).spawn();
    end(child.expect("the program starts")).ok();
    let count: i64 = folder.value("messages.db", "SELECT count(*) FROM messages");
    assert_eq!(count, 3);
}
