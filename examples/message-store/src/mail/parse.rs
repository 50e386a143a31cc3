//! A mail as a message.
//!
//! Mail comes from anywhere, so all of this is total: whatever the bytes are, it
//! is a message, or one line that says why not.

use std::borrow::Cow;
use std::mem;

use mail_parser::decoders::html::html_to_text;
use mail_parser::{
    Addr, Address, ContentType, DateTime, HeaderName, Message, MessageParser, MimeHeaders, PartType,
};
use serde::{Deserialize, Serialize};

use super::date::{self, Moment};
use super::encoded;
use super::envelope::Envelope;
use crate::incoming::{Identity, Incoming};

/// Whom a mail is for that doesn't say so.
pub(crate) const UNDISCLOSED: &str = "undisclosed recipients";

/// The headers in which the export of a store says what those of mail can't say
/// exactly.
pub(crate) mod exact {
    pub(crate) const SENDER: &str = "X-Message-Store-Sender";
    pub(crate) const RECIPIENT: &str = "X-Message-Store-Recipient";
    pub(crate) const SUBJECT: &str = "X-Message-Store-Subject";
    pub(crate) const DATE: &str = "X-Message-Store-Date";
    pub(crate) const UID: &str = "X-Message-Store-Uid";
    /// The line breaks of the text are as they are to be, those at its end too.
    pub(crate) const BODY: &str = "X-Message-Store-Body";
}

/// No name of a message is longer: what is has none.
const LONGEST_NAME: usize = 1000;

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parsed {
    pub(crate) message: Incoming,
    /// How many attachments were left out.
    pub(crate) attachments: u32,
}

/// Reads a mail.
///
/// # Errors
///
/// What is wrong with it, for a report.
pub(crate) fn parse(envelope: &Envelope, content: &[u8]) -> Result<Parsed, String> {
    // What begins with an empty line is a mail to the parser.
    let mail = MessageParser::new().parse(content);
    let Some(mut mail) = mail.filter(|mail| !mail.headers().is_empty()) else {
        return Err("no headers".into());
    };
    let parsed = head(&mail, envelope).and_then(|head| {
        find_cut_text(&mut mail);
        let attachments = mail.attachments.len() as u32;
        let body = body(&mut mail, head.line_breaks);
        let message = head.with(body);
        match message.excess() {
            Some(cause) => Err(cause),
            None => Ok(Parsed {
                message,
                attachments,
            }),
        }
    });
    take_down(mail);
    parsed
}

/// What the headers of a mail say.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) name: Option<String>,
    pub(crate) sender: String,
    pub(crate) recipient: String,
    pub(crate) subject: Option<String>,
    pub(crate) sent_at: Option<String>,
    pub(crate) line_breaks: LineBreaks,
}

/// What becomes of the line breaks of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineBreaks {
    /// They are those of this system, and there are none at the end: mail has
    /// others on its way, and its texts end in any number.
    OfMail,
    /// They stay as they are.
    Exact,
}

/// Reads the headers of a mail.
///
/// # Errors
///
/// What is wrong with them, for a report.
pub(crate) fn head(mail: &Message<'_>, envelope: &Envelope) -> Result<Head, String> {
    let said = |name| said_exactly(mail, name);
    let named = |name: HeaderName<'static>| {
        let mut text = String::new();
        for value in mail.header_values(name) {
            for address in value.as_address().into_iter().flat_map(Address::iter) {
                add_name(&mut text, address);
            }
        }
        (!text.is_empty()).then_some(text)
    };
    // "-" is what Mozilla writes for an address.
    let from_line =
        || Some(envelope.address.clone()).filter(|address| !matches!(&address[..], "" | "-"));
    let sender = said(exact::SENDER)
        .or_else(|| named(HeaderName::From))
        .or_else(|| named(HeaderName::Sender))
        .or_else(from_line)
        .ok_or("no sender")?;
    let delivered_to = || {
        let value = mail.header(HeaderName::DeliveredTo)?.as_text()?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    let recipient = said(exact::RECIPIENT)
        .or_else(|| named(HeaderName::To))
        .or_else(|| named(HeaderName::Cc))
        .or_else(delivered_to)
        .unwrap_or_else(|| UNDISCLOSED.into());
    let subject = said(exact::SUBJECT).or_else(|| mail.subject().map(str::to_owned));
    let sent_at = said(exact::DATE)
        .filter(|date| date::of_store(date).is_some())
        .or_else(|| moment(mail.date()?).rfc3339())
        .or_else(|| envelope.date.clone());
    let id = || {
        let ids = mail.header(HeaderName::MessageId)?;
        let id = ids.as_text_list()?.first()?;
        (1..=LONGEST_NAME)
            .contains(&id.len())
            .then(|| id.to_string())
    };
    let line_breaks = match said(exact::BODY) {
        Some(_) => LineBreaks::Exact,
        None => LineBreaks::OfMail,
    };
    Ok(Head {
        name: said(exact::UID).or_else(id),
        sender,
        recipient,
        subject,
        sent_at,
        line_breaks,
    })
}

impl Head {
    fn with(self, body: String) -> Incoming {
        let Head {
            name,
            sender,
            recipient,
            subject,
            sent_at,
            ..
        } = self;
        let identity = match name {
            Some(name) => Identity::Named(name),
            None => Identity::of_content(
                &sender,
                &recipient,
                subject.as_deref(),
                &body,
                sent_at.as_deref(),
            ),
        };
        Incoming {
            identity,
            sender,
            recipient,
            subject,
            body,
            sent_at,
        }
    }
}

/// What our own header of a name says, if there is one.
fn said_exactly(mail: &Message<'_>, name: &str) -> Option<String> {
    let is_it = |header: &&mail_parser::Header<'_>| match &header.name {
        HeaderName::Other(other) => other.eq_ignore_ascii_case(name),
        _ => false,
    };
    let header = mail.headers().iter().find(is_it)?;
    encoded::decode(header.value.as_text().unwrap_or_default())
}

/// Adds `Name <addr>`, or what there is of it, to a list.
fn add_name(list: &mut String, address: &Addr<'_>) {
    let part = |text: &Option<Cow<'_, str>>| {
        let text = text.as_deref().unwrap_or_default().trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let text = match (part(&address.name), part(&address.address)) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return,
    };
    if !list.is_empty() {
        list.push_str(", ");
    }
    list.push_str(&text);
}

fn moment(date: &DateTime) -> Moment {
    let offset = i16::from(date.tz_hour) * 60 + i16::from(date.tz_minute);
    Moment {
        year: date.year,
        month: date.month,
        day: date.day,
        hour: date.hour,
        minute: date.minute,
        second: date.second,
        offset: if date.tz_before_gmt { -offset } else { offset },
    }
}

/// Takes the text out of a mail.
fn body(mail: &mut Message<'_>, line_breaks: LineBreaks) -> String {
    let mut body = String::new();
    for part in mem::take(&mut mail.text_body) {
        let Some(part) = mail.parts.get_mut(part as usize) else {
            continue;
        };
        let is_html = part
            .content_type()
            .is_some_and(|is| kind(is) == ("text", "html"));
        let text = match &mut part.body {
            PartType::Text(text) if is_html => html_to_text(&mem::take(text)),
            PartType::Text(text) => mem::take(text).into_owned(),
            PartType::Html(html) => html_to_text(&mem::take(html)),
            _ => continue,
        };
        match body.is_empty() {
            // The usual mail has one text, which needn't be copied.
            true => body = text,
            false => {
                body.push('\n');
                body.push_str(&text);
            }
        }
    }
    if line_breaks == LineBreaks::OfMail {
        if body.contains("\r\n") {
            body = body.replace("\r\n", "\n");
        }
        body.truncate(body.trim_end_matches('\n').len());
    }
    body
}

/// Takes the text of a mail that has none for one, if there is such a part. The
/// parser takes a text for a file if the boundary behind it is missing, as it is
/// in a mail that was cut off, or if there is no boundary at all.
fn find_cut_text(mail: &mut Message<'_>) {
    if !mail.text_body.is_empty() {
        return;
    }
    let is_cut_text = |id: &u32| {
        let Some(part) = mail.parts.get(*id as usize) else {
            return false;
        };
        let is_file = part
            .content_disposition()
            .is_some_and(|disposition| disposition.is_attachment());
        let is_base64 = part
            .content_transfer_encoding()
            .is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"));
        let is_text = match part.content_type().map(kind) {
            None | Some(("text", "plain" | "html") | ("multipart", _)) => true,
            Some(_) => false,
        };
        matches!(part.body, PartType::Text(_)) && is_text && !is_file && !is_base64
    };
    if let Some(at) = mail.attachments.iter().position(is_cut_text) {
        let text = mail.attachments.remove(at);
        mail.text_body.push(text);
    }
}

fn kind<'c>(content_type: &'c ContentType<'_>) -> (&'c str, &'c str) {
    let subtype = content_type.subtype().unwrap_or_default();
    (content_type.ctype(), subtype)
}

/// Drops a mail. Mails may hold mails that hold mails, deeper than a stack is
/// when each is dropped within the one before.
fn take_down(mail: Message<'_>) {
    let mut open = vec![mail];
    while let Some(mail) = open.pop() {
        for part in mail.parts {
            if let PartType::Message(mail) = part.body {
                open.push(mail);
            }
        }
    }
}

#[cfg(test)]
mod tests;
