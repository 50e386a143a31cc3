use bytes::Bytes;
use proptest::prelude::*;

use super::add;
use crate::incoming::{Identity, Incoming};
use crate::mail::date;
use crate::mail::parse::parse;
use crate::mail::split::{LONGEST_MAIL, Splitter};
use crate::message::Message;

fn message() -> Message {
    Message {
        id: 1,
        sender: "Bob".into(),
        recipient: "Alice".into(),
        subject: None,
        body: "I need your help.".into(),
        sent_at: "2025-12-31T18:00:00.000Z".into(),
        uid: "00ff".into(),
    }
}

fn mbox(messages: &[Message]) -> String {
    let mut mbox = String::new();
    messages.iter().for_each(|message| add(&mut mbox, message));
    mbox
}

/// What an import reads.
fn read(mbox: &str) -> Vec<Incoming> {
    let (mut found, mut splitter) = (Vec::new(), Splitter::new(LONGEST_MAIL));
    splitter.feed(Bytes::copy_from_slice(mbox.as_bytes()), &mut found);
    splitter.finish(&mut found);
    let mails = found.into_iter().map(|entry| entry.mail.unwrap());
    let parsed = mails.map(|raw| parse(&raw.envelope, &raw.content).unwrap());
    parsed.map(|parsed| parsed.message).collect()
}

/// A message as an import has it.
fn incoming(message: &Message) -> Incoming {
    let message = message.clone();
    Incoming {
        identity: Identity::Named(message.uid),
        sender: message.sender,
        recipient: message.recipient,
        subject: message.subject,
        body: message.body,
        sent_at: Some(message.sent_at),
    }
}

/// The same date is written with and without its milliseconds.
fn with_milliseconds(mut incoming: Incoming) -> Incoming {
    if let Some(date) = &mut incoming.sent_at
        && date::of_store(date).is_none()
    {
        *date = date.replace('Z', ".000Z");
    }
    incoming
}

#[track_caller]
fn written(message: &Message, expected: &str) {
    let mbox = mbox(std::slice::from_ref(message));
    assert_eq!(mbox, expected);
    let read = read(&mbox).into_iter().map(with_milliseconds);
    assert_eq!(Vec::from_iter(read), [incoming(message)]);
}

#[test]
fn a_mail_of_mail_programs_needs_no_headers_of_ours() {
    let message = Message {
        sender: "Bob B. <bob@b.c>".into(),
        recipient: "Alice <alice@b.c>, carol@b.c".into(),
        subject: Some("Help".into()),
        uid: "7@b.c".into(),
        body: "I need your help.\nFrom now on.\n".trim_end().into(),
        ..message()
    };
    written(
        &message,
        "From bob@b.c Wed Dec 31 18:00:00 2025\n\
         From: \"Bob B.\" <bob@b.c>\n\
         To: Alice <alice@b.c>,\n carol@b.c\n\
         Subject: Help\n\
         Date: Wed, 31 Dec 2025 18:00:00 +0000\n\
         Message-ID: <7@b.c>\n\
         MIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: 7bit\n\n\
         I need your help.\n>From now on.\n\n",
    );
}

#[test]
fn what_mail_cannot_say_stands_in_headers_of_ours() {
    let message = Message {
        recipient: "undisclosed recipients".into(),
        subject: Some("a\r\nBcc: x".into()),
        body: "From Äsop and others\r\n\n".into(),
        sent_at: "2025-12-31T18:00:00.120Z".into(),
        ..message()
    };
    written(
        &message,
        "From MAILER-DAEMON Wed Dec 31 18:00:00 2025\n\
         From: Bob <nobody@message-store.invalid>\n\
         To: undisclosed-recipients:;\n\
         Subject: a  Bcc: x\n\
         Date: Wed, 31 Dec 2025 18:00:00 +0000\n\
         Message-ID: <00ff@message-store.invalid>\n\
         X-Message-Store-Sender: Bob\n\
         X-Message-Store-Subject: a%0D%0ABcc:%20x\n\
         X-Message-Store-Uid: 00ff\n\
         X-Message-Store-Date: 2025-12-31T18:00:00.120Z\n\
         X-Message-Store-Body: exact\n\
         MIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: quoted-printable\n\n\
         =46rom =C3=84sop and others=0D\n\n\n",
    );
}

/// Texts with all that means something in mail.
fn texts() -> impl Strategy<Value = String> {
    let meaningful = [
        "",
        " ",
        "\n",
        "\r\n",
        "\r",
        "\0",
        "\t",
        "\u{b}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "é",
        "日本語",
        "🦀",
        "From ",
        ">From ",
        ">>From x",
        "\nFrom a@b.c Wed Dec 31 18:00:00 2025\n",
        "a\r\nBcc: x",
        "a\n\nb",
        "=?utf-8?q?=C3?=",
        "=",
        "=20",
        "=\n",
        "%41",
        "%",
        "Bob",
        "Bob <bob@b.c>",
        "bob@b.c",
        ", ",
        "<",
        ">",
        "\"",
        "\\",
        "(",
        ")",
        ";",
        ":",
        "@",
        "undisclosed recipients",
        "--",
        ".",
        "\n.\n",
        "&lt;",
        "<b>",
        "x  y",
        " \n",
    ];
    let long = prop_oneof![
        Just("x".repeat(1_100)),
        Just("word ".repeat(300)),
        Just("é".repeat(400)),
        Just(">".repeat(255) + "From "),
        Just(">".repeat(60) + "From "),
    ];
    let piece = prop_oneof![
        12 => proptest::sample::select(meaningful.to_vec()).prop_map(str::to_owned),
        2 => "(?s:.{0,20})",
        1 => "[ -~]{0,100}",
        1 => long,
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn dates() -> impl Strategy<Value = String> {
    let clock = (
        0..10_000_u16,
        1..13_u8,
        1..29_u8,
        0..24_u8,
        0..60_u8,
        0..60_u8,
    );
    let milliseconds = prop_oneof![Just(0), 0..1_000_u16];
    (clock, milliseconds).prop_map(|((year, month, day, hour, minute, second), milliseconds)| {
        format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z"
        )
    })
}

fn messages() -> impl Strategy<Value = Message> {
    let parts = (
        texts(),
        texts(),
        proptest::option::of(texts()),
        texts(),
        dates(),
        texts(),
    );
    parts.prop_map(|(sender, recipient, subject, body, sent_at, uid)| Message {
        id: 1,
        sender,
        recipient,
        subject,
        body,
        sent_at,
        uid,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_messages_are_read_back_exactly(messages in proptest::collection::vec(messages(), 1..4)) {
        let mbox = mbox(&messages);
        let read: Vec<_> = read(&mbox).into_iter().map(with_milliseconds).collect();
        let expected: Vec<_> = messages.iter().map(incoming).collect();
        prop_assert_eq!(read, expected);
        for line in mbox.lines() {
            prop_assert!(line.len() <= 998, "{line}");
        }
        let is_mail = |byte| matches!(byte, b'\n' | b'\t' | b' '..=b'~');
        prop_assert!(mbox.bytes().all(is_mail));
    }
}

#[test]
fn the_longest_message_is_no_longer_a_mail_than_is_read() {
    use crate::incoming::{LONGEST_BODY, LONGEST_HEAD};
    use crate::mail::split::LONGEST_MAIL;

    // What takes the most room in a header, and in quoted-printable.
    let message = Message {
        subject: Some("\u{1}".repeat(LONGEST_HEAD)),
        body: "=\n".repeat(LONGEST_BODY / 2),
        ..message()
    };
    let mut mbox = String::new();
    super::add(&mut mbox, &message);
    assert!(mbox.len() < LONGEST_MAIL, "{}", mbox.len());
}
