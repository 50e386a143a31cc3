use std::collections::BTreeMap;

use super::random::Random;
use super::{Pieces, Told, all, all_ways, place};
use crate::records::json_lines::JsonLines;
use crate::records::parser::Format;

type Object = BTreeMap<String, serde_json::Value>;

fn lines(max_len: usize) -> Format {
    Format::JsonLines(JsonLines::new(max_len))
}

const GOOD: &[&str] = &[
    r#"{"a":1,"b":"two"}"#,
    r#"{"a":"\n\"é\u00e9 🦀"}"#,
    r#"  {"spaces": [1, 2, {"c": null}]}	"#,
    "{}",
    r#"{"é":"ß"}"#,
];
const BAD: &[&[u8]] = &[
    b"{",
    b"[1]",
    b"{\"a\":1} {\"b\":2}",
    b"{\"a\":\"\xff\"}",
    b"nonsense",
    b"\xef\xbb\xbf{}",
    b"{\"a\":1\r}\r}",
];

/// One text, and for each record whether it is good and where it begins.
fn text(random: &mut Random) -> (Vec<u8>, Vec<(bool, u64, usize)>) {
    let mut text = Vec::new();
    let mut records = Vec::new();
    if random.below(3) == 0 {
        text.extend(b"\xef\xbb\xbf");
    }
    let count = random.below(6);
    for line in 1..=count {
        let good = match random.below(5) {
            0 => None,
            1 | 2 => Some(false),
            _ => Some(true),
        };
        if let Some(good) = good {
            records.push((good, line as u64, text.len()));
        }
        match good {
            None => text.extend(random.one(&[&b""[..], b" ", b"\t \t"])),
            Some(true) => text.extend(random.one(GOOD).as_bytes()),
            // There a byte order mark would be the file's own.
            Some(false) if text.is_empty() => text.extend(b"nonsense"),
            Some(false) => text.extend(random.one(BAD)),
        }
        if line < count || random.below(2) == 0 {
            text.extend(random.one(&[&b"\n"[..], b"\r\n"]));
        }
    }
    (text, records)
}

/// What serde_json makes of each line of the whole text.
fn oracle(text: &[u8]) -> Vec<Option<Object>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.split(|&byte| byte == b'\n')
        .filter(|line| !line.iter().all(u8::is_ascii_whitespace))
        .map(|line| serde_json::from_slice(line).ok())
        .collect()
}

#[test]
fn every_split_gives_what_serde_json_gives() {
    let (mut records, mut errors) = (0, 0);
    for seed in 0..400 {
        let (text, expected) = text(&mut Random(seed));
        let found: Vec<Told<Object>> = all_ways(|| lines(1024), &text);
        let values: Vec<_> = found.iter().map(|(told, _)| told.clone().ok()).collect();
        assert_eq!(values, oracle(&text), "{}", text.escape_ascii());
        let places: Vec<_> = found.iter().map(|(told, at)| (told.is_ok(), *at)).collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(good, line, offset)| (good, place(line, offset)))
            .collect();
        assert_eq!(places, expected, "{}", text.escape_ascii());
        records += places.len();
        errors += places.iter().filter(|(good, _)| !good).count();
    }
    println!("records={records} errors={errors}");
    assert!(records > 500 && errors > 150);
}

#[test]
fn a_long_line_is_one_error_and_the_rest_is_given() {
    for (long, limit) in [(8, 7), (9, 7), (30, 7), (7, 7), (1, 0), (300, 7)] {
        for end in ["\n", "\r\n"] {
            let text = format!("1{end}{}{end}3", "2".repeat(long));
            let found: Vec<Told<f64>> = all_ways(|| lines(limit), text.as_bytes());
            let said = |digits: usize, value| match digits > limit {
                true => Err(format!("a record of more than {limit} bytes")),
                false => Ok(value),
            };
            let two = "2".repeat(long).parse().unwrap();
            let second = 1 + end.len();
            assert_eq!(
                found,
                [
                    (said(1, 1.0), place(1, 0)),
                    (said(long, two), place(2, second)),
                    (said(1, 3.0), place(3, second + long + end.len())),
                ]
            );
        }
    }
}

#[test]
fn records_larger_than_the_window_are_whole_and_those_beyond_the_limit_are_not_held() {
    const LIMIT: usize = 1_000_000;
    let mut text = Vec::new();
    let sizes = [10, 20_000, 300_000, LIMIT - 2, LIMIT - 1, 20 * LIMIT, 10];
    for size in sizes {
        text.extend(format!("\"{}\"\n", "x".repeat(size)).into_bytes());
    }
    let found: Vec<Told<String>> = all(lines(LIMIT), Pieces::whole(&text));
    let found: Vec<_> = found
        .iter()
        .map(|(told, at)| (told.as_ref().ok().map(String::len), at.line))
        .collect();
    let some = |size| (size + 2 <= LIMIT).then_some(size);
    let expected: Vec<_> = sizes.into_iter().map(some).zip(1..).collect();
    assert_eq!(found, expected);
}

#[test]
fn errors_say_the_column_and_the_cause() {
    let found: Vec<Told<Vec<u8>>> = all_ways(|| lines(99), b"[1]\n[1,x]\n[300]\n\"\xc3\"\n[1,");
    let said: Vec<_> = found
        .into_iter()
        .filter_map(|(told, _)| told.err())
        .collect();
    assert_eq!(
        said,
        [
            "expected value at column 4",
            "invalid value: integer `300`, expected u8 at column 4",
            "not UTF-8 at column 2",
            "EOF while parsing a value at column 3",
        ]
    );
}
