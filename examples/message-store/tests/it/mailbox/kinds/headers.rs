//! Headers that are broken, missing, or more than enough.

use chaos::dice::Dice;

use super::{noise, words};
use crate::mailbox::Cause;
use crate::mailbox::draft::Draft;

pub(super) fn line_without_colon(n: usize, dice: &mut Dice) -> Draft {
    Draft::new("header without a colon", n, &words(dice, 5))
        .raw_line(3, "this line is no header and says so")
}

pub(super) fn folded_first(n: usize, dice: &mut Dice) -> Draft {
    Draft::new("begins with a folded line", n, &words(dice, 5))
        .raw_line(0, "\t a line that goes on from nothing")
}

pub(super) fn nul(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("NUL in headers", n, &words(dice, 5))
        .header("Subject", format!("before\0behind {n}"))
        .header("X-Nul", "\0\0");
    draft.subject = Some(format!("before\0behind {n}"));
    draft
}

pub(super) fn long(n: usize, dice: &mut Dice) -> Draft {
    // Some of them of nothing that a header should have, and none of a colon.
    let mut junk = match n % 2 {
        0 => b"long ".repeat(20 << 10),
        _ => noise(dice, 8 << 10),
    };
    junk.retain(|&byte| byte != b'\n');
    Draft::new("header of 100 KiB", n, &words(dice, 5)).header("X-Junk", junk)
}

pub(super) fn long_subject(n: usize, dice: &mut Dice) -> Draft {
    let lines = 1 + dice.below(1500) as usize;
    let line = "a subject that goes on and on and never comes to an end";
    let mut draft = Draft::new("subject of many lines", n, &words(dice, 5))
        .header("Subject", vec![line; lines].join("\n "));
    draft.subject = Some(vec![line; lines].join(" "));
    draft
}

pub(super) fn no_from(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("without From", n, &words(dice, 5))
        .without("From")
        .header("Sender", format!("Secretary <secretary{n}@example.org>"));
    draft.sender = format!("Secretary <secretary{n}@example.org>");
    draft
}

pub(super) fn no_from_nor_sender(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("without From and Sender", n, &words(dice, 5)).without("From");
    draft.sender = format!("envelope{n}@example.org");
    draft
}

pub(super) fn empty_from(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("with an empty From", n, &words(dice, 5)).header("From", "");
    draft.sender = format!("envelope{n}@example.org");
    draft
}

/// As Mozilla writes them: with a dash for an address.
pub(super) fn nobody_at_all(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("from nobody", n, &words(dice, 5)).without("From");
    draft.envelope = draft
        .envelope
        .replace(&format!("envelope{n}@example.org"), "-");
    draft.rejected(Cause::NoSender)
}

pub(super) fn no_to(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("without To", n, &words(dice, 5))
        .without("To")
        .header("Cc", format!("Copy Reader <copy{n}@example.net>"));
    draft.recipient = format!("Copy Reader <copy{n}@example.net>");
    draft
}

pub(super) fn only_delivered(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("without To and Cc", n, &words(dice, 5))
        .without("To")
        .header("Delivered-To", format!("box{n}@example.net"));
    draft.recipient = format!("box{n}@example.net");
    draft
}

pub(super) fn no_recipient(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("to nobody", n, &words(dice, 5)).without("To");
    draft.recipient = "undisclosed recipients".into();
    draft
}

pub(super) fn empty_group(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("to an empty group", n, &words(dice, 5))
        .header("To", "undisclosed-recipients:;");
    draft.recipient = "undisclosed recipients".into();
    draft
}

pub(super) fn many_recipients(n: usize, dice: &mut Dice) -> Draft {
    let all: Vec<String> = (0..1 + dice.below(300))
        .map(|reader| format!("Reader {reader} <r{reader}.{n}@example.net>"))
        .collect();
    let mut draft = Draft::new("to many", n, &words(dice, 5)).header("To", all.join(",\n\t"));
    draft.recipient = all.join(", ");
    draft
}

pub(super) fn quoted_names(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("quoted names", n, &words(dice, 5))
        .header("From", format!("\"Doe, Jane\" <jane{n}@example.org>"))
        .header(
            "To",
            "friends: a@example.net, \"B. (Bee)\" <b@example.net>;",
        );
    draft.sender = format!("Doe, Jane <jane{n}@example.org>");
    draft.recipient = "a@example.net, B. (Bee) <b@example.net>".into();
    draft
}

pub(super) fn no_date(n: usize, dice: &mut Dice) -> Draft {
    Draft::new("without a date", n, &words(dice, 5))
        .without("Date")
        .dated_by_envelope()
}

pub(super) fn impossible_date(n: usize, dice: &mut Dice) -> Draft {
    let date = match n % 4 {
        0 => "Fri, 31 Feb 2003 10:00:00 +0000",
        1 => "Mon, 99 Foo 2003 10:00:00 +0000",
        2 => "Fri, 28 Feb 2003 25:61:61 +0000",
        _ => "Thu, 00 Jan 0000 00:00:00 +9999",
    };
    Draft::new("of an impossible date", n, &words(dice, 5))
        .header("Date", date)
        .dated_by_envelope()
}

pub(super) fn date_in_words(n: usize, dice: &mut Dice) -> Draft {
    Draft::new("of a date in words", n, &words(dice, 5))
        .header("Date", "the day before yesterday")
        .dated_by_envelope()
}

pub(super) fn no_subject(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("without a subject", n, &words(dice, 5)).without("Subject");
    draft.subject = None;
    draft
}

/// Names of headers are as large as they like.
pub(super) fn odd_names(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("odd names of headers", n, &words(dice, 5))
        .without("Subject")
        .without("To")
        .header("sUBJECT", format!("as odd as {n}"))
        .header("TO", "odd@example.net");
    draft.subject = Some(format!("as odd as {n}"));
    draft.recipient = "odd@example.net".into();
    draft
}

pub(super) fn raw_utf_8(n: usize, dice: &mut Dice) -> Draft {
    let mut draft = Draft::new("UTF-8 in headers", n, &words(dice, 5))
        .header("From", format!("Zoë <zoe{n}@example.org>"))
        .header("Subject", format!("naïve № {n}"));
    draft.sender = format!("Zoë <zoe{n}@example.org>");
    draft.subject = Some(format!("naïve № {n}"));
    draft
}

pub(super) fn no_id(n: usize, dice: &mut Dice) -> Draft {
    Draft::new("without an id", n, &words(dice, 5)).without("Message-ID")
}

/// One of some that are equal, and all of them kept.
pub(super) fn twin_without_id(n: usize, _: &mut Dice) -> Draft {
    Draft::new("one of equal ones", 900_000 + n / 1000, "Server is up.\n").without("Message-ID")
}
