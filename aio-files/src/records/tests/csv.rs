use ::csv::{ErrorKind, ReaderBuilder, Trim};
use serde::Deserialize;

use super::random::Random;
use super::{Pieces, Told, all, all_ways, place};
use crate::records::csv_rows::CsvRows;
use crate::records::dialect::{Dialect, Header, Lengths, Spaces};
use crate::records::parser::Format;

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Row {
    a: String,
    b: Option<i32>,
    #[serde(default)]
    c: String,
}

fn rows(dialect: &Dialect, max_len: usize) -> Format {
    Format::CsvRows(Box::new(CsvRows::new(dialect.clone(), max_len)))
}

/// The same options for csv itself.
fn oracle(dialect: &Dialect) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder
        .delimiter(dialect.delimiter)
        .quote(dialect.quote)
        .escape(dialect.escape)
        .comment(dialect.comment)
        .flexible(dialect.lengths == Lengths::Any)
        .has_headers(matches!(dialect.header, Header::FirstRow))
        .trim(match dialect.spaces {
            Spaces::Kept => Trim::None,
            Spaces::Trimmed => Trim::All,
        });
    builder
}

fn dialect(random: &mut Random) -> Dialect {
    Dialect {
        delimiter: random.one(b",;\t"),
        quote: random.one(b"\"'"),
        escape: random.one(&[None, Some(b'\\')]),
        comment: random.one(&[None, Some(b'#')]),
        header: match random.below(3) {
            0 => Header::None,
            _ => Header::FirstRow,
        },
        lengths: random.one(&[Lengths::Equal, Lengths::Any]),
        spaces: random.one(&[Spaces::Kept, Spaces::Trimmed]),
    }
}

const TEXTS: &[&[u8]] = &[
    b"",
    b"plain",
    b" spaces ",
    b"d,e;f\tg",
    b"say \"it\" 'so'",
    b"two\nlines",
    b"cr\r\nlf\r",
    "é ß 🦀".as_bytes(),
    b"#",
    b"\xef\xbb\xbf",
];

fn field(random: &mut Random, dialect: &Dialect, value: &[u8]) -> Vec<u8> {
    let special = |byte: &u8| {
        // The last is a byte order mark's first, which would be the file's own.
        [dialect.delimiter, dialect.quote, b'\r', b'\n', 0xef].contains(byte)
            || Some(*byte) == dialect.comment
    };
    if !value.iter().any(special) && !value.is_empty() && random.below(3) > 0 {
        return value.to_vec();
    }
    let mut field = vec![dialect.quote];
    for &byte in value {
        if byte == dialect.quote {
            field.push(random.one(&[dialect.quote, dialect.escape.unwrap_or(dialect.quote)]));
        }
        field.push(byte);
    }
    field.push(dialect.quote);
    field
}

/// One text, and where its rows begin, the names included.
fn text(random: &mut Random, dialect: &Dialect) -> (Vec<u8>, Vec<(u64, usize)>) {
    let mut text = Vec::new();
    let mut places = Vec::new();
    if random.below(3) == 0 {
        text.extend(b"\xef\xbb\xbf");
    }
    let count = random.below(6);
    for row in 0..count {
        match random.below(6) {
            0 => text.extend(b"\n"),
            1 => text.extend(b"\r\n\n"),
            2 if dialect.comment.is_some() => text.extend("#é,\"\r,\n".as_bytes()),
            _ => {}
        }
        let line = 1 + text.iter().filter(|&&byte| byte == b'\n').count();
        places.push((line as u64, text.len()));
        let mut values = vec![
            random.one(TEXTS),
            random.one(&[&b""[..], b"7", b"-12", b"seven", b"99999999999"]),
            random.one(TEXTS),
        ];
        if row == 0 && matches!(dialect.header, Header::FirstRow) {
            values = random
                .one(&[
                    [&b"a"[..], b"b", b"c"],
                    [b"c", b" b ", b"a"],
                    [b"a", b"a", b"b"],
                    [b"x", b"b", "é\n".as_bytes()],
                ])
                .to_vec();
        } else {
            match random.below(12) {
                0 => drop(values.pop()),
                1 => values.push(b"more"),
                2 => values[2] = b"\xff\xfe",
                _ => {}
            }
        }
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                text.push(dialect.delimiter);
            }
            text.extend(field(random, dialect, value));
        }
        if row + 1 < count || random.below(2) == 0 {
            text.extend(random.one(&[&b"\n"[..], b"\r\n", b"\r\n\r\n"]));
        }
    }
    if random.below(8) == 0 {
        // Not closed: whatever follows is a part of it.
        let at = random.below(text.len() + 1);
        text.insert(at, dialect.quote);
        places.clear();
    }
    (text, places)
}

#[test]
fn every_split_gives_what_csv_gives() {
    let (mut records, mut errors) = (0, 0);
    for seed in 0..300 {
        let random = &mut Random(seed);
        let dialect = dialect(random);
        let (text, places) = text(random, &dialect);
        let found: Vec<Told<Row>> = all_ways(|| rows(&dialect, 1024), &text);
        let said = || format!("seed {seed}, {dialect:?}: {}", text.escape_ascii());
        let mut reader = oracle(&dialect).from_reader(&text[..]);
        if reader.has_headers() && reader.headers().is_err() {
            // csv goes on without any names; here that is an error, and the end.
            assert!(found.len() == 1 && found[0].0.is_err(), "{}", said());
            continue;
        }
        let expected: Vec<_> = reader.deserialize::<Row>().collect();
        assert_eq!(found.len(), expected.len(), "{}", said());
        for ((told, _), expected) in found.iter().zip(&expected) {
            match (told, expected) {
                (Ok(row), Ok(expected)) => assert_eq!(row, expected, "{}", said()),
                (Err(told), Err(expected)) => {
                    let cause = match expected.kind() {
                        ErrorKind::Utf8 { .. } => "not UTF-8 at byte".to_owned(),
                        ErrorKind::UnequalLengths { len, .. } => format!("{len} fields, and"),
                        ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
                        other => panic!("{other:?}"),
                    };
                    assert!(told.contains(&cause), "{told}, not {cause}: {}", said());
                }
                other => panic!("{other:?}: {}", said()),
            }
        }
        if !places.is_empty() {
            let skip = usize::from(matches!(dialect.header, Header::FirstRow));
            let places: Vec<_> = places[skip..].iter().map(|&(l, o)| place(l, o)).collect();
            let found: Vec<_> = found.iter().map(|(_, at)| *at).collect();
            assert_eq!(found, places, "{}", said());
        }
        records += found.len();
        errors += found.iter().filter(|(told, _)| told.is_err()).count();
    }
    println!("records={records} errors={errors}");
    assert!(records > 350 && errors > 70 && records > errors + 90);
}

#[test]
fn a_long_row_is_one_error_and_the_rest_is_given() {
    let dialect = Dialect::default();
    for long in [3, 5, 6, 7, 40, 1100] {
        for end in ["\n", "\r\n", "\r"] {
            // Commas and line feeds in it, so that it is known by its quotes alone.
            let value = "x,\n".repeat(long)[..long].to_owned();
            let text = format!("a,b{end}1,2{end}\"{value}\",4{end}5,6");
            let limit = 9;
            let found: Vec<Told<(String, u8)>> =
                all_ways(|| rows(&dialect, limit), text.as_bytes());
            let first = 3 + end.len();
            let second = first + 3 + end.len();
            let feeds = end.matches('\n').count() as u64;
            let inside = value.matches('\n').count() as u64;
            let middle = match long + 4 > limit {
                true => Err("a record of more than 9 bytes".to_owned()),
                false => Ok((value, 4)),
            };
            let last = second + long + 4 + end.len();
            assert_eq!(
                found,
                [
                    (Ok(("1".to_owned(), 2)), place(1 + feeds, first)),
                    (middle, place(1 + 2 * feeds, second)),
                    (Ok(("5".to_owned(), 6)), place(1 + 3 * feeds + inside, last)),
                ]
            );
        }
    }
}

#[test]
fn records_larger_than_the_window_are_whole_and_those_beyond_the_limit_are_not_held() {
    const LIMIT: usize = 1_000_000;
    let dialect = Dialect {
        header: Header::None,
        ..Dialect::default()
    };
    let mut text = Vec::new();
    let sizes = [10, 20_000, 300_000, LIMIT - 2, LIMIT - 1, 20 * LIMIT, 10];
    for size in sizes {
        text.extend(format!("\"{}\"\n", "\n".repeat(size)).into_bytes());
    }
    let found: Vec<Told<String>> = all(rows(&dialect, LIMIT), Pieces::whole(&text));
    let found: Vec<_> = found
        .iter()
        .map(|(told, at)| (told.as_ref().ok().map(String::len), at.line))
        .collect();
    let mut line = 1;
    let expected: Vec<_> = sizes
        .into_iter()
        .map(|size| {
            let at = line;
            line += size as u64 + 1;
            ((size + 2 <= LIMIT).then_some(size), at)
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_wrong_header_is_the_only_item() {
    let dialect = Dialect::default();
    for (text, limit) in [
        (&b"a,\xff,c\n1,2,3\n4,5,6\n"[..], 99),
        (b"a,b,c\n1\n2\n", 4),
    ] {
        let found: Vec<Told<Row>> = all(rows(&dialect, limit), Pieces::whole(text));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0.is_err() && found[0].1 == place(1, 0));
    }
}

#[test]
fn names_may_be_given_where_the_file_has_none() {
    let dialect = Dialect {
        header: Header::Named(["b", "a", "c"].into_iter().collect()),
        ..Dialect::default()
    };
    let found: Vec<Told<Row>> = all_ways(|| rows(&dialect, 99), b"1,x,y\n,z,\nq,z,\n1,2\n");
    let row = |a: &str, b, c: &str| Row {
        a: a.to_owned(),
        b,
        c: c.to_owned(),
    };
    assert_eq!(
        found,
        [
            (Ok(row("x", Some(1), "y")), place(1, 0)),
            (Ok(row("z", None, "")), place(2, 6)),
            (
                Err("field \"b\": invalid digit found in string".to_owned()),
                place(3, 10)
            ),
            (
                Err("2 fields, and the rows have 3".to_owned()),
                place(4, 15)
            ),
        ]
    );
}
