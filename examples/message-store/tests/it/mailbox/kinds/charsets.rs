//! Texts, names and subjects in the charsets of the world.

use chaos::dice::Dice;

use super::words;
use crate::mailbox::draft::Draft;
use crate::mailbox::encodings::{self, base64, base64_lines, latin1, quoted_printable, word};

/// A mail in a charset whose bytes of `said` are `bytes`, in text and subject.
fn in_charset(
    kind: &'static str,
    n: usize,
    charset: &str,
    (said, bytes): (&str, &[u8]),
    form: char,
) -> Draft {
    let (text, mut content) = (format!("{said} {n}.\n{said}\n"), bytes.to_vec());
    content.extend_from_slice(format!(" {n}.\n").as_bytes());
    content.extend_from_slice(bytes);
    content.push(b'\n');
    let (encoding, content) = match n % 3 {
        0 => ("8bit", content),
        1 => ("base64", base64_lines(&content).into()),
        _ => ("quoted-printable", quoted_printable(&content).into()),
    };
    let mut draft = Draft::new(kind, n, "")
        .of_type(&format!("text/plain; charset={charset}"), encoding)
        .header(
            "Subject",
            format!("Re: {} ({n})", word(charset, form, bytes)),
        )
        .saying(content, text);
    draft.subject = Some(format!("Re: {said} ({n})"));
    draft
}

pub(super) fn utf_8(n: usize, dice: &mut Dice) -> Draft {
    let said = "Žluťoučký kůň – 你好, 🦀";
    let mut draft = in_charset("UTF-8", n, "utf-8", (said, said.as_bytes()), 'B');
    if n.is_multiple_of(2) {
        let text = format!("{said}\n{}", words(dice, 10));
        draft = draft
            .of_type("text/plain; charset=\"UTF-8\"; format=flowed", "8bit")
            .saying(text.clone(), text);
    }
    draft
}

pub(super) fn iso_8859_1(n: usize, _: &mut Dice) -> Draft {
    let said = "Grüße aus Köln, señor";
    let name = word("iso-8859-1", 'Q', &latin1("Jörg Müller"));
    let mut draft = in_charset("ISO-8859-1", n, "iso-8859-1", (said, &latin1(said)), 'Q')
        .header("From", format!("{name} <joerg{n}@example.org>"));
    draft.sender = format!("Jörg Müller <joerg{n}@example.org>");
    draft
}

pub(super) fn windows_1251(n: usize, _: &mut Dice) -> Draft {
    let said = "Привет из Москвы";
    let bytes = encodings::windows_1251(said);
    in_charset("windows-1251", n, "windows-1251", (said, &bytes), 'B')
}

pub(super) fn koi8_r(n: usize, _: &mut Dice) -> Draft {
    let said = "Съешь ещё этих мягких булок".replace('ё', "е");
    let bytes = encodings::koi8_r(&said);
    in_charset("KOI8-R", n, "KOI8-R", (&said, &bytes), 'Q')
}

pub(super) fn iso_2022_jp(n: usize, _: &mut Dice) -> Draft {
    let bytes = b"\x1b$B$3$s$K$A$OF|K\\8l\x1b(B";
    in_charset(
        "ISO-2022-JP",
        n,
        "iso-2022-jp",
        ("こんにちは日本語", bytes),
        'B',
    )
}

pub(super) fn shift_jis(n: usize, _: &mut Dice) -> Draft {
    let bytes = b"\x93\xfa\x96\x7b\x8c\xea";
    in_charset("Shift_JIS", n, "shift_jis", ("日本語", bytes), 'B')
}

pub(super) fn gb18030(n: usize, _: &mut Dice) -> Draft {
    in_charset("GB18030", n, "gb18030", ("中文", b"\xd6\xd0\xce\xc4"), 'B')
}

pub(super) fn euc_kr(n: usize, _: &mut Dice) -> Draft {
    in_charset("EUC-KR", n, "euc-kr", ("한글", b"\xc7\xd1\xb1\xdb"), 'B')
}

pub(super) fn utf_7(n: usize, _: &mut Dice) -> Draft {
    in_charset("UTF-7", n, "utf-7", ("Hi 日本語!", b"Hi +ZeVnLIqe-!"), 'B')
}

/// A subject that is cut between two letters, which say nothing of a space.
pub(super) fn in_two_words(n: usize, dice: &mut Dice) -> Draft {
    let (one, two) = (base64("Überra".as_bytes()), base64("schung".as_bytes()));
    let mut draft = Draft::new("subject in two words", n, &words(dice, 5)).header(
        "Subject",
        format!("=?UTF-8?B?{one}?=\n =?UTF-8?B?{two}?= {n}"),
    );
    draft.subject = Some(format!("Überraschung {n}"));
    draft
}
