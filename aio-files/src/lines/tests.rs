//! The lines of generated texts, read in every way, against the plain rule.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::block::{Block, Ends, Fault, LinesOf, Text};
use super::cutter::{Cutter, Mark, Piece};
use crate::buffers::Buffers;

/// An item, as bytes, with the offset of its line.
type Found = (u64, Result<Vec<u8>, Fault>);

#[derive(Clone, Copy, Debug)]
struct Rules {
    longest: usize,
    ends: Ends,
    mark: Mark,
}

const TEXT: Rules = Rules {
    longest: 1 << 20,
    ends: Ends::Strip,
    mark: Mark::Strip,
};

/// The rule, on the whole at once and without any of what is tested.
fn expected(text: &[u8], rules: Rules, checked: bool) -> Vec<Found> {
    let mut at = 0;
    if rules.mark == Mark::Strip && text.starts_with(b"\xEF\xBB\xBF") {
        at = 3;
    }
    let mut found = Vec::new();
    for piece in text[at..].split_inclusive(|&byte| byte == b'\n') {
        let content = match piece {
            [content @ .., b'\r', b'\n'] | [content @ .., b'\n'] => content,
            content => content,
        };
        let given = match rules.ends {
            Ends::Strip => content,
            Ends::Keep => piece,
        };
        let item = if content.len() > rules.longest {
            Err(Fault::TooLong)
        } else {
            match std::str::from_utf8(given) {
                Err(error) if checked => Err(Fault::NotUtf8((at + error.valid_up_to()) as u64)),
                _ => Ok(given.to_vec()),
            }
        };
        found.push((at as u64, item));
        at += piece.len();
    }
    found
}

/// The same by the parts that the stream is made of, read in pieces that end at
/// `splits`, into buffers of `size` bytes.
fn split<B: Block>(text: &[u8], splits: &[usize], size: usize, rules: Rules) -> Vec<Found>
where
    B::Line: AsRef<[u8]>,
{
    let buffers = Buffers::new(size);
    let mut cutter = Cutter::new(Arc::clone(&buffers), size, rules.longest, rules.mark);
    let mut lines = LinesOf::<B>::new(rules.longest, rules.ends);
    let mut found = Vec::new();
    let mut take = |piece: Piece| match piece {
        Piece::TooLong { offset } => {
            lines.elsewhere(offset);
            found.push((lines.line_offset(), Err(Fault::TooLong)));
        }
        Piece::Lines { bytes, offset } => {
            lines.refill(B::new(bytes, &buffers), offset);
            while let Some(line) = lines.next() {
                let line = line.map(|line| line.as_ref().to_vec());
                found.push((lines.line_offset(), line));
            }
            let before = lines.line_offset();
            lines.empty().finish(&buffers);
            assert_eq!(lines.line_offset(), before);
        }
    };
    for Range { mut start, end } in ranges(splits, text.len()) {
        while start < end {
            let amount = cutter.wanted().min(end - start);
            assert!(amount > 0);
            cutter
                .room(amount)
                .copy_from_slice(&text[start..start + amount]);
            cutter.read(amount);
            start += amount;
            while let Some(piece) = cutter.cut() {
                take(piece);
            }
        }
    }
    cutter.finish().into_iter().for_each(&mut take);
    assert_eq!(cutter.finish(), None);
    found
}

fn ranges(splits: &[usize], len: usize) -> Vec<Range<usize>> {
    let starts = std::iter::once(0).chain(splits.iter().copied());
    let ends = splits.iter().copied().chain([len]);
    starts.zip(ends).map(|(start, end)| start..end).collect()
}

fn same(text: &[u8], splits: &[usize], size: usize, rules: Rules) {
    let what = format!(
        "{:?} at {splits:?} by {size}, {rules:?}",
        text.escape_ascii().to_string()
    );
    let found = split::<Text>(text, splits, size, rules);
    assert_eq!(found, expected(text, rules, true), "{what}");
    let found = split::<Bytes>(text, splits, size, rules);
    assert_eq!(found, expected(text, rules, false), "{what}, bytes");
}

/// Texts of pieces that matter.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just("\n".as_bytes().to_vec()),
        3 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        4 => "[a-z ]{1,12}".prop_map(String::into_bytes),
        2 => "[äß€語🦀]{1,3}".prop_map(String::into_bytes),
        1 => Just(b"\xEF\xBB\xBF".to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => Just(b"\xF0\x9F".to_vec()),
    ];
    let marks = prop_oneof![
        3 => Just(&b""[..]),
        1 => Just(&b"\xEF\xBB\xBF"[..]),
        1 => Just(&b"\xEF\xBB"[..])
    ];
    (marks, prop::collection::vec(piece, 0..14)).prop_map(|(mark, pieces)| {
        let mut text = mark.to_vec();
        text.extend(pieces.concat());
        text
    })
}

#[test]
fn every_split_of_two_hundred_texts_gives_the_lines_of_the_whole() {
    let mut runner = TestRunner::deterministic();
    let texts = texts();
    let mut splits = 0;
    let mut seen = [0; 5];
    for _ in 0..200 {
        let text = texts.new_tree(&mut runner).unwrap().current();
        for split in 0..=text.len() {
            for rules in [
                TEXT,
                Rules {
                    ends: Ends::Keep,
                    ..TEXT
                },
                Rules {
                    mark: Mark::Keep,
                    ..TEXT
                },
                Rules { longest: 5, ..TEXT },
            ] {
                same(&text, &[split], 4096, rules);
                // And in buffers that are as small as the pieces.
                same(&text, &[split], 7, rules);
                splits += 1;
            }
        }
        let has = |part: &[u8]| text.windows(part.len()).any(|found| found == part);
        seen[0] += usize::from(has(b"\r\n"));
        seen[1] += usize::from(!text.ends_with(b"\n"));
        seen[2] += usize::from(text.starts_with(b"\xEF\xBB\xBF"));
        seen[3] += usize::from(std::str::from_utf8(&text).is_err());
        seen[4] += usize::from(text.iter().any(|&byte| byte >= 0xC0));
    }
    println!("splits={splits}");
    // CRLF, no last end, marks, what is no text, characters to split.
    assert!(seen.iter().all(|&seen| seen >= 20), "{seen:?}");
}

proptest! {
    #[test]
    fn any_splits_give_the_lines_of_the_whole(
        text in texts(),
        mut splits in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        size in 1..40_usize,
        longest in 0..20_usize,
        keep: bool,
        strip: bool,
    ) {
        let rules = Rules {
            longest,
            ends: if keep { Ends::Keep } else { Ends::Strip },
            mark: if strip { Mark::Strip } else { Mark::Keep },
        };
        let mut at: Vec<_> = splits.drain(..).map(|split| split.index(text.len() + 1)).collect();
        at.sort_unstable();
        same(&text, &at, size, rules);
    }
}

fn text_lines(text: &[u8], rules: Rules) -> Vec<Result<String, Fault>> {
    let found = split::<Text>(text, &[], 64, rules).into_iter();
    found
        .map(|(_, line)| line.map(|line| String::from_utf8(line).unwrap()))
        .collect()
}

fn good(text: &[u8]) -> Vec<String> {
    let lines = text_lines(text, TEXT).into_iter();
    lines.map(Result::unwrap).collect()
}

#[test]
fn the_rules_in_so_many_words() {
    assert!(good(b"").is_empty());
    assert_eq!(good(b"\n"), [""]);
    assert_eq!(good(b"\n\n"), ["", ""]);
    assert_eq!(good(b"a"), ["a"]);
    assert_eq!(good(b"a\n"), ["a"]);
    assert_eq!(good(b"a\r\nb"), ["a", "b"]);
    assert_eq!(good(b"a\r\r\nb"), ["a\r", "b"]);
    assert_eq!(good(b"a\rb\n"), ["a\rb"]);
    assert_eq!(good(b"a\r"), ["a\r"]);
    assert_eq!(good(b"\r\n\r"), ["", "\r"]);
    // A mark is one at the start alone, and alone it is nothing.
    assert_eq!(good(b"\xEF\xBB\xBFa\n\xEF\xBB\xBFb"), ["a", "\u{FEFF}b"]);
    assert!(good(b"\xEF\xBB\xBF").is_empty());
    assert_eq!(good(b"\xEF\xBB\xBF\xEF\xBB\xBF"), ["\u{FEFF}"]);
    let keep = Rules {
        ends: Ends::Keep,
        ..TEXT
    };
    let kept = text_lines(b"\xEF\xBB\xBFa\r\nb\n\nc\r", keep);
    assert_eq!(
        kept,
        ["a\r\n", "b\n", "\n", "c\r"].map(|line| Ok(line.to_owned()))
    );
}

#[test]
fn a_line_of_the_longest_length_is_one_and_a_longer_one_is_one_error() {
    let rules = Rules { longest: 3, ..TEXT };
    for (text, lines) in [
        (&b"abc\nd"[..], vec![Ok("abc"), Ok("d")]),
        (b"abc\r\nd", vec![Ok("abc"), Ok("d")]),
        (b"abc", vec![Ok("abc")]),
        (b"\xEF\xBB\xBFabc\r\nd", vec![Ok("abc"), Ok("d")]),
        (b"abc\r", vec![Err(Fault::TooLong)]),
        (b"abc\r\r\nd", vec![Err(Fault::TooLong), Ok("d")]),
        (b"abcd\nd", vec![Err(Fault::TooLong), Ok("d")]),
        (
            b"abcdefghijklm\n\nd",
            vec![Err(Fault::TooLong), Ok(""), Ok("d")],
        ),
        (b"abcdefghijklm", vec![Err(Fault::TooLong)]),
    ] {
        let lines: Vec<_> = lines
            .into_iter()
            .map(|line| line.map(str::to_owned))
            .collect();
        for split in 0..=text.len() {
            for size in [1, 2, 64] {
                let found = self::split::<Text>(text, &[split], size, rules).into_iter();
                let found: Vec<_> = found
                    .map(|(_, line)| line.map(|line| String::from_utf8(line).unwrap()))
                    .collect();
                assert_eq!(found, lines, "{:?}", text.escape_ascii().to_string());
            }
        }
    }
}

#[test]
fn what_is_not_text_is_said_where_it_is_and_costs_one_line() {
    let found = split::<Text>(b"\xEF\xBB\xBFone\ntw\xFFo\r\nthree\n", &[], 64, TEXT);
    assert_eq!(
        found,
        [
            (3, Ok(b"one".to_vec())),
            (7, Err(Fault::NotUtf8(9))),
            (13, Ok(b"three".to_vec()))
        ]
    );
}

#[test]
fn a_line_without_an_end_never_fills_the_memory() {
    let size = 1024;
    let longest = 10_000;
    let mut cutter = Cutter::new(Buffers::new(size), size, longest, Mark::Strip);
    let mut most = 0;
    let mut errors = 0;
    for _ in 0..10_000 {
        let amount = cutter.wanted();
        let room = cutter.room(amount);
        room.fill(b'x');
        cutter.read(amount);
        most = most.max(cutter.held());
        while let Some(piece) = cutter.cut() {
            assert_eq!(piece, Piece::TooLong { offset: 0 });
            errors += 1;
        }
    }
    assert_eq!(errors, 1);
    assert!(most <= 2 * (longest + 2 * size), "{most}");
    assert!(cutter.held() <= 2 * size);
    assert_eq!(cutter.finish(), None);
}
