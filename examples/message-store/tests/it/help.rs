//! `--help`, and wrong command lines.

use clap::Parser;
use message_store::cli::Cli;

use crate::folder::Folder;

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let folder = Folder::new();
    let help = folder.run(&["--help"]).ok();
    for text in [
        "send",
        "list",
        "search",
        "tail",
        "import",
        "export",
        "serve",
        "stats",
        "--db <PATH>",
        "MESSAGE_STORE_DB",
        "messages.db",
        "Exit status:\n  0 ",
        "\n  1 ",
        "\n  2 ",
        "\n  3 ",
        "\n  130 ",
    ] {
        assert!(help.contains(text), "{text} is missing in\n{help}");
    }
    for line in help.lines() {
        assert!(line.chars().count() <= 90, "too wide: {line}");
    }
    let version = folder.run(&["--version"]).ok();
    assert_eq!(
        version,
        concat!("message-store ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn the_help_says_truly_what_makes_a_store() {
    let help = Folder::new().run(&["--help"]).ok();
    assert!(
        help.contains("made by send, import and serve, and by asking for a message"),
        "{help}"
    );
    for (args, makes) in [
        (&[][..], true), // asked, and no answer
        (&["send", "--from", "Bob", "--to", "Alice", "hi"], true),
        (&["import", "--format", "jsonl", "-"], true), // of nothing
        (&["list"], false),
        (&["search", "help"], false),
        (&["tail"], false),
        (&["export", "all.jsonl"], false),
        (&["stats"], false),
    ] {
        let folder = Folder::new();
        let run = folder.run(args);
        assert_eq!(run.code == Some(0), makes, "{args:?}: {}", run.err);
        assert_eq!(folder.path("messages.db").exists(), makes, "{args:?}");
    }
}

#[test]
fn every_command_has_its_own_help() {
    let folder = Folder::new();
    for (command, options) in [
        ("send", &["--from", "--to", "[TEXT]"][..]),
        ("list", &["--from", "--to", "--since", "--limit", "--json"]),
        ("search", &["<WORDS>", "--limit", "--json"]),
        ("tail", &["--follow", "--lines", "--json"]),
        ("import", &["<FILE>...", "--format", "--verbose"]),
        ("export", &["<FILE>", "--format"]),
        ("serve", &["--addr"]),
        ("stats", &["--json"]),
    ] {
        let help = folder.run(&[command, "--help"]).ok();
        for option in options.iter().chain(&["--db"]) {
            assert!(help.contains(option), "{option} is missing in\n{help}");
        }
    }
}

#[test]
fn the_examples_of_the_help_are_command_lines() {
    let help = Folder::new().run(&["--help"]).ok();
    let (_, examples) = help.split_once("Examples:\n").expect("there are examples");
    let mut read = 0;
    for line in examples.lines().map_while(|line| line.strip_prefix("  ")) {
        // What follows is redirection, another program, or the description.
        let command = line.split([' ']).map_while(|word| match word {
            "" | "<" | "|" => None,
            word => Some(word.trim_matches('"')),
        });
        if let Err(error) = Cli::try_parse_from(command) {
            panic!("{line}\n{error}");
        }
        read += 1;
    }
    assert_eq!(read, 11);
}

#[test]
fn a_wrong_command_line_is_told_from_an_error() {
    let folder = Folder::new();
    for (args, said) in [
        (&["receive"][..], "unrecognized subcommand 'receive'"),
        (&["tail", "-n", "-1"], "unexpected argument '-1'"),
        (&["import"], "<FILE>..."),
        (&["import", "--format", "doc", "-"], "invalid value 'doc'"),
        (&["serve", "--addr", "here"], "invalid value 'here'"),
        (&["--database", "t.db"], "unexpected argument '--database'"),
        (&["--db"], "a value is required for '--db <PATH>'"),
        (&["send", "--from", "Bob", "hi"], "--to <NAME>"),
        (&["list", "--limit", "-1"], "unexpected argument '-1'"),
        (
            &["list", "--limit", "many"],
            "invalid value 'many' for '--limit <COUNT>'",
        ),
        (
            &["list", "--since", "2025-02-30"],
            "there is no such day or time",
        ),
        (&["list", "--since", "yesterday"], "nor an age such as 7d"),
        (&["stats", "now"], "unexpected argument 'now'"),
    ] {
        let usage = folder.run(args).usage();
        assert!(usage.contains(said), "{usage}");
    }
    assert!(!folder.path("messages.db").exists());
}

#[test]
fn an_argument_that_is_not_text_is_a_wrong_command_line() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::new();
    let mut program = folder.program(&["send", "--from", "Bob", "--to", "Alice"]);
    program.arg(OsStr::from_bytes(b"hi \xff"));
    let usage = crate::folder::end(program.spawn().expect("a child")).usage();
    assert!(usage.contains("invalid UTF-8"), "{usage}");
}
