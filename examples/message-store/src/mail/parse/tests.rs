use proptest::collection::vec;
use proptest::prelude::*;

use super::{Envelope, Parsed, parse};
use crate::incoming::Identity;

fn envelope() -> Envelope {
    Envelope {
        address: "env@a.b".into(),
        date: Some("2025-12-31T18:00:00Z".into()),
    }
}

#[track_caller]
fn read(mail: &str) -> Parsed {
    parse(&envelope(), mail.as_bytes()).unwrap()
}

#[track_caller]
fn sender(headers: &str) -> String {
    read(&format!("{headers}\n\n")).message.sender
}

#[track_caller]
fn recipient(headers: &str) -> String {
    read(&format!("From: a@b.c\n{headers}\n\n"))
        .message
        .recipient
}

#[track_caller]
fn sent_at(headers: &str) -> Option<String> {
    read(&format!("From: a@b.c\n{headers}\n\n")).message.sent_at
}

#[track_caller]
fn body(rest: &str) -> String {
    read(&format!("From: a@b.c\n{rest}")).message.body
}

#[test]
fn a_mail_is_a_message() {
    let Parsed {
        message,
        attachments,
    } = read(
        "From: =?utf-8?q?J=C3=BCrgen?= <j@b.c>\nTo: Al <al@b.c>, bo@b.c\nSubject: =?iso-8859-1?q?=FC?=\n\
         Date: Thu, 1 Jan 2026 01:02:03 +0100\nMessage-ID: <7@b.c>\n\nHello,\n\nBob\n\n",
    );
    assert_eq!(message.sender, "Jürgen <j@b.c>");
    assert_eq!(message.recipient, "Al <al@b.c>, bo@b.c");
    assert_eq!(message.subject.as_deref(), Some("ü"));
    assert_eq!(message.body, "Hello,\n\nBob");
    assert_eq!(
        message.sent_at.as_deref(),
        Some("2026-01-01T01:02:03+01:00")
    );
    assert_eq!(message.identity, Identity::Named("7@b.c".into()));
    assert_eq!(attachments, 0);
}

#[test]
fn the_sender_is_who_says_so_first() {
    assert_eq!(sender("Sender: s@b.c\nFrom: f@b.c"), "f@b.c");
    assert_eq!(sender("From: Bob"), "Bob");
    assert_eq!(sender("From: f@b.c, Al <al@b.c>"), "f@b.c, Al <al@b.c>");
    assert_eq!(sender("From: Team: f@b.c, g@b.c;"), "f@b.c, g@b.c");
    assert_eq!(sender("From:\nSender: s@b.c"), "s@b.c");
    assert_eq!(sender("From: <>"), "env@a.b");
    assert_eq!(sender("Subject: hi"), "env@a.b");
    for address in ["", "-"] {
        let envelope = Envelope {
            address: address.into(),
            date: None,
        };
        assert_eq!(parse(&envelope, b"A: b\n\n"), Err("no sender".into()));
    }
}

#[test]
fn the_recipient_is_who_is_named_first() {
    assert_eq!(recipient("Cc: c@b.c\nTo: t@b.c\nTo: u@b.c"), "t@b.c, u@b.c");
    assert_eq!(recipient("Cc: c@b.c\nDelivered-To: d@b.c"), "c@b.c");
    assert_eq!(recipient("Delivered-To: d@b.c"), "d@b.c");
    assert_eq!(
        recipient("To: undisclosed-recipients:;"),
        "undisclosed recipients"
    );
    assert_eq!(recipient("A: b"), "undisclosed recipients");
}

#[test]
fn the_date_is_one_that_there_is() {
    let envelope = Some("2025-12-31T18:00:00Z".into());
    for wrong in [
        "A: b",
        "Date:",
        "Date: yesterday",
        "Date: Thu, 30 Feb 2026 01:02:03 +0100",
        "Date: Thu, 1 Jan 2026 25:02:03 +0100",
        "Date: Thu, 1 Jan 2026 01:02:03 +1500",
        "X-Message-Store-Date: now",
    ] {
        assert_eq!(sent_at(wrong), envelope, "{wrong}");
    }
    let date = sent_at("Date: 1 Jan 26 23:59:60 -0930");
    assert_eq!(date.as_deref(), Some("2026-01-01T23:59:59-09:30"));
    let exact = "Date: 1 Jan 26 23:59:60 -0930\nX-Message-Store-Date: 2026-01-01T01:02:03.004Z";
    assert_eq!(sent_at(exact).as_deref(), Some("2026-01-01T01:02:03.004Z"));
}

#[test]
fn the_body_is_the_text() {
    assert_eq!(body(""), "");
    assert_eq!(body("\n"), "");
    assert_eq!(body("\n\n text \n\r\n\n"), "\n text ");
    assert_eq!(body("\r\na\r\nb\rc\r\n"), "a\nb\rc");
    assert_eq!(
        body(
            "Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n8NLJ18XU\n"
        ),
        "Привет"
    );
    assert_eq!(
        body("Content-Type: text/html\n\n<p>Hello <b>you</b></p><script>no</script>\n"),
        "Hello you"
    );
    let alternative = "Content-Type: multipart/alternative; boundary=x\n\n--x\n\
                       Content-Type: text/plain\n\nplain\n--x\nContent-Type: text/html\n\n<b>html</b>\n--x--\n";
    assert_eq!(body(alternative), "plain");
    let mixed = alternative
        .replace("alternative", "mixed")
        .replace("text/html", "text/plain");
    assert_eq!(body(&mixed), "plain\n<b>html</b>");
}

#[test]
fn the_text_of_a_mail_that_was_cut_off_is_its_text() {
    let cut = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\
               Content-Type: text/plain\n\nSee there, and\n";
    assert_eq!(body(cut), "See there, and");
    let html = cut.replace("plain", "html").replace("See", "<p>See</p><p>");
    assert_eq!(body(&html), "See\nthere, and");
    assert_eq!(
        body(&cut.replace("--x\n", "")),
        "Content-Type: text/plain\n\nSee there, and"
    );
    for file in [
        "application/pdf",
        "text/csv",
        "text/plain\nContent-Disposition: attachment",
    ] {
        assert_eq!(body(&cut.replace("text/plain", file)), "", "{file}");
    }
    let base64 = cut.replace(
        "text/plain",
        "text/plain\nContent-Transfer-Encoding: base64",
    );
    assert_eq!(body(&base64.replace("See", "!See")), "");
    let Parsed { attachments, .. } = read(&format!("From: a@b.c\n{cut}"));
    assert_eq!(attachments, 0);
}

#[test]
fn attachments_are_counted_and_left_out() {
    let mail = "From: a@b.c\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nSee there.\n--x\n\
                Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0K\n--x\n\
                Content-Type: text/plain; name=a.txt\nContent-Disposition: attachment\n\nA text.\n--x\n\
                Content-Type: message/rfc822\n\nFrom: d@e.f\n\nInner.\n--x--\n";
    let Parsed {
        message,
        attachments,
    } = read(mail);
    assert_eq!((&message.body[..], attachments), ("See there.", 3));
}

#[test]
fn a_name_is_one_of_the_usual_length() {
    let name = |headers: &str| {
        read(&format!("From: a@b.c\n{headers}\n\n"))
            .message
            .identity
    };
    assert_eq!(name("Message-ID: <a> <b>"), Identity::Named("a".into()));
    assert_eq!(name("Message-ID: a@b"), Identity::Named("a@b".into()));
    let own = "Message-ID: <a>\nX-Message-Store-Uid: b%0A";
    assert_eq!(name(own), Identity::Named("b\n".into()));
    for none in ["A: b", "Message-ID:", "Message-ID: <>"] {
        assert!(matches!(name(none), Identity::Content(_)), "{none}");
    }
    let long = format!("Message-ID: <{}>", "a".repeat(1001));
    assert!(matches!(name(&long), Identity::Content(_)));
}

#[test]
fn what_is_no_mail_is_told() {
    for nothing in ["", "\n", "Hello,\nhow are you?\n", "\n\nFrom: a@b.c\n"] {
        let told = parse(&envelope(), nothing.as_bytes());
        assert_eq!(told, Err("no headers".into()), "{nothing:?}");
    }
}

#[test]
fn mails_in_mails_are_taken_down_however_deep_they_are() {
    let inner = "Content-Type: message/rfc822\n\n".repeat(100_000);
    // On a thread with a small stack, as that of a worker is.
    let reading = std::thread::Builder::new().stack_size(512 << 10);
    let reading = reading.spawn(move || read(&format!("From: a@b.c\n{inner}")).attachments);
    assert_eq!(reading.unwrap().join().unwrap(), 1);
}

/// Pieces of mails, of which any sequence may come.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let fixed = [
        "From: ",
        "To: ",
        "Subject: ",
        "Date: ",
        "Message-ID: ",
        "Delivered-To: ",
        "X-Message-Store-Sender: ",
        "X-Message-Store-Date: ",
        "X-Message-Store-Body: exact\n",
        "Content-Type: text/plain; charset=",
        "Content-Type: text/html\n",
        "Content-Type: message/rfc822\n\n",
        "Content-Type: multipart/alternative; boundary=x\n",
        "Content-Type: multipart/digest; boundary=\"y\"\n",
        "Content-Transfer-Encoding: base64\n",
        "Content-Transfer-Encoding: quoted-printable\n",
        "Content-Disposition: attachment; filename*0*=utf-7''%",
        "Received: from a by b with c; ",
        "\n--x\n",
        "\n--x--\n",
        "\n--y\n",
        "utf-8\n",
        "utf-7\n",
        "utf-16\n",
        "iso-2022-jp\n",
        "=?utf-8?q?=C3?=",
        "=?gb2312?b?////?=",
        "Thu, 31 Feb 2026 24:60:60 +9999",
        "1 Jan 99999 1:2:3 -1400",
        "2026-01-01T01:02:03.004Z",
        "a@b.c, \"B\\\" (c",
        "<a@b.c>; group: x@y;",
        "&#x110000;&lt;<script><!--",
        "=\n",
        "=G0=0D",
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "\t",
    ];
    let fixed = fixed.map(|text| text.as_bytes().to_vec()).to_vec();
    prop_oneof![
        8 => proptest::sample::select(fixed),
        2 => vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_a_message_or_a_cause(pieces in vec(pieces(), 0..40)) {
        let mail = pieces.concat();
        match parse(&envelope(), &mail) {
            Err(cause) => prop_assert!(!cause.contains('\n')),
            Ok(Parsed { message, .. }) => {
                prop_assert!(!message.recipient.is_empty() || !mail.is_empty());
                if let Some(date) = message.sent_at {
                    let form = crate::time::read(&date);
                    prop_assert!(form.is_ok(), "{date} is no date");
                }
            }
        }
    }
}
