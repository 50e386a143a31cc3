//! Mails that end the process which reads them, for tests of what becomes of the
//! others.

use std::hint;
use std::process;

use mail_parser::MessageParser;

/// Does what the header `X-Fault` of a mail asks for: `abort`, or `loop`.
pub(super) fn strike(content: &[u8]) {
    let mail = MessageParser::new().parse_headers(content);
    let fault = mail.as_ref().and_then(|mail| mail.header_raw("X-Fault"));
    match fault.map(str::trim) {
        Some("abort") => process::abort(),
        Some("loop") => loop {
            hint::spin_loop();
        },
        _ => {}
    }
}
