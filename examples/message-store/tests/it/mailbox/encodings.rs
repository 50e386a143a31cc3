//! The encodings of mail, as few as the mailbox needs.

use std::fmt::Write;

/// Base64 in lines of 76 characters, the last one ended too.
pub(super) fn base64_lines(bytes: &[u8]) -> String {
    let mut lines = String::with_capacity(bytes.len() * 7 / 5);
    for line in bytes.chunks(57) {
        lines.push_str(&base64(line));
        lines.push('\n');
    }
    lines
}

pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len() / 3 * 4 + 4);
    for group in bytes.chunks(3) {
        let at = |i| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            match digit <= group.len() {
                true => text.push(char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63])),
                false => text.push('='),
            }
        }
    }
    text
}

/// Quoted-printable, with a soft break wherever a line gets long.
pub(super) fn quoted_printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    let mut column = 0;
    for &byte in bytes {
        if column > 70 && byte != b'\n' {
            text.push_str("=\n");
            column = 0;
        }
        match byte {
            b'\n' => {
                text.push('\n');
                column = 0;
                continue;
            }
            b'=' | 0..=31 | 127.. => write!(text, "={byte:02X}").expect("a string takes all"),
            _ => text.push(char::from(byte)),
        }
        column += 1;
    }
    text
}

/// The word of a header that says its charset, in one of both forms.
pub(super) fn word(charset: &str, form: char, bytes: &[u8]) -> String {
    let text = match form {
        'B' => base64(bytes),
        _ => bytes.iter().fold(String::new(), |mut text, &byte| {
            match byte {
                b' ' => text.push('_'),
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => text.push(char::from(byte)),
                _ => write!(text, "={byte:02X}").expect("a string takes all"),
            }
            text
        }),
    };
    format!("=?{charset}?{form}?{text}?=")
}

/// A text of the first 256 characters of Unicode.
pub(super) fn latin1(text: &str) -> Vec<u8> {
    let byte = |c| u8::try_from(u32::from(c)).expect("a character of ISO-8859-1");
    text.chars().map(byte).collect()
}

/// A text of Russian letters and ASCII.
pub(super) fn windows_1251(text: &str) -> Vec<u8> {
    cyrillic(text, |c| match c {
        'А'..='я' => (u32::from(c) - u32::from('А') + 0xc0) as u8,
        other => panic!("{other} is no letter"),
    })
}

/// A text of Russian letters and ASCII.
pub(super) fn koi8_r(text: &str) -> Vec<u8> {
    const SMALL: &str = "юабцдефгхийклмнопярстужвьызшэщчъ";
    const LARGE: &str = "ЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ";
    let place = |c, letters: &str| letters.chars().position(|letter| letter == c);
    cyrillic(text, |c| match (place(c, SMALL), place(c, LARGE)) {
        (Some(at), _) => 0xc0 + at as u8,
        (_, Some(at)) => 0xe0 + at as u8,
        _ => panic!("{c} is no letter"),
    })
}

fn cyrillic(text: &str, letter: impl Fn(char) -> u8) -> Vec<u8> {
    let byte = |c: char| match c.is_ascii() {
        true => c as u8,
        false => letter(c),
    };
    text.chars().map(byte).collect()
}
