//! Any text as the value of a header, in which nothing but printable ASCII
//! stands.

use std::fmt::Write;

/// No line of a header that we write is longer.
const LINE: usize = 76;

/// Adds a header whose value is any text, exactly.
///
/// Bytes that could mean something to anyone are written as `%` and two digits.
/// Space doesn't count where it is read, so lines are short.
pub(crate) fn add_header(mail: &mut String, name: &str, value: &str) {
    mail.push_str(name);
    mail.push_str(": ");
    let mut column = name.len() + 2;
    for byte in value.bytes() {
        if column + 3 > LINE {
            mail.push_str("\n ");
            column = 1;
        }
        if byte.is_ascii_alphanumeric() || b"-._~@+:/,;=!*'()<>".contains(&byte) {
            mail.push(char::from(byte));
            column += 1;
        } else {
            // Writing to a string can't fail.
            let _ = write!(mail, "%{byte:02X}");
            column += 3;
        }
    }
    mail.push('\n');
}

/// Reads the value of such a header; `None` where it is none.
pub(crate) fn decode(value: &str) -> Option<String> {
    let mut bytes = value.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let mut text = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        text.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LINE, add_header, decode};

    #[test]
    fn what_is_no_such_value_is_none() {
        assert_eq!(decode(" a%20b\n c ").as_deref(), Some("a bc"));
        assert_eq!(decode("").as_deref(), Some(""));
        for wrong in ["%", "a%2", "%g0", "%+1", "%FF"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(text in ".{0,200}|(?s:.{0,200})") {
            let mut header = String::new();
            add_header(&mut header, "X-Name", &text);
            prop_assert!(header.lines().all(|line| line.len() <= LINE));
            prop_assert!(header.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
            let value = header.strip_prefix("X-Name: ").unwrap();
            let read = decode(value);
            prop_assert_eq!(read.as_deref(), Some(text.as_str()));
        }
    }
}
