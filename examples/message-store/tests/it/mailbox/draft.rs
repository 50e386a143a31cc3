//! A mail that is to be written, and what is right to become of it.

use std::io::{self, Write};

use super::times::Moment;
use super::{Body, Cause, Kept, Pen};

/// What becomes of a mail.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    Kept,
    Known,
    Rejected(Cause),
}

/// How the lines of a mail end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Lf,
    CrLf,
}

/// A mail. Made plain, and made special by its kind.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) kind: &'static str,
    pub(super) fate: Fate,
    /// Behind `From `.
    pub(super) envelope: String,
    /// The headers, each a line or more, without the last end of line.
    headers: Vec<(&'static str, Vec<u8>)>,
    /// All behind the headers, and behind an empty line if it is not empty.
    pub(super) content: Vec<u8>,
    pub(super) ends: Ends,
    pub(super) attachments: usize,
    pub(super) sender: String,
    pub(super) recipient: String,
    pub(super) subject: Option<String>,
    pub(super) sent_at: Moment,
    pub(super) body: Body,
}

impl Draft {
    /// The mail of a number, which says `text`.
    pub(super) fn new(kind: &'static str, n: usize, text: &str) -> Draft {
        let sent_at = Moment::of(n);
        let sender = format!("Writer {} <writer{n}@example.org>", n % 97);
        let recipient = format!("reader{}@example.net", n % 31);
        let subject = format!("On matter {n}");
        Draft {
            kind,
            fate: Fate::Kept,
            envelope: format!(
                "envelope{n}@example.org {}",
                sent_at.later(86_400).asctime()
            ),
            headers: vec![
                (
                    "Received",
                    format!("from a by b; {}", sent_at.in_mail(0)).into(),
                ),
                ("From", sender.clone().into()),
                ("To", recipient.clone().into()),
                ("Subject", subject.clone().into()),
                ("Date", sent_at.in_mail(n as i64 % 27 * 30 - 390).into()),
                ("Message-ID", format!("<{n}.mail@example.org>").into()),
            ],
            content: text.into(),
            ends: Ends::Lf,
            attachments: 0,
            sender,
            recipient,
            subject: Some(subject),
            sent_at,
            body: Body::of(text),
        }
    }

    /// With this header, in the place of the one of the same name.
    pub(super) fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Draft {
        let value = value.into();
        match self.headers.iter_mut().find(|(has, _)| *has == name) {
            Some(header) => header.1 = value,
            None => self.headers.push((name, value)),
        }
        self
    }

    pub(super) fn without(mut self, name: &str) -> Draft {
        self.headers.retain(|(has, _)| *has != name);
        self
    }

    /// With a line among the headers, `at` so many, as it is.
    pub(super) fn raw_line(mut self, at: usize, line: impl Into<Vec<u8>>) -> Draft {
        self.headers.insert(at, ("", line.into()));
        self
    }

    pub(super) fn without_headers(mut self) -> Draft {
        self.headers.clear();
        self
    }

    /// With another content, of which this is the text.
    pub(super) fn saying(mut self, content: impl Into<Vec<u8>>, text: impl AsRef<str>) -> Draft {
        self.content = content.into();
        self.body = Body::of(text.as_ref());
        self
    }

    pub(super) fn of_type(self, content_type: &str, encoding: &str) -> Draft {
        self.header("MIME-Version", "1.0")
            .header("Content-Type", content_type)
            .header("Content-Transfer-Encoding", encoding)
    }

    pub(super) fn rejected(mut self, cause: Cause) -> Draft {
        self.fate = Fate::Rejected(cause);
        self
    }

    /// With the date of its `From ` line.
    pub(super) fn dated_by_envelope(mut self) -> Draft {
        self.sent_at = self.sent_at.later(86_400);
        self
    }

    pub(super) fn is_named(&self) -> bool {
        self.headers.iter().any(|(name, _)| *name == "Message-ID")
    }

    pub(super) fn len(&self) -> usize {
        self.content.len()
    }

    pub(super) fn kept(&self) -> Kept {
        Kept {
            sender: self.sender.clone(),
            recipient: self.recipient.clone(),
            subject: self.subject.clone(),
            sent_at: self.sent_at.in_store(),
            body: self.body.clone(),
            kind: self.kind,
        }
    }

    /// Writes it, with the empty line that is behind every mail but the last,
    /// which has not even an end of its last line.
    pub(super) fn write(&self, pen: &mut Pen<'_, impl Write>, last: bool) -> io::Result<()> {
        pen.put(&self.ended(format!("From {}\n", self.envelope).as_bytes()))?;
        for (name, value) in &self.headers {
            let mut line = match *name {
                "" => Vec::new(),
                name => format!("{name}: ").into_bytes(),
            };
            line.extend_from_slice(value);
            line.push(b'\n');
            pen.put(&self.ended(&line))?;
        }
        if !self.content.is_empty() {
            pen.put(&self.ended(b"\n"))?;
            let content = match last {
                true => self.content.strip_suffix(b"\n").unwrap_or(&self.content),
                false => &self.content,
            };
            pen.put(&self.ended(content))?;
        }
        match last {
            true => Ok(()),
            false => pen.put(&self.ended(b"\n")),
        }
    }

    fn ended(&self, lines: &[u8]) -> Vec<u8> {
        let mut ended = Vec::with_capacity(lines.len());
        for &byte in lines {
            if byte == b'\n' && self.ends == Ends::CrLf {
                ended.push(b'\r');
            }
            ended.push(byte);
        }
        ended
    }
}
