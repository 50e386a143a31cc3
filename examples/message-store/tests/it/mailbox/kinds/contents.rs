//! Contents that look like something else, or like nothing.

use chaos::dice::Dice;

use super::{noise, of_whatever_text, words};
use crate::mailbox::Cause;
use crate::mailbox::draft::{Draft, Ends};
use crate::mailbox::encodings::base64_lines;

pub(super) fn separator_without_date(n: usize, dice: &mut Dice) -> Draft {
    let more = words(dice, 5);
    let text = format!(
        "{more}\nFrom here on all is well.\n\nFrom bob@example.org to alice\nFrom: bob\n\n{more}"
    );
    Draft::new("From in the text", n, &text)
}

pub(super) fn separator_of_another_date(n: usize, dice: &mut Dice) -> Draft {
    let more = words(dice, 5);
    let text = format!("{more}\nFrom bob@example.org Saturday Jan 3 at 01:05 1996\n{more}");
    Draft::new("From with a date of people in the text", n, &text)
}

pub(super) fn separator_inside_paragraph(n: usize, dice: &mut Dice) -> Draft {
    let more = words(dice, 5);
    let text = format!("{more}From bob@example.org Sat Jan  3 01:05:34 1996\n{more}");
    Draft::new("From and a date behind a line of text", n, &text)
}

pub(super) fn quoted_separators(n: usize, dice: &mut Dice) -> Draft {
    let more = words(dice, 5);
    let quoted = "\n>From bob@example.org Sat Jan  3 01:05:34 1996\n>>From twice\n> From not\n";
    let text = "\nFrom bob@example.org Sat Jan  3 01:05:34 1996\n>From twice\n> From not\n";
    Draft::new("quoted From", n, "").saying(format!("{more}{quoted}"), format!("{more}{text}"))
}

pub(super) fn empty(n: usize, _: &mut Dice) -> Draft {
    Draft::new("empty", n, "")
        .without_headers()
        .rejected(Cause::NoHeaders)
}

pub(super) fn headers_only(n: usize, _: &mut Dice) -> Draft {
    Draft::new("headers only", n, "")
}

pub(super) fn no_headers(n: usize, _: &mut Dice) -> Draft {
    Draft::new("no headers", n, "Note: this is text, and no header.\n")
        .without_headers()
        .rejected(Cause::NoHeaders)
}

pub(super) fn noise_all_over(n: usize, dice: &mut Dice) -> Draft {
    let length = 1 + dice.below(4000);
    let mut line = noise(dice, length);
    // Not behind an empty line, where a text begins.
    line.insert(0, 0xff);
    line.pop();
    Draft::new("noise all over", n, "")
        .without_headers()
        .raw_line(0, line)
        .rejected(Cause::NoHeaders)
}

pub(super) fn noise_as_file(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("noise as a file", n, "")
        .of_type("application/octet-stream", "binary")
        .saying(noise(dice, 3000), "");
    draft.attachments = 1;
    draft
}

pub(super) fn noise_as_text(n: usize, dice: &mut Dice) -> Draft {
    let draft = Draft::new("noise as text", n, "").of_type("text/plain", "8bit");
    of_whatever_text(draft, noise(dice, 3000))
}

pub(super) fn nul(n: usize, _: &mut Dice) -> Draft {
    Draft::new("NUL in the text", n, "before\0behind\n\0\nend\n")
}

pub(super) fn crlf(n: usize, dice: &mut Dice) -> Draft {
    let more = words(dice, 5);
    let quoted = format!("{more}\n>From the start\n\n{more}");
    let mut draft =
        Draft::new("lines of CRLF", n, "").saying(quoted.clone(), quoted.replace(">From", "From"));
    draft.ends = Ends::CrLf;
    draft
}

pub(super) fn crlf_html(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = super::mimes::html(n, dice);
    draft.kind = "HTML in lines of CRLF";
    draft.ends = Ends::CrLf;
    draft
}

pub(super) fn broken_base64(n: usize, dice: &mut Dice) -> Draft {
    let mut content = base64_lines(words(dice, 9).as_bytes());
    content.insert_str(content.len() / 2, "!?!\n===\n");
    let draft = Draft::new("broken base64", n, "").of_type("text/plain", "base64");
    of_whatever_text(draft, content)
}

pub(super) fn broken_quoted_printable(n: usize, dice: &mut Dice) -> Draft {
    let content = format!(
        "{}=ZZ = =\n=\n==3D\n=4\n{}=",
        words(dice, 5),
        words(dice, 5)
    );
    let draft = Draft::new("broken quoted-printable", n, "");
    of_whatever_text(
        draft.of_type("text/plain", "quoted-printable"),
        content + "\n",
    )
}

pub(super) fn unknown_charset(n: usize, dice: &mut Dice) -> Draft {
    let text = words(dice, 5);
    Draft::new("unknown charset", n, &text).of_type("text/plain; charset=x-martian", "7bit")
}

pub(super) fn unknown_encoding(n: usize, dice: &mut Dice) -> Draft {
    let text = words(dice, 5);
    Draft::new("unknown encoding", n, &text).of_type("text/plain", "x-rot13")
}

pub(super) fn long_line(n: usize, dice: &mut Dice) -> Draft {
    let text = "word ".repeat(1 + dice.below(8000) as usize) + "\n";
    Draft::new("one long line", n, &text)
}
