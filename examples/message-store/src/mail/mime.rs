//! Texts in the forms of mail: headers in ASCII, and bodies in short lines.

use std::borrow::Cow;

/// No line of a header that we write is longer, if a space is where it can end.
const LINE: usize = 76;

/// The address of those who have none: a domain that there never is.
const NOBODY: &str = "nobody@message-store.invalid";

/// What can be shown on a line of a text: other mail programs stumble over the
/// rest, or take it for a header of its own.
fn on_one_line(text: &str) -> Cow<'_, str> {
    let breaks =
        |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    match text.contains(breaks) {
        true => text.replace(breaks, " ").into(),
        false => text.into(),
    }
}

/// Adds a header of any text, as far as it can be shown on a line.
pub(crate) fn add_text(mail: &mut String, name: &str, text: &str) {
    let text = &*on_one_line(text);
    mail.push_str(name);
    mail.push_str(": ");
    let is_plain =
        is_printable(text) && !text.contains("=?") && text.split(' ').all(|word| word.len() < LINE);
    if is_plain {
        let mut column = name.len() + 2;
        for (at, word) in text.split(' ').enumerate() {
            if at > 0 {
                // What begins a line behind a fold is the space.
                if column + word.len() >= LINE && !word.is_empty() {
                    mail.push('\n');
                    column = 0;
                }
                mail.push(' ');
                column += 1;
            }
            mail.push_str(word);
            column += word.len();
        }
    } else {
        add_encoded_words(mail, text);
    }
    mail.push('\n');
}

/// Adds a header of addresses, as far as they can be shown on a line. A text that is no list of them is taken for the
/// name of somebody without an address.
pub(crate) fn add_addresses(mail: &mut String, name: &str, text: &str) {
    let text = &*on_one_line(text);
    mail.push_str(name);
    mail.push_str(": ");
    let list: Option<Vec<_>> = text.split(", ").map(parts).collect();
    let list = list.unwrap_or_else(|| vec![(Some(text), NOBODY)]);
    for (at, (name, address)) in list.into_iter().enumerate() {
        if at > 0 {
            mail.push_str(",\n ");
        }
        match name {
            None => mail.push_str(address),
            Some(name) => {
                add_phrase(mail, name);
                let line = mail.len() - mail.rfind('\n').map_or(0, |newline| newline + 1);
                let fits = line + " <>".len() + address.len() <= LINE;
                mail.push_str(if fits { " <" } else { "\n <" });
                mail.push_str(address);
                mail.push('>');
            }
        }
    }
    mail.push('\n');
}

/// Returns the address of a text that is one, with a name or without.
pub(crate) fn address_of(text: &str) -> Option<&str> {
    parts(text).map(|(_, address)| address)
}

/// The name and the address of `Name <addr>` or `addr`.
fn parts(text: &str) -> Option<(Option<&str>, &str)> {
    match text
        .strip_suffix('>')
        .and_then(|text| text.rsplit_once(" <"))
    {
        Some((name, address)) if is_address(address) => Some((Some(name), address)),
        None if is_address(text) => Some((None, text)),
        _ => None,
    }
}

fn is_address(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .split('.')
                .all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte))
    };
    text.len() <= 200
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| is_part(local) && is_part(domain))
}

/// Tells whether a byte may stand in a name of mail that needs no quotes.
pub(crate) fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn add_phrase(mail: &mut String, name: &str) {
    if !is_printable(name) || name.contains("=?") || name.len() > LINE / 2 {
        add_encoded_words(mail, name);
    } else if !name.is_empty()
        && name
            .split(' ')
            .all(|word| !word.is_empty() && word.bytes().all(is_atom_byte))
    {
        mail.push_str(name);
    } else {
        mail.push('"');
        for character in name.chars() {
            if matches!(character, '"' | '\\') {
                mail.push('\\');
            }
            mail.push(character);
        }
        mail.push('"');
    }
}

/// Adds a text as encoded words (RFC 2047), each on a line of its own.
fn add_encoded_words(mail: &mut String, text: &str) {
    // With what is around it, 45 bytes make a word of 72; the first line has the
    // name of the header too.
    let (mut most, mut rest) = (30, text);
    while !rest.is_empty() {
        let cut = (1..=most.min(rest.len()))
            .rev()
            .find(|&at| rest.is_char_boundary(at));
        let (word, after) = rest.split_at(cut.unwrap_or(rest.len()));
        if most == 45 {
            mail.push_str("\n ");
        }
        mail.push_str("=?utf-8?B?");
        add_base64(mail, word.as_bytes());
        mail.push_str("?=");
        (most, rest) = (45, after);
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn add_base64(mail: &mut String, bytes: &[u8]) {
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | u32::from(three.get(at).copied().unwrap_or(0))
        });
        for digit in 0..4 {
            mail.push(match digit <= three.len() {
                true => char::from(BASE64[(bits >> (18 - 6 * digit)) as usize & 63]),
                false => '=',
            });
        }
    }
}

/// The ways in which a text goes through a system that knows only short lines of
/// ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// It does as it is.
    Plain,
    QuotedPrintable,
    Base64,
}

impl Encoding {
    /// Returns the most readable one for a text.
    pub(crate) fn of(body: &str) -> Encoding {
        let is_plain = |byte: u8| matches!(byte, b'\n' | b'\t' | b' '..=b'~');
        let others = body.bytes().filter(|&byte| !is_plain(byte)).count();
        // Behind many quotes one more isn't seen to be one.
        let is_line = |line: &[u8]| {
            line.len() < 998 && line.iter().take_while(|&&byte| byte == b'>').count() < 200
        };
        if others == 0 && body.as_bytes().split(|&byte| byte == b'\n').all(is_line) {
            Encoding::Plain
        } else if others <= body.len() / 5 {
            Encoding::QuotedPrintable
        } else {
            Encoding::Base64
        }
    }

    /// Returns its name in `Content-Transfer-Encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Encoding::Plain => "7bit",
            Encoding::QuotedPrintable => "quoted-printable",
            Encoding::Base64 => "base64",
        }
    }

    /// Adds a text, as lines each of which has an end.
    pub(crate) fn add(self, mail: &mut String, body: &str) {
        match self {
            Encoding::Plain => {
                for line in body.split('\n') {
                    if is_from_line(line.as_bytes(), line.len()) {
                        mail.push('>');
                    }
                    mail.push_str(line);
                    mail.push('\n');
                }
            }
            Encoding::QuotedPrintable => add_quoted_printable(mail, body),
            Encoding::Base64 => {
                for line in body.as_bytes().chunks(57) {
                    add_base64(mail, line);
                    mail.push('\n');
                }
            }
        }
    }
}

/// Tells whether an mbox would have a `>` more before a line: whether `From `
/// stands in it, behind any number of those, within so many bytes.
fn is_from_line(line: &[u8], within: usize) -> bool {
    let line = &line[..line.len().min(within)];
    let quotes = line.iter().take_while(|&&byte| byte == b'>').count();
    line[quotes..].starts_with(b"From ")
}

/// Each line break stays one; what ends without one ends with a soft one.
fn add_quoted_printable(mail: &mut String, body: &str) {
    let mut lines = body.split('\n').peekable();
    while let Some(line) = lines.next() {
        let (line, is_last) = (line.as_bytes(), lines.peek().is_none());
        let mut column = 0;
        for (at, &byte) in line.iter().enumerate() {
            let ends = at + 1 == line.len();
            let is_literal = match byte {
                b'=' => false,
                b' ' | b'\t' => !ends,
                byte => byte.is_ascii_graphic(),
            };
            let width = if is_literal { 1 } else { 3 };
            // The last place of a line is for the `=` of a soft break.
            if column + width >= LINE {
                mail.push_str("=\n");
                column = 0;
            }
            match is_literal && !(column == 0 && is_from_line(&line[at..], LINE)) {
                true => {
                    mail.push(char::from(byte));
                    column += 1;
                }
                false => {
                    add_hex(mail, byte);
                    column += 3;
                }
            }
        }
        if !is_last {
            mail.push('\n');
        } else if !line.is_empty() {
            mail.push_str("=\n");
        }
    }
}

fn add_hex(mail: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    mail.push('=');
    mail.push(char::from(DIGITS[usize::from(byte >> 4)]));
    mail.push(char::from(DIGITS[usize::from(byte & 15)]));
}
