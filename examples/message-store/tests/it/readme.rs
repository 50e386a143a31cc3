//! The commands of `examples/README.md` print what is printed there.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::folder::{Folder, end};

const README: &str = include_str!("../../../README.md");

#[test]
fn commands_print_what_the_readme_says() {
    let folder = Folder::new();
    let binary = Path::new(env!("CARGO_BIN_EXE_message-store"));
    let folder_of_binary = binary.parent().expect("it is in a folder").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut commands = 0;
    for block in README.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").expect("a block ends");
        for printed in block.split("$ ").skip(1) {
            let (command, expected) = printed.split_once('\n').expect("a command is a line");
            let mut shell = Command::new("sh");
            shell
                .args(["-c", &format!("exec 2>&1; {command}")])
                .current_dir(folder.path("."))
                .env("PATH", format!("{folder_of_binary}:{path}"))
                .env_remove("MESSAGE_STORE_DB")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let shown = end(shell.spawn().expect("a shell")).out;
            assert_eq!(timeless(&shown), timeless(expected), "$ {command}");
            commands += 1;
        }
    }
    assert!(commands >= 8, "{commands} commands");
}

/// The text with every time of sending, every name of a message and the size of the
/// store replaced: they are others each run, or with another release of SQLite.
fn timeless(text: &str) -> String {
    const TIME: &str = "0000-00-00T00:00:00.000Z";
    const NAME: usize = 32;
    let mut rest = text;
    let mut timeless = String::new();
    while let Some(first) = rest.chars().next() {
        let shape: String = rest
            .chars()
            .take(TIME.len())
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (replaced, length) = if shape == TIME {
            ("<time>", TIME.len())
        } else if rest
            .bytes()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count()
            == NAME
        {
            ("<name>", NAME)
        } else if digits > 0 && timeless.ends_with("size: ") {
            ("<size>", digits)
        } else {
            (&rest[..first.len_utf8()], first.len_utf8())
        };
        timeless.push_str(replaced);
        rest = &rest[length..];
    }
    timeless
}
