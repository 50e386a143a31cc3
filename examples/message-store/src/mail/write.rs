//! A message as a mail of an mbox.
//!
//! Mail programs read it, and [`parse`](super::parse) reads of it exactly the
//! message that it was. What the headers of mail can't say exactly stands once
//! more in headers of our own, and whether they can is found out by reading them.

use mail_parser::MessageParser;
use sha2::{Digest, Sha256};

use super::date::{self, Moment};
use super::encoded;
use super::envelope::Envelope;
use super::mime::{self, Encoding};
use super::parse::{UNDISCLOSED, exact, head};
use super::split::LONGEST_MAIL;
use crate::incoming::hex;
use crate::message::Message;

/// When a message was sent whose date can't be read: the line `From …` needs one.
const EPOCH: Moment = Moment {
    year: 1970,
    month: 1,
    day: 1,
    hour: 0,
    minute: 0,
    second: 0,
    offset: 0,
};

/// Adds a message to an mbox.
pub(crate) fn add(mbox: &mut String, message: &Message) {
    let date = date::of_store(&message.sent_at);
    let moment = date.map_or(EPOCH, |(moment, _)| moment);
    let from = mime::address_of(&message.sender).unwrap_or("MAILER-DAEMON");
    mbox.push_str(&format!("From {from} {}\n", moment.asctime()));

    let begin = mbox.len();
    mime::add_addresses(mbox, "From", &message.sender);
    match &message.recipient[..] {
        UNDISCLOSED => mbox.push_str("To: undisclosed-recipients:;\n"),
        recipient => mime::add_addresses(mbox, "To", recipient),
    }
    if let Some(subject) = &message.subject {
        mime::add_text(mbox, "Subject", subject);
    }
    if date.is_some() {
        mbox.push_str(&format!("Date: {}\n", moment.rfc5322()));
    }
    mbox.push_str(&format!("Message-ID: <{}>\n", id(&message.uid)));
    add_exact(mbox, begin, message, date);

    let body = &message.body;
    let keeps_breaks = body.contains('\r') || body.ends_with('\n');
    let encoding = match Encoding::of(body) {
        Encoding::Plain if !keeps_breaks => Encoding::Plain,
        // Quoted-printable can take three bytes for one, which would make it a
        // longer mail than is read.
        _ if body.len() > LONGEST_MAIL / 4 => Encoding::Base64,
        // At its end it can't tell one line break from none.
        Encoding::Plain => Encoding::QuotedPrintable,
        encoding => encoding,
    };
    if keeps_breaks {
        encoded::add_header(mbox, exact::BODY, "exact");
    }
    mbox.push_str("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n");
    mbox.push_str(&format!(
        "Content-Transfer-Encoding: {}\n\n",
        encoding.name()
    ));
    encoding.add(mbox, body);
    // The empty line before the next `From …`.
    mbox.push('\n');
}

/// Adds what the headers from `begin` on don't say exactly.
fn add_exact(mbox: &mut String, begin: usize, message: &Message, date: Option<(Moment, u16)>) {
    let headers = [&mbox[begin..], "\n"].concat();
    let mail = MessageParser::new().parse_headers(&headers);
    let read = mail.and_then(|mail| head(&mail, &Envelope::default()).ok());
    let read = read.as_ref();

    let mut add = |name, value: &str, read: Option<&str>| {
        if read != Some(value) {
            encoded::add_header(mbox, name, value);
        }
    };
    add(
        exact::SENDER,
        &message.sender,
        read.map(|read| &read.sender[..]),
    );
    add(
        exact::RECIPIENT,
        &message.recipient,
        read.map(|read| &read.recipient[..]),
    );
    if let Some(subject) = &message.subject {
        add(
            exact::SUBJECT,
            subject,
            read.and_then(|read| read.subject.as_deref()),
        );
    }
    add(
        exact::UID,
        &message.uid,
        read.and_then(|read| read.name.as_deref()),
    );
    let says_date = read
        .and_then(|read| read.sent_at.as_ref())
        .zip(date)
        .is_some_and(|(read, (moment, milliseconds))| {
            milliseconds == 0 && moment.rfc3339().as_ref() == Some(read)
        });
    if date.is_some() && !says_date {
        encoded::add_header(mbox, exact::DATE, &message.sent_at);
    }
}

/// The Message-ID of a message: its name, if that can be one, or one made of it.
fn id(uid: &str) -> String {
    let is_short = (1..=200).contains(&uid.len());
    match is_short && mime::address_of(uid) == Some(uid) {
        true => uid.to_owned(),
        false if is_short && uid.bytes().all(mime::is_atom_byte) => {
            format!("{uid}@message-store.invalid")
        }
        false => {
            let digest = hex(&Sha256::digest(uid));
            format!("{digest}@message-store.invalid")
        }
    }
}

#[cfg(test)]
mod tests;
