//! Mails that end the process which reads them, for tests of what becomes of the
//! others.

use std::time::Duration;
use std::{env, hint, process};

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

/// Returns how long a mail may take in a test that doesn't want to wait longer.
pub(super) fn patience() -> Option<Duration> {
    let milliseconds = env::var("MESSAGE_STORE_PATIENCE_MS").ok()?;
    milliseconds.parse().ok().map(Duration::from_millis)
}
