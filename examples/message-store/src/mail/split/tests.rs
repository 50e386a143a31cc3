use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Entry, FROM, LONGEST_MAIL, MOST_QUOTES, Raw, Splitter};
use crate::batch::Place;
use crate::mail::envelope::Envelope;

/// Takes an mbox apart that comes in chunks.
fn split<'c>(chunks: impl IntoIterator<Item = &'c [u8]>, longest: usize) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut splitter = Splitter::new(longest);
    for chunk in chunks {
        splitter.feed(Bytes::copy_from_slice(chunk), &mut found);
    }
    splitter.finish(&mut found);
    found
}

/// The contents of the mails of an mbox, or what is wrong with them.
fn contents(mbox: &str) -> Vec<Result<String, String>> {
    let text = |raw: Raw| String::from_utf8(raw.content.to_vec()).unwrap();
    let found = split([mbox.as_bytes()], LONGEST_MAIL);
    found
        .into_iter()
        .map(|entry| entry.mail.map(text))
        .collect()
}

const LINE: &str = "From a@b.c Wed Dec 31 18:00:00 2025";

#[test]
fn an_mbox_is_its_mails() {
    let mbox = format!("{LINE}\nA: 1\n\none\n\n{LINE}\nA: 2\n\ntwo\n");
    let one = Entry {
        place: Place { line: 1, byte: 0 },
        end: 47,
        mail: Ok(Raw {
            envelope: Envelope {
                address: "a@b.c".into(),
                date: Some("2025-12-31T18:00:00Z".into()),
            },
            content: "A: 1\n\none\n".into(),
        }),
    };
    let found = split([mbox.as_bytes()], LONGEST_MAIL);
    assert_eq!(found[0], one);
    assert_eq!(found[1].place, Place { line: 6, byte: 47 });
    assert_eq!(found[1].end, mbox.len() as u64);
    assert_eq!(found.len(), 2);
}

#[test]
fn a_mail_within_a_chunk_is_no_copy() {
    let mbox = Bytes::from(format!("{LINE}\nA: 1\n\none\n\n{LINE}\nA: 2\n"));
    let (mut found, mut splitter) = (Vec::new(), Splitter::new(LONGEST_MAIL));
    splitter.feed(mbox.clone(), &mut found);
    let content = &found[0].mail.as_ref().unwrap().content;
    assert_eq!(content.as_ptr(), mbox[LINE.len() + 1..].as_ptr());
}

#[test]
fn lines_of_a_text_are_no_separators() {
    let quoted = format!("{LINE}\nA: 1\n\n>From me\n>>From you\n >From\nFrom here\n{LINE}\n");
    let text = format!("A: 1\n\nFrom me\n>From you\n >From\nFrom here\n{LINE}\n");
    assert_eq!(contents(&quoted), [Ok(text)]);
}

#[test]
fn an_mbox_of_windows_is_one_too() {
    let mbox = format!("{LINE}\nA: 1\n\none\n>From me\n\n{LINE}\nA: 2\n").replace('\n', "\r\n");
    let mails = ["A: 1\r\n\r\none\r\nFrom me\r\n", "A: 2\r\n"];
    assert_eq!(contents(&mbox), mails.map(|mail| Ok(mail.into())));
}

#[test]
fn only_one_empty_line_at_the_end_is_no_part_of_a_mail() {
    let mbox = format!("{LINE}\nA: 1\n\n\n\n\n{LINE}\n\n{LINE}");
    let mails = ["A: 1\n\n\n\n", "", ""];
    assert_eq!(contents(&mbox), mails.map(|mail| Ok(mail.into())));
}

#[test]
fn what_is_before_the_first_mail_is_told_once() {
    let told = |bytes| Err(format!("{bytes} bytes before the first line `From …`"));
    assert_eq!(contents("who\nknows\n"), [told(10)]);
    let after = format!("who\n\nknows\n\n{LINE}\nA: 1\n");
    assert_eq!(contents(&after), [told(12), Ok("A: 1\n".into())]);
    assert_eq!(
        contents(&format!("\n\r\n{LINE}\nA: 1\n")),
        [Ok("A: 1\n".into())]
    );
    assert_eq!(contents(""), []);
    assert_eq!(contents("\n \n"), []);
}

#[test]
fn a_mail_that_is_too_long_is_told_and_not_kept() {
    let mail = |length| format!("{LINE}\n{}\n\n", "x".repeat(length));
    let mbox = [mail(5), mail(100), mail(LONGEST_MAIL), mail(5)].concat();
    let (mut found, mut splitter) = (Vec::new(), Splitter::new(LONGEST_MAIL));
    for chunk in mbox.as_bytes().chunks(1 << 18) {
        splitter.feed(Bytes::copy_from_slice(chunk), &mut found);
    }
    splitter.finish(&mut found);
    let lengths = found
        .into_iter()
        .map(|entry| entry.mail.map(|raw| raw.content.len()));
    let too_long = Err("longer than 32 MiB".into());
    assert_eq!(Vec::from_iter(lengths), [Ok(6), Ok(101), too_long, Ok(6)]);
}

/// The same by lines: slow, and easy to see right.
fn by_lines(mbox: &[u8], longest: usize) -> Vec<Entry> {
    struct Open {
        place: Place,
        envelope: Option<Envelope>,
        content: Vec<u8>,
    }
    let end = |open: Open, end: u64, found: &mut Vec<Entry>| {
        let Open {
            place,
            envelope,
            mut content,
        } = open;
        let mail = match envelope {
            None if content.trim_ascii().is_empty() => return,
            None => Err(format!("{end} bytes before the first line `From …`")),
            Some(_) if content.len() > longest => Err("longer than 0 MiB".into()),
            Some(envelope) => {
                let mut lines: Vec<_> = content.split_inclusive(|&byte| byte == b'\n').collect();
                if lines
                    .last()
                    .is_some_and(|&line| line == b"\n" || line == b"\r\n")
                {
                    lines.pop();
                }
                content = lines.concat();
                Ok(Raw {
                    envelope,
                    content: content.into(),
                })
            }
        };
        found.push(Entry { place, end, mail });
    };
    let (mut found, mut byte, mut is_behind_empty) = (Vec::new(), 0, true);
    let mut open = Open {
        place: Place { line: 1, byte: 0 },
        envelope: None,
        content: Vec::new(),
    };
    let lines = mbox.split_inclusive(|&byte| byte == b'\n');
    for (number, line) in (1..).zip(lines) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let quotes = line.iter().take_while(|&&byte| byte == b'>').count();
        let envelope = text.strip_prefix(FROM).and_then(Envelope::of_line);
        if is_behind_empty && envelope.is_some() {
            let place = Place { line: number, byte };
            let next = Open {
                place,
                envelope,
                content: Vec::new(),
            };
            end(std::mem::replace(&mut open, next), byte, &mut found);
        } else if (1..=MOST_QUOTES).contains(&quotes) && line[quotes..].starts_with(FROM) {
            open.content.extend_from_slice(&line[1..]);
        } else {
            open.content.extend_from_slice(line);
        }
        is_behind_empty = text.is_empty() || text == b"\r";
        byte += line.len() as u64;
    }
    end(open, byte, &mut found);
    found
}

/// Pieces of an mbox, of which any sequence may come.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let fixed = [
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        ">",
        "F",
        "From ",
        ">From ",
        ">>From it",
        "a@b.c Wed Dec 31 18:00:00 2025",
        "text",
        "A: 1\n",
    ];
    let fixed = fixed.map(|text| text.as_bytes().to_vec()).to_vec();
    let line = [LINE, "\n"].concat().into_bytes();
    prop_oneof![
        6 => proptest::sample::select(fixed),
        3 => Just(line),
        1 => (250..260_usize).prop_map(|length| b">".repeat(length)),
        1 => (950..1010_usize).prop_map(|length| b"x".repeat(length)),
        1 => vec(any::<u8>(), 0..9),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn chunks_make_no_difference(
        pieces in vec(pieces(), 0..40),
        cuts in vec(1..60_usize, 1..8),
        longest in 0..3_000_usize,
    ) {
        let mbox = pieces.concat();
        let expected = by_lines(&mbox, longest);
        prop_assert_eq!(&split([&mbox[..]], longest), &expected);
        prop_assert_eq!(&split(mbox.chunks(1), longest), &expected);
        let (mut rest, mut chunks) = (&mbox[..], Vec::new());
        for &cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        prop_assert_eq!(&split(chunks, longest), &expected);
    }
}
