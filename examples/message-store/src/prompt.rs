//! Messages from a person at a terminal, or from a pipe.
//!
//! Reading blocks the thread, and may: nothing else runs in this program while
//! it waits for its input.

use std::io::{self, BufRead, IsTerminal, Read, StdinLock, Write};

use crate::error::{Error, Result};
use crate::message::NewMessage;

/// What is longer is taken for a mistake, and not read to its end, which may
/// never come.
const MOST_BYTES: u64 = 16 << 20;

/// Asks for a message: sender, recipient, text. Returns `None` after an empty
/// answer or at the end of input.
///
/// The questions appear only where a person can see and answer them.
///
/// # Errors
///
/// [`Error::Input`] where an answer is too long or is not UTF-8.
pub fn ask() -> Result<Option<NewMessage>> {
    let mut dialogue = Dialogue::new();
    if let Some(sender) = dialogue.answer("sender")?
        && let Some(recipient) = dialogue.answer("recipient")?
        && let Some(body) = dialogue.answer("message")?
    {
        return Ok(Some(NewMessage::new(sender, recipient, body)));
    }
    Ok(None)
}

/// Reads the text of a message from standard input: a line from a person, and
/// otherwise all there is, without its last line break.
///
/// # Errors
///
/// [`Error::Input`] where the text is empty, too long or not UTF-8.
pub fn read_text() -> Result<String> {
    let mut dialogue = Dialogue::new();
    let text = match dialogue.screen {
        Some(_) => dialogue.answer("message")?,
        None => dialogue.rest("message")?,
    };
    text.ok_or_else(|| wrong("message", "is empty"))
}

struct Dialogue {
    input: StdinLock<'static>,
    screen: Option<Box<dyn Write>>,
}

impl Dialogue {
    fn new() -> Dialogue {
        Dialogue {
            input: io::stdin().lock(),
            screen: screen(),
        }
    }

    /// Asks one question; an empty answer is none.
    fn answer(&mut self, question: &'static str) -> Result<Option<String>> {
        if let Some(screen) = &mut self.screen {
            write!(screen, "{question}> ")?;
            screen.flush()?;
        }
        let mut bytes = Vec::new();
        let mut line = (&mut self.input).take(MOST_BYTES + 1);
        line.read_until(b'\n', &mut bytes)
            .map_err(|e| unreadable(question, &e))?;
        if let Some(screen) = &mut self.screen
            && !bytes.ends_with(b"\n")
        {
            writeln!(screen)?; // the end of input leaves the cursor behind the question
        }
        text(question, bytes)
    }

    /// Reads what is left of the input; nothing is no text.
    fn rest(&mut self, what: &'static str) -> Result<Option<String>> {
        let mut bytes = Vec::new();
        let mut input = (&mut self.input).take(MOST_BYTES + 1);
        input
            .read_to_end(&mut bytes)
            .map_err(|e| unreadable(what, &e))?;
        text(what, bytes)
    }
}

/// Where the questions appear: nowhere, unless a person is there to answer.
/// When the results go to a file, the questions still go to the terminal.
fn screen() -> Option<Box<dyn Write>> {
    if !io::stdin().is_terminal() {
        None
    } else if io::stdout().is_terminal() {
        Some(Box::new(io::stdout()))
    } else if io::stderr().is_terminal() {
        Some(Box::new(io::stderr()))
    } else {
        None
    }
}

/// What was read, as text without the line break at its end; `None` if it is
/// empty.
fn text(what: &'static str, bytes: Vec<u8>) -> Result<Option<String>> {
    if bytes.len() as u64 > MOST_BYTES {
        return Err(wrong(
            what,
            format!("is longer than {} MiB", MOST_BYTES >> 20),
        ));
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to() + 1;
        wrong(what, format!("is not UTF-8 text: see its byte {at}"))
    })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok((!text.trim().is_empty()).then_some(text))
}

fn wrong(what: &'static str, problem: impl Into<String>) -> Error {
    Error::Input {
        what,
        problem: problem.into(),
    }
}

fn unreadable(what: &'static str, cause: &io::Error) -> Error {
    wrong(what, format!("can't be read from standard input: {cause}"))
}
