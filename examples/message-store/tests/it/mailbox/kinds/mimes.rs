//! Mails of many parts.

use std::fmt::Write;

use chaos::dice::Dice;

use super::{noise, words};
use crate::mailbox::draft::Draft;
use crate::mailbox::encodings::base64_lines;

const MIXED: &str = "multipart/mixed; boundary=\"=_b\"";

/// A text and a file of so many bytes.
fn with_file(kind: &'static str, n: usize, dice: &mut Dice, file: &[u8]) -> Draft {
    let text = words(dice, 9);
    let content = format!(
        "This is a multi-part message in MIME format.\n\
         --=_b\nContent-Type: text/plain; charset=us-ascii\n\n{text}\n\
         --=_b\nContent-Type: application/pdf; name=\"{n}.pdf\"\n\
         Content-Disposition: attachment; filename=\"{n}.pdf\"\n\
         Content-Transfer-Encoding: base64\n\n{}\n--=_b--\n",
        base64_lines(file)
    );
    let mut draft = Draft::new(kind, n, "")
        .of_type(MIXED, "7bit")
        .saying(content, text);
    draft.attachments = 1;
    draft
}

pub(super) fn small_attachment(n: usize, dice: &mut Dice) -> Draft {
    let length = dice.below(1500);
    let file = noise(dice, length);
    with_file("with a file", n, dice, &file)
}

pub(super) fn large_attachment(n: usize, dice: &mut Dice) -> Draft {
    let file = b"%PDF-1.4 and so on, for a long time, with \0 and \xff in it.\n".repeat(1760);
    with_file("with a file of 100 KiB", n, dice, &file)
}

pub(super) fn alternative(n: usize, dice: &mut Dice) -> Draft {
    let text = words(dice, 9);
    let content = format!(
        "--=_b\nContent-Type: text/plain\n\n{text}\n\
         --=_b\nContent-Type: text/html\n\n<p>Not <b>this</b>.</p>\n--=_b--\n"
    );
    Draft::new("text and HTML", n, "")
        .of_type("multipart/alternative; boundary=\"=_b\"", "7bit")
        .saying(content, text)
}

pub(super) fn html(n: usize, _: &mut Dice) -> Draft {
    let content = format!(
        "<html><head><title>no</title><style>p {{ x: y }}</style></head><body>\n\
         <p>First <b>line</b> {n}</p><!-- no --><script>alert('no')</script>\n\
         <p>Gr&uuml;&szlig;e &lt;3</p></body></html>\n"
    );
    Draft::new("HTML only", n, "")
        .of_type("text/html; charset=utf-8", "7bit")
        .saying(content, format!("First line {n}\nGrüße <3\n"))
}

/// HTML that shows a picture, beside a text.
pub(super) fn related(n: usize, dice: &mut Dice) -> Draft {
    let text = words(dice, 9);
    let content = format!(
        "--=_r\nContent-Type: multipart/alternative; boundary=\"=_b\"\n\n\
         --=_b\nContent-Type: text/plain\n\n{text}\n\
         --=_b\nContent-Type: text/html\n\n<img src=\"cid:p{n}\">\n--=_b--\n\n\
         --=_r\nContent-Type: image/gif\nContent-ID: <p{n}>\n\
         Content-Transfer-Encoding: base64\n\nR0lGODlhAQABAAAAACw=\n--=_r--\n"
    );
    let mut draft = Draft::new("HTML with a picture", n, "")
        .of_type("multipart/related; boundary=\"=_r\"", "7bit")
        .saying(content, text);
    draft.attachments = 1;
    draft
}

pub(super) fn never_closed(n: usize, dice: &mut Dice) -> Draft {
    let text = words(dice, 9);
    let content = format!("--=_b\nContent-Type: text/plain\n\n{text}");
    Draft::new("boundary never closed", n, "")
        .of_type(MIXED, "7bit")
        .saying(content, text)
}

pub(super) fn no_boundary_in_sight(n: usize, dice: &mut Dice) -> Draft {
    Draft::new("without its boundary", n, &words(dice, 9)).of_type(MIXED, "7bit")
}

/// Parts in parts in parts, 100 deep, around a text.
fn nest(text: &str, close: bool) -> String {
    let mut content = String::new();
    for depth in 1..100 {
        let outer = depth - 1;
        writeln!(
            content,
            "--=_{outer}\nContent-Type: multipart/mixed; boundary=\"=_{depth}\"\n"
        )
        .expect("a string takes all");
    }
    write!(content, "--=_99\nContent-Type: text/plain\n\n{text}").expect("a string takes all");
    if close {
        for depth in (0..100).rev() {
            write!(content, "\n--=_{depth}--\n").expect("a string takes all");
        }
    }
    content
}

pub(super) fn nested(n: usize, dice: &mut Dice) -> Draft {
    let text = words(dice, 9);
    Draft::new("100 parts deep", n, "")
        .of_type("multipart/mixed; boundary=\"=_0\"", "7bit")
        .saying(nest(&text, true), text)
}

pub(super) fn nested_never_closed(n: usize, dice: &mut Dice) -> Draft {
    let text = words(dice, 9);
    Draft::new("100 parts deep, never closed", n, "")
        .of_type("multipart/mixed; boundary=\"=_0\"", "7bit")
        .saying(nest(&text, false), text)
}

pub(super) fn mail_in_mail(n: usize, dice: &mut Dice) -> Draft {
    let text = words(dice, 9);
    let content = format!(
        "--=_b\nContent-Type: text/plain\n\n{text}\n\
         --=_b\nContent-Type: message/rfc822\n\n\
         From: inner@example.org\nTo: inner@example.net\nSubject: inner\n\
         Message-ID: <inner{n}@example.org>\n\nThe inner text.\n--=_b--\n"
    );
    let mut draft = Draft::new("a mail in a mail", n, "")
        .of_type(MIXED, "7bit")
        .saying(content, text);
    draft.attachments = 1;
    draft
}
