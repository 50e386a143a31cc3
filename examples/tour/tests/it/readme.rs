//! The programs print what `examples/README.md` says.

use std::path::Path;

use crate::every::PROGRAMS;
use crate::program::Program;

const README: &str = include_str!("../../../README.md");

/// Stands before a block whose figures are others in each run.
const MEASURED: &str = "<!-- measured -->\n";

/// What makes a program that takes seconds end sooner. But for its figures it prints
/// the same.
const SOONER: [(&str, &[&str]); 7] = [
    ("fib", &["--seconds", "0.1"]),
    ("flags", &["--delay-ms", "10"]),
    ("how", &["--ms", "10"]),
    ("pitfalls", &["--ms", "50"]),
    ("randint_clients", &["--requests", "1"]),
    ("spinner", &["--seconds", "0.2", "--tasks", "1000"]),
    ("starvation", &["--block-ms", "100"]),
];

/// A program, its arguments, and what it prints, as the guide has them.
struct Printed {
    name: &'static str,
    args: Vec<&'static str>,
    output: &'static str,
    measured: bool,
}

fn printed() -> Vec<Printed> {
    let mut all = Vec::new();
    let mut before = "";
    for (place, part) in README.split("```console\n").enumerate() {
        if place > 0 {
            let (block, _) = part.split_once("```\n").expect("a block ends");
            let (command, output) = block.split_once('\n').expect("a command is a line");
            let command = command
                .strip_prefix("$ cargo run -q -p tour --bin ")
                .unwrap_or_else(|| panic!("{command}"));
            let mut words = command.split(' ');
            let name = words.next().expect("a name");
            let args = words.skip_while(|word| *word == "--").collect();
            let measured = before.ends_with(MEASURED);
            all.push(Printed {
                name,
                args,
                output,
                measured,
            });
        }
        before = part;
    }
    all
}

/// The text as a terminal leaves it, with each number as `#` whatever room it is given,
/// and without bars, whose lengths are figures too.
fn without_figures(text: &str) -> String {
    let mut without = String::new();
    for line in text.lines() {
        let shown = line.rsplit('\r').next().unwrap_or(line);
        let words = shown.split_whitespace();
        let words = words.filter(|word| !word.chars().all(|c| c == '|'));
        let mut line = words.collect::<Vec<_>>().join(" ");
        line = line.replace(|c: char| c.is_ascii_digit(), "#");
        while let Some(shorter) = ["##", "#.#"].iter().find(|figure| line.contains(**figure)) {
            line = line.replace(shorter, "#");
        }
        without.push_str(&line);
        without.push('\n');
    }
    without
}

/// Runs a program as the guide does, and compares.
#[track_caller]
fn is_as_printed(name: &str) {
    let known = PROGRAMS.iter().find(|(known, _)| *known == name);
    let (name, path) = known.expect("a program");
    let printed = printed();
    let mut blocks = printed
        .iter()
        .filter(|block| block.name == *name)
        .peekable();
    assert!(blocks.peek().is_some(), "the guide does not run it");
    for block in blocks {
        let sooner = SOONER.iter().find(|(known, _)| known == name);
        let sooner = sooner
            .filter(|_| block.measured)
            .map_or(&[][..], |(_, args)| args);
        let args = [&block.args[..], sooner].concat();
        let said = || Program::at(name, path).run(&args).ok();
        if !block.measured {
            assert_eq!(said(), block.output);
            continue;
        }
        // On a busy machine what is to come first may be late.
        let right = without_figures(block.output);
        let is_right = |_: &u32| without_figures(&said()) == right;
        if (0..3).find(is_right).is_none() {
            assert_eq!(without_figures(&said()), right);
        }
    }
}

macro_rules! guide {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                is_as_printed(stringify!($name));
            }
        )*

        /// What is tested above.
        const GUIDED: &[&str] = &[$(stringify!($name)),*];
    };
}

guide! {
    hello crows generators how sync starvation pitfalls contexts shapes spinner chess fib
    flags randint_server randint_clients http_randint
}

#[test]
fn every_program_and_every_link_of_the_guide_is_there() {
    for (name, _) in PROGRAMS {
        assert!(GUIDED.contains(&name), "{name}");
        let link = format!("| [{name}](tour/src/bin/{name}.rs) | ");
        assert!(README.contains(&link), "{link}");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for link in README.split("](").skip(1) {
        let (link, _) = link.split_once(')').expect("a link ends");
        if !link.contains("://") && !link.starts_with('#') {
            assert!(folder.join(link).exists(), "{link}");
        }
    }
}
