//! The commands of the root README are run as they are printed.
//!
//! A `sh` block holds commands; a `console` block holds `$ command` lines, each
//! followed by what it prints. The Rust blocks are doctests of this package.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps says what it expects by failing there"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A build of the whole workspace may be among the commands.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Commands that run these tests: run from here they would never end.
const RECURSIVE: [&str; 2] = ["cargo test --workspace", "bash .ci/run"];

/// A command as printed, with the output that is printed below it.
#[derive(Debug, PartialEq)]
struct Printed {
    line: usize,
    command: String,
    output: Option<String>,
}

/// Collects the commands of all `sh` and `console` blocks.
fn printed(text: &str) -> Vec<Printed> {
    let mut commands: Vec<Printed> = Vec::new();
    let mut block = None;
    let mut continued = false;
    for (index, line) in text.lines().enumerate() {
        let fence = line.trim_start();
        if let Some(kind) = fence.strip_prefix("```") {
            block = match block {
                Some(_) => None,
                None => Some(kind.trim().to_owned()),
            };
            continue;
        }
        let command = match block.as_deref() {
            Some("sh") if continued => {
                let last = commands.last_mut().unwrap();
                last.command = format!("{}\n{line}", last.command);
                continued = line.ends_with('\\');
                continue;
            }
            Some("sh") if line.trim().is_empty() || fence.starts_with('#') => continue,
            Some("sh") => fence,
            Some("console") => match fence.strip_prefix("$ ") {
                Some(command) => command,
                None => {
                    let output = commands.last_mut().and_then(|last| last.output.as_mut());
                    let output = output.expect("a `console` block begins with `$ command`");
                    output.push_str(line);
                    output.push('\n');
                    continue;
                }
            },
            _ => continue,
        };
        let is_sh = block.as_deref() == Some("sh");
        continued = is_sh && line.ends_with('\\');
        commands.push(Printed {
            line: index + 1,
            command: command.trim_end().to_owned(),
            output: (!is_sh).then(String::new),
        });
    }
    commands
}

/// The command without the comment behind it.
fn bare(command: &str) -> &str {
    command.split(" #").next().unwrap_or(command).trim()
}

/// A folder as the reader has it: an empty one, with the repository beside it as `aio`.
struct Desk {
    folder: PathBuf,
    root: PathBuf,
}

impl Desk {
    fn new(name: &str) -> Self {
        let root = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
        let folder = std::env::temp_dir().join(format!("readme-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("here")).unwrap();
        fs::create_dir_all(folder.join("bin")).unwrap();
        symlink(&root, folder.join("aio")).unwrap();
        let desk = Self { folder, root };
        desk.install_cargo();
        desk
    }

    /// Puts a `cargo` first in the path that runs members of the workspace from
    /// a folder outside it, so that the files of a command do not land in the
    /// repository. The commands themselves stay as printed.
    fn install_cargo(&self) {
        let script = format!(
            "#!/bin/sh\nsub=$1\nshift\ncase $sub in\nrun|build|doc|bench)\n  \
             exec '{cargo}' \"$sub\" --manifest-path '{manifest}' \"$@\" ;;\n*)\n  \
             exec '{cargo}' \"$sub\" \"$@\" ;;\nesac\n",
            cargo = env!("CARGO"),
            manifest = self.root.join("Cargo.toml").display(),
        );
        let path = self.folder.join("bin/cargo");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a command and says what is wrong with it.
    fn run(&self, printed: &Printed) -> Option<String> {
        let said = |what: String| {
            Some(format!(
                "line {}: `{}` {what}",
                printed.line, printed.command
            ))
        };
        if RECURSIVE.contains(&bare(&printed.command)) {
            return self.recursive(bare(&printed.command)).and_then(said);
        }
        let mut folder = self.folder.join("here");
        if printed.command.starts_with("cargo add ") {
            folder = self.package();
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &printed.command])
            .current_dir(folder)
            .env(
                "PATH",
                format!("{}:{path}", self.folder.join("bin").display()),
            )
            .env("CARGO_NET_OFFLINE", "true")
            .stdin(Stdio::null());
        let output =
            chaos::watchdog::closure_within(LIMIT, &printed.command, move || shell.output())
                .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return said(format!("ends with {}\n{stdout}{stderr}", output.status));
        }
        match &printed.output {
            Some(expected) if expected.trim_end() != stdout.trim_end() => {
                said(format!("prints\n{stdout}and the README says\n{expected}"))
            }
            _ => None,
        }
    }

    /// A package to which the printed `cargo add` lines can be applied.
    fn package(&self) -> PathBuf {
        let package = self.folder.join("app");
        if !package.exists() {
            fs::create_dir_all(package.join("src")).unwrap();
            fs::write(package.join("src/main.rs"), "fn main() {}\n").unwrap();
            fs::write(
                package.join("Cargo.toml"),
                "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
            )
            .unwrap();
        }
        package
    }

    /// What can't be run from here is compared with what the whole check runs.
    fn recursive(&self, command: &str) -> Option<String> {
        let run = fs::read_to_string(self.root.join(".ci/run"));
        if command == "bash .ci/run" {
            return run.err().map(|error| format!("can't run: {error}"));
        }
        let called = calls(&run.unwrap_or_default(), command);
        (!called).then(|| "is not the line that .ci/run calls".to_owned())
    }
}

/// Says whether a script has the command as a line, or takes it from the README into a variable that it runs.
fn calls(script: &str, command: &str) -> bool {
    let lines: Vec<&str> = script
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .collect();
    let runs = |command: &str| {
        lines.iter().any(|line| {
            let before = line.strip_suffix(command);
            before.is_some_and(|before| before.is_empty() || before.ends_with(' '))
        })
    };
    let taken = format!("-x '{command}' README.md)");
    runs(command)
        || lines
            .iter()
            .filter(|line| line.ends_with(&taken))
            .filter_map(|line| line.split_once("=$("))
            .any(|(variable, _)| runs(&format!("${variable}")))
}

impl Drop for Desk {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

fn complaints(text: &str, name: &str) -> Vec<String> {
    let desk = Desk::new(name);
    printed(text)
        .iter()
        .filter_map(|printed| desk.run(printed))
        .collect()
}

#[test]
fn every_command_does_what_the_readme_says() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = fs::read_to_string(readme).expect("the README of the repository");
    let commands = printed(&text);
    assert!(
        commands
            .iter()
            .any(|printed| printed.command.contains("cargo run ")),
        "the README shows no program to run"
    );
    assert!(
        commands
            .iter()
            .any(|printed| bare(&printed.command) == RECURSIVE[0]),
        "the README does not say how to run the tests"
    );
    let complaints = complaints(&text, "root");
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    println!("commands={} op=README", commands.len());
}

#[test]
fn a_readme_that_lies_is_caught() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/readme/README.md"))
            .unwrap();
    let complaints = complaints(&text, "fixture");
    let expected = [
        "`false` ends with exit status: 1",
        "prints\nthree\nand the README says\nfour",
        "`no-such-command-anywhere` ends with exit status: 127",
        "`cargo add --path ../aio/aio-nothing` ends with",
    ];
    for expected in expected {
        assert!(
            complaints.iter().any(|said| said.contains(expected)),
            "nothing says {expected:?} in {complaints:#?}"
        );
    }
    assert_eq!(complaints.len(), expected.len(), "{complaints:#?}");
}

/// The files of a command land on the desk, not in the repository.
#[test]
fn commands_run_outside_the_repository() {
    let desk = Desk::new("outside");
    let command = |command: &str, output: &str| Printed {
        line: 1,
        command: command.into(),
        output: Some(output.into()),
    };
    assert_eq!(desk.run(&command("echo kept > made.txt", "")), None);
    assert_eq!(desk.run(&command("cat made.txt", "kept\n")), None);
    assert!(desk.folder.join("here/made.txt").exists());
}

#[test]
fn a_check_that_does_not_run_the_tests_is_caught() {
    let command = "cargo test --workspace";
    assert!(calls(
        "set -e\nAIO_REQUIRE_ALL=1 cargo test --workspace\n",
        command
    ));
    let taken = "tests=$(grep -m 1 -x 'cargo test --workspace' README.md)\n";
    assert!(calls(&format!("{taken}$tests\n"), command));
    assert!(!calls(taken, command), "taken and never run");
    assert!(!calls("# cargo test --workspace\n", command));
    assert!(!calls("cargo test --workspace --lib\n", command));
    assert!(!calls("echo skipped\n", command));
}
