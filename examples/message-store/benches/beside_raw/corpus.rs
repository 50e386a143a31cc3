//! What is imported: made anew for each row, always the same.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use tempfile::TempDir;

/// A file of messages.
pub(crate) struct Corpus {
    folder: TempDir,
    name: &'static str,
    pub(crate) messages: usize,
}

impl Corpus {
    /// Messages of 40 words. Half of them have a uid; the others are known again
    /// by what they say.
    pub(crate) fn jsonl(messages: usize) -> Corpus {
        Corpus::write("corpus.jsonl", messages, |dice, out, n| {
            let (sender, recipient) = (dice.word(), dice.word());
            let body = dice.text(40);
            write!(
                out,
                r#"{{"sender":"{sender}","recipient":"{recipient}","body":"{body}""#
            )
            .unwrap();
            write!(out, r#","sent_at":"2026-01-31T18:00:00Z""#).unwrap();
            if n % 2 == 0 {
                write!(out, r#","uid":"{n}@example.org""#).unwrap();
            }
            writeln!(out, "}}").unwrap();
        })
    }

    /// Mails as they come from a list with subscribers of all kinds: 7 of 10 are
    /// plain text of 400 words, 2 are text and HTML, and 1 has an attachment of
    /// 60 KB beside its text. Each has the 15 header lines of its way here.
    pub(crate) fn mbox(messages: usize) -> Corpus {
        Corpus::write("corpus.mbox", messages, |dice, out, n| {
            mail_head(dice, out, n);
            match n % 10 {
                0..7 => {
                    writeln!(out, "Content-Type: text/plain; charset=utf-8\n").unwrap();
                    lines(dice, out, 400);
                }
                7..9 => {
                    writeln!(out, "Content-Type: multipart/alternative; boundary=b\n").unwrap();
                    writeln!(out, "--b\nContent-Type: text/plain; charset=utf-8").unwrap();
                    writeln!(out, "Content-Transfer-Encoding: quoted-printable\n").unwrap();
                    lines(dice, out, 400);
                    writeln!(out, "--b\nContent-Type: text/html; charset=utf-8").unwrap();
                    writeln!(out, "Content-Transfer-Encoding: quoted-printable\n").unwrap();
                    for _ in 0..60 {
                        let text = dice.text(12);
                        writeln!(out, "<p style=3D\"margin:0\">{text} caf=C3=A9</p>").unwrap();
                    }
                    writeln!(out, "--b--").unwrap();
                }
                _ => {
                    writeln!(out, "Content-Type: multipart/mixed; boundary=b\n").unwrap();
                    writeln!(out, "--b\nContent-Type: text/plain; charset=utf-8\n").unwrap();
                    lines(dice, out, 400);
                    writeln!(out, "--b\nContent-Type: application/pdf; name=a.pdf").unwrap();
                    writeln!(out, "Content-Disposition: attachment; filename=a.pdf").unwrap();
                    writeln!(out, "Content-Transfer-Encoding: base64\n").unwrap();
                    for _ in 0..60_000 / 57 {
                        writeln!(out, "{}", dice.base64_line()).unwrap();
                    }
                    writeln!(out, "--b--").unwrap();
                }
            }
            writeln!(out).unwrap();
        })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    /// Where a store is to be made.
    pub(crate) fn store(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(
        name: &'static str,
        messages: usize,
        mut each: impl FnMut(&mut Dice, &mut BufWriter<File>, usize),
    ) -> Corpus {
        let folder = tempfile::tempdir().unwrap();
        let mut out = BufWriter::new(File::create(folder.path().join(name)).unwrap());
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        (0..messages).for_each(|n| each(&mut dice, &mut out, n));
        out.flush().unwrap();
        Corpus {
            folder,
            name,
            messages,
        }
    }
}

fn mail_head(dice: &mut Dice, out: &mut impl Write, n: usize) {
    let (sender, recipient) = (dice.word(), dice.word());
    writeln!(out, "From {sender}@example.org Sat Jan 31 18:00:00 2026").unwrap();
    for hop in 0..5 {
        writeln!(
            out,
            "Received: from mx{hop}.example.org (mx{hop}.example.org [192.0.2.{hop}])"
        )
        .unwrap();
        writeln!(
            out,
            "\tby mx.example.net with ESMTPS id {n}; Sat, 31 Jan 2026 18:00:00 +0000"
        )
        .unwrap();
    }
    writeln!(
        out,
        "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; b={}",
        dice.base64_line()
    )
    .unwrap();
    writeln!(out, "From: \"{sender}\" <{sender}@example.org>").unwrap();
    writeln!(out, "To: {recipient}@example.net").unwrap();
    writeln!(out, "Subject: =?utf-8?q?caf=C3=A9?= {}", dice.text(5)).unwrap();
    writeln!(out, "Date: Sat, 31 Jan 2026 18:00:00 +0000").unwrap();
    writeln!(out, "Message-ID: <{n}@example.org>").unwrap();
    writeln!(out, "MIME-Version: 1.0").unwrap();
}

fn lines(dice: &mut Dice, out: &mut impl Write, words: usize) {
    for _ in 0..words / 10 {
        writeln!(out, "{}", dice.text(10)).unwrap();
    }
}

/// A sequence of numbers that looks random and is always the same (xorshift64,
/// Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// One of 20,000 words, the first ones far more often than the last, as in
    /// any language.
    fn word(&mut self) -> String {
        const SYLLABLES: [&str; 28] = [
            "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so",
            "tu", "va", "we", "xi", "yo", "zu", "an", "en", "in", "on", "un", "ar", "er", "or",
        ];
        let most = self.roll(20_000) + 1;
        let mut number = self.roll(most);
        let mut word = String::new();
        for _ in 0..4 {
            word.push_str(SYLLABLES[(number % 28) as usize]);
            number /= 28;
        }
        word
    }

    fn text(&mut self, words: usize) -> String {
        let words: Vec<String> = (0..words).map(|_| self.word()).collect();
        words.join(" ")
    }

    /// 76 characters, which are 57 bytes.
    fn base64_line(&mut self) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        (0..76)
            .map(|_| char::from(DIGITS[self.roll(64) as usize]))
            .collect()
    }
}
