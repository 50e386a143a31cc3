//! Messages for a person, for a terminal, for a program.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

use crate::error::Result;
use crate::message::Message;
use crate::search::{Found, Piece};
use crate::store::{Listing, Stats};

/// Whom a result is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// People: one line a message.
    Text,
    /// Programs: one JSON object a line.
    Json,
}

/// Something that can be printed in both forms.
pub trait Print: Serialize {
    /// Writes it as text for people, in whole lines.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    fn print(&self, out: &mut impl Write, emphasis: Emphasis) -> io::Result<()>;
}

/// How a match is made to stand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emphasis {
    /// In `[brackets]`.
    Brackets,
    /// In bold type, by the control sequences of a terminal.
    Bold,
}

/// Standard output, buffered.
#[derive(Debug)]
pub struct Output {
    out: BufWriter<Stdout>,
    emphasis: Emphasis,
}

impl Output {
    /// Returns standard output, with what it can show.
    pub fn new() -> Output {
        let stdout = io::stdout();
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let emphasis = match stdout.is_terminal() && !is_dumb {
            true => Emphasis::Bold,
            false => Emphasis::Brackets,
        };
        // A million short lines are a few thousand calls of the system.
        let out = BufWriter::with_capacity(64 << 10, stdout);
        Output { out, emphasis }
    }

    /// Writes that a message is stored, at once: who reads it may rely on it.
    ///
    /// # Errors
    ///
    /// [`Error::Output`](crate::Error::Output).
    pub fn inserted(&mut self, id: i64) -> Result<()> {
        writeln!(self.out, "inserted row id {id}")?;
        self.finish()
    }

    /// Writes a line, at once.
    ///
    /// # Errors
    ///
    /// [`Error::Output`](crate::Error::Output).
    pub fn line(&mut self, line: &str) -> Result<()> {
        writeln!(self.out, "{}", Visible(line))?;
        self.finish()
    }

    /// Writes one thing.
    ///
    /// # Errors
    ///
    /// [`Error::Output`](crate::Error::Output).
    pub fn print(&mut self, thing: &impl Print, form: Form) -> Result<()> {
        match form {
            Form::Text => thing.print(&mut self.out, self.emphasis)?,
            Form::Json => json_line(thing, &mut self.out)?,
        }
        Ok(())
    }

    /// Writes things as they come. Writing may wait for a slow reader, and the
    /// store waits with it: it reads ahead by a chunk, never further.
    ///
    /// # Errors
    ///
    /// Those of reading the store, and [`Error::Output`](crate::Error::Output).
    ///
    /// # Cancel safety
    ///
    /// *Not cancel safe*: some of them may be written.
    pub async fn print_all<T: Print>(&mut self, mut listing: Listing<T>, form: Form) -> Result<()> {
        while let Some(thing) = listing.next().await {
            self.print(&thing?, form)?;
        }
        Ok(())
    }

    /// Hands on what is still buffered.
    ///
    /// # Errors
    ///
    /// [`Error::Output`](crate::Error::Output).
    pub fn finish(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }
}

impl Default for Output {
    fn default() -> Output {
        Output::new()
    }
}

impl Print for Message {
    fn print(&self, out: &mut impl Write, _: Emphasis) -> io::Result<()> {
        heading(self, out)?;
        if let Some(subject) = &self.subject {
            write!(out, " about {}", Visible(subject))?;
        }
        writeln!(out, ": {}", Visible(&self.body))
    }
}

impl Print for Found {
    fn print(&self, out: &mut impl Write, emphasis: Emphasis) -> io::Result<()> {
        heading(&self.message, out)?;
        if self.message.subject.is_some() {
            write!(out, " about ")?;
            emphasised(&self.subject, emphasis, out)?;
        }
        write!(out, ": ")?;
        emphasised(&self.body, emphasis, out)?;
        writeln!(out)
    }
}

/// The part of a message's line that every message has.
fn heading(message: &Message, out: &mut impl Write) -> io::Result<()> {
    let (sender, recipient) = (Visible(&message.sender), Visible(&message.recipient));
    write!(out, "row #{} from {sender} to {recipient}", message.id)
}

fn emphasised(pieces: &[Piece], emphasis: Emphasis, out: &mut impl Write) -> io::Result<()> {
    pieces.iter().try_for_each(|piece| match (piece, emphasis) {
        (Piece::Plain(text), _) => write!(out, "{}", Visible(text)),
        (Piece::Match(text), Emphasis::Brackets) => write!(out, "[{}]", Visible(text)),
        (Piece::Match(text), Emphasis::Bold) => write!(out, "\x1b[1m{}\x1b[0m", Visible(text)),
    })
}

impl Serialize for Found {
    /// The same object as in a list: where the match is, a program finds itself.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.message.serialize(serializer)
    }
}

impl Print for Stats {
    fn print(&self, out: &mut impl Write, _: Emphasis) -> io::Result<()> {
        let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "none".into());
        writeln!(out, "messages: {}", self.messages)?;
        writeln!(out, "senders: {}", self.senders)?;
        writeln!(out, "first: {}", Visible(&time(&self.first)))?;
        writeln!(out, "last: {}", Visible(&time(&self.last)))?;
        writeln!(out, "size: {} bytes", self.bytes)?;
        writeln!(out, "log: {} bytes", self.log_bytes)?;
        writeln!(out, "synchronous: {}", self.synchronous)
    }
}

/// A text as one line that a terminal shows and never obeys: line breaks,
/// control characters and those that turn the direction of writing appear as
/// `\n`, `\u{1b}`, `\u{202e}`.
#[derive(Clone, Copy, Debug)]
pub struct Visible<'a>(pub &'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pieces(self.0).try_for_each(|(plain, hidden)| {
            f.write_str(plain)?;
            hidden.map_or(Ok(()), |c| write!(f, "{}", c.escape_default()))
        })
    }
}

/// Writes a thing as the JSON object that every list and file has of it, on a
/// line of its own.
///
/// # Errors
///
/// Those of the writer.
pub(crate) fn json_line(thing: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let mut json = serde_json::Serializer::with_formatter(&mut *out, VisibleJson);
    thing.serialize(&mut json).map_err(io::Error::from)?;
    writeln!(out)
}

/// JSON in which those characters are escaped too, as `\u001b`. Its reader
/// gets the same text; a terminal gets nothing to obey.
struct VisibleJson;

impl Formatter for VisibleJson {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        pieces(text).try_for_each(|(plain, hidden)| {
            out.write_all(plain.as_bytes())?;
            hidden.map_or(Ok(()), |c| write!(out, "\\u{:04x}", u32::from(c)))
        })
    }
}

/// The stretches of a text that can be shown, each with the character behind
/// it that can't.
fn pieces(text: &str) -> impl Iterator<Item = (&str, Option<char>)> {
    text.split_inclusive(is_hidden)
        .map(|piece| match piece.chars().next_back() {
            Some(last) if is_hidden(last) => (&piece[..piece.len() - last.len_utf8()], Some(last)),
            _ => (piece, None),
        })
}

/// Whether a character moves the cursor, breaks the line, turns the direction
/// of writing, or is a command. All of them have at most four hex digits.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
