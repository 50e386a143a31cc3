//! The kinds of mails: what is special about each, and what is right then.

mod charsets;
mod contents;
mod headers;
mod mimes;

use chaos::dice::Dice;

use super::Said;
use super::draft::{Draft, Fate};
use super::{Body, Cause};

type Kind = fn(usize, &mut Dice) -> Draft;

/// Each third mail is one of these.
const ENCODED: &[Kind] = &[
    charsets::utf_8,
    charsets::iso_8859_1,
    charsets::windows_1251,
    charsets::koi8_r,
    charsets::iso_2022_jp,
    charsets::shift_jis,
    charsets::gb18030,
    charsets::euc_kr,
    charsets::utf_7,
    charsets::in_two_words,
    mimes::alternative,
    mimes::html,
    mimes::small_attachment,
    mimes::small_attachment,
    mimes::related,
];

/// And each third is one of these.
const STRANGE: &[Kind] = &[
    headers::line_without_colon,
    headers::folded_first,
    headers::nul,
    headers::long,
    headers::long_subject,
    headers::no_from,
    headers::no_from_nor_sender,
    headers::empty_from,
    headers::nobody_at_all,
    headers::no_to,
    headers::only_delivered,
    headers::no_recipient,
    headers::empty_group,
    headers::many_recipients,
    headers::quoted_names,
    headers::no_date,
    headers::impossible_date,
    headers::date_in_words,
    headers::no_subject,
    headers::odd_names,
    headers::raw_utf_8,
    headers::no_id,
    headers::twin_without_id,
    headers::twin_without_id,
    contents::separator_without_date,
    contents::separator_of_another_date,
    contents::separator_inside_paragraph,
    contents::quoted_separators,
    contents::empty,
    contents::headers_only,
    contents::no_headers,
    contents::noise_all_over,
    contents::noise_as_file,
    contents::noise_as_text,
    contents::nul,
    contents::crlf,
    contents::crlf_html,
    contents::broken_base64,
    contents::broken_quoted_printable,
    contents::unknown_charset,
    contents::unknown_encoding,
    contents::long_line,
    mimes::large_attachment,
    mimes::never_closed,
    mimes::no_boundary_in_sight,
    mimes::nested,
    mimes::nested_never_closed,
    mimes::mail_in_mail,
];

/// The mail of a number.
pub(super) fn of(n: usize, dice: &mut Dice, said: &[Said]) -> Draft {
    match n % 3 {
        0 => match n / 3 % (STRANGE.len() + 2) {
            at if at < STRANGE.len() => STRANGE[at](n, dice),
            at if said.is_empty() => STRANGE[at - 2](n, dice),
            at => {
                let earlier = &said[dice.below(said.len() as u64) as usize];
                match at - STRANGE.len() {
                    0 => again(n, earlier),
                    _ => contradicting(earlier),
                }
            }
        },
        1 => plain(n, dice),
        _ => ENCODED[n / 3 % ENCODED.len()](n, dice),
    }
}

fn plain(n: usize, dice: &mut Dice) -> Draft {
    Draft::new("plain", n, &words(dice, 30))
}

/// A mail that came twice, on two ways.
fn again(n: usize, earlier: &Said) -> Draft {
    let mut draft = earlier.draft.clone();
    draft.kind = "said again";
    draft.fate = Fate::Known;
    draft.header("Received", format!("from elsewhere, as number {n}"))
}

/// A mail with the name of another.
fn contradicting(earlier: &Said) -> Draft {
    let mut draft = earlier.draft.clone();
    draft.kind = "with another's id";
    draft
        .header("To", "impostor@example.org")
        .rejected(Cause::Contradicts(earlier.row))
}

/// A mail that is kept, long as it is.
pub(super) fn of_20_mib(n: usize) -> Draft {
    let line = "All work and no play makes Jack a dull boy, and this mail a long one. 1234\n";
    let text = line.repeat((20 << 20) / line.len());
    Draft::new("20 MiB", n, &text)
}

/// A mail that is too long.
pub(super) fn of_33_mib(n: usize) -> Draft {
    let line = "From the first line to the last one, this mail is too long to be kept. xyz\n";
    let mut draft = Draft::new("33 MiB", n, "");
    draft.content = line.repeat((33 << 20) / line.len()).into();
    draft.rejected(Cause::TooLong)
}

/// Up to so many lines of a text.
fn words(dice: &mut Dice, most: u64) -> String {
    const WORDS: [&str; 24] = [
        "the",
        "minutes",
        "of",
        "our",
        "meeting",
        "are",
        "late",
        "again",
        "please",
        "send",
        "needle",
        "haystack",
        "budget",
        "for",
        "autumn",
        "and",
        "winter",
        "with",
        "regards",
        "to",
        "everybody",
        "in",
        "accounting",
        "department",
    ];
    let mut text = String::new();
    for _ in 0..=dice.below(most) {
        for place in 0..=dice.below(11) {
            if place > 0 {
                text.push(' ');
            }
            text.push_str(WORDS[dice.below(24) as usize]);
        }
        text.push('\n');
    }
    text
}

/// Bytes of all kinds and an end of line, but without a colon, which could be
/// that of a header.
fn noise(dice: &mut Dice, length: u64) -> Vec<u8> {
    let byte = |_| match dice.below(256) as u8 {
        b':' => 0,
        byte => byte,
    };
    (0..length).map(byte).chain([b'\n']).collect()
}

/// A draft whose text is not said by anything.
fn of_whatever_text(mut draft: Draft, content: impl Into<Vec<u8>>) -> Draft {
    draft.content = content.into();
    draft.body = Body::Whatever;
    draft
}
