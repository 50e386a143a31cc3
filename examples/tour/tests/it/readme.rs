//! The programs print what `examples/README.md` says.

use std::path::Path;

use crate::every::PROGRAMS;
use crate::program::Program;

const README: &str = include_str!("../../../README.md");

/// Stands before a block whose figures are others in each run.
const MEASURED: &str = "<!-- measured -->\n";

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

/// The text with each number as `#`, whatever the room that it is given.
fn without_figures(text: &str) -> String {
    let figure = |c: char| c.is_ascii_digit() || c == '.';
    let mut without = String::new();
    for line in text.lines() {
        let words = line.split_whitespace().map(|word| {
            let start = word.find(|c: char| c.is_ascii_digit());
            start.map_or(word.to_owned(), |start| {
                let rest = &word[start..];
                let end = rest.find(|c| !figure(c)).unwrap_or(rest.len());
                let end = rest[..end].trim_end_matches('.').len();
                format!("{}#{}", &word[..start], &rest[end..])
            })
        });
        without.push_str(&words.collect::<Vec<_>>().join(" "));
        without.push('\n');
    }
    without
}

#[test]
fn each_program_prints_what_the_guide_says() {
    for printed in printed() {
        let known = PROGRAMS.iter().find(|(name, _)| *name == printed.name);
        let (name, path) = known.unwrap_or_else(|| panic!("no program {}", printed.name));
        let said = Program::at(name, path).run(&printed.args).ok();
        match printed.measured {
            true => assert_eq!(without_figures(&said), without_figures(printed.output)),
            false => assert_eq!(said, printed.output, "{name}"),
        }
    }
}

#[test]
fn each_program_and_each_link_of_the_guide_is_there() {
    for (name, _) in PROGRAMS {
        assert!(
            printed().iter().any(|printed| printed.name == name),
            "{name}"
        );
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for link in README.split("](").skip(1) {
        let (link, _) = link.split_once(')').expect("a link ends");
        if !link.contains("://") && !link.starts_with('#') {
            assert!(folder.join(link).exists(), "{link}");
        }
    }
}
