//! The commands of the README print what is printed there.

use std::fs;
use std::path::Path;

use crate::folder::{Folder, end};

const README: &str = include_str!("../../README.md");

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
            let mut shell = folder.program_of("sh");
            shell
                .args(["-c", &format!("exec 2>&1; {command}")])
                .env("PATH", format!("{folder_of_binary}:{path}"));
            let shown = end(shell.spawn().expect("a shell")).out;
            assert_eq!(timeless(&shown), timeless(expected), "$ {command}");
            commands += 1;
        }
    }
    assert!(commands >= 8, "{commands} commands");
}

/// The paths of all files below a folder, from that folder.
fn files_below(folder: &Path, from: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files_below(&path, from, files),
            false => {
                let path = path.strip_prefix(from).expect("it is below");
                files.push(path.display().to_string());
            }
        }
    }
}

#[test]
fn every_file_is_in_the_reading_order() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    files_below(&src, &src, &mut files);
    let (_, order) = README.split_once("| file | what it is |").expect("a table");
    let is_listed = |file: &str| match file.strip_prefix("serve/page/") {
        Some(part) => order.contains(&format!("`{part}`")),
        None => order.contains(&format!("\n| `{file}` | ")),
    };
    files.retain(|file| !file.ends_with("/tests.rs") && !is_listed(file));
    assert_eq!(files, Vec::<String>::new());
    for line in order.lines().filter_map(|line| line.strip_prefix("| `")) {
        let (file, _) = line.split_once('`').expect("a file");
        assert!(src.join(file).is_file(), "there is no {file}");
    }
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
