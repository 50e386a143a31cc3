//! A mailbox as hostile as those that are kept for twenty years, made from a
//! seed, with what is right to become of each of its mails.

mod draft;
mod encodings;
mod kinds;
mod times;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use chaos::dice::Dice;
use sha2::{Digest, Sha256};

use draft::{Draft, Fate};

/// What is in front of the first mail and belongs to none.
const NOISE: &[u8] = b"\x00\xff\xfe\x80 noise before the first mail\n\x1b[2J\n\n";

/// Which mails are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How many there are.
    pub(crate) mails: usize,
    /// The order of the kinds, and the texts.
    pub(crate) seed: u64,
    /// Whether the longest are among them.
    pub(crate) giants: Giants,
}

/// The mails that are longer than all others together in a small mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Giants {
    /// Two of 20 MiB, one behind the other, which are kept, and one of more than
    /// 32 MiB, which is not.
    Made,
    /// Neither.
    LeftOut,
}

/// What is right to become of a mailbox in an empty store.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    /// How many mails there are, of whatever fate.
    pub(crate) mails: usize,
    /// How long the file is.
    pub(crate) bytes: u64,
    /// What is kept, in the order of the file, which is that of the rows.
    pub(crate) kept: Vec<Kept>,
    /// How many are there already when their turn comes.
    pub(crate) known: usize,
    /// What is rejected, in the order of the file.
    pub(crate) rejected: Vec<Rejected>,
    /// How many attachments are left out.
    pub(crate) left_out: usize,
    /// How many mails there are of each kind.
    pub(crate) kinds: BTreeMap<&'static str, usize>,
}

/// A mail that is kept, and so its row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kept {
    pub(crate) sender: String,
    pub(crate) recipient: String,
    pub(crate) subject: Option<String>,
    pub(crate) sent_at: String,
    pub(crate) body: Body,
    /// What is special about it, for whoever reads that it is missing.
    pub(crate) kind: &'static str,
}

/// The text of a mail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Body {
    /// Just this.
    Is(String),
    /// A long one of this digest.
    Digest([u8; 32]),
    /// What can be made of something broken: nothing is right or wrong.
    Whatever,
}

/// A mail that is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) line: u64,
    pub(crate) byte: u64,
    pub(crate) cause: Cause,
}

/// Why a mail is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// So many bytes stand before the first mail.
    BeforeFirst(usize),
    NoHeaders,
    NoSender,
    TooLong,
    /// Another mail has its Message-ID: the one that is kept as this, from 0.
    Contradicts(usize),
}

impl Body {
    /// Texts longer than this are kept as their digest.
    const LONG: usize = 64 << 10;

    /// That of a mail which ends in so many lines as it likes.
    pub(crate) fn of(text: &str) -> Body {
        let text = text.trim_end_matches('\n');
        match text.len() > Body::LONG {
            true => Body::Digest(Sha256::digest(text.as_bytes()).into()),
            false => Body::Is(text.to_owned()),
        }
    }

    /// Whether a text is right.
    pub(crate) fn is(&self, text: &str) -> bool {
        match self {
            Body::Is(right) => right == text,
            Body::Digest(right) => *right == <[u8; 32]>::from(Sha256::digest(text.as_bytes())),
            Body::Whatever => true,
        }
    }
}

impl Plan {
    /// Writes the mailbox to a file.
    pub(crate) fn make(self, path: &Path) -> Mailbox {
        let file = File::create(path).expect("the mailbox can be made");
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let mailbox = self.write(&mut out).expect("the mailbox is written");
        out.flush().expect("the mailbox is written");
        mailbox
    }

    /// Writes the mailbox anywhere, mail after mail.
    pub(crate) fn write(self, out: &mut impl Write) -> io::Result<Mailbox> {
        let mut maker = Maker {
            dice: Dice::new(self.seed),
            pen: Pen {
                out,
                byte: 0,
                line: 1,
            },
            mailbox: Mailbox::default(),
            said: Vec::new(),
        };
        maker.reject(Cause::BeforeFirst(NOISE.len()));
        maker.pen.put(NOISE)?;
        let made = self.giants == Giants::Made;
        for n in 0..self.mails {
            let draft = match n {
                _ if made && n / 2 == self.mails / 6 => kinds::of_20_mib(n),
                _ if made && n == self.mails / 2 => kinds::of_33_mib(n),
                _ => kinds::of(n, &mut maker.dice, &maker.said),
            };
            let last = n + 1 == self.mails;
            maker.add(draft, last)?;
        }
        maker.mailbox.mails = self.mails;
        maker.mailbox.bytes = maker.pen.byte;
        Ok(maker.mailbox)
    }
}

/// A mail that was made before, and its row: some are said again.
struct Said {
    draft: Draft,
    row: usize,
}

struct Maker<'o, W> {
    dice: Dice,
    pen: Pen<'o, W>,
    mailbox: Mailbox,
    said: Vec<Said>,
}

impl<W: Write> Maker<'_, W> {
    fn reject(&mut self, cause: Cause) {
        self.mailbox.rejected.push(Rejected {
            line: self.pen.line,
            byte: self.pen.byte,
            cause,
        });
    }

    fn add(&mut self, draft: Draft, last: bool) -> io::Result<()> {
        // Those of mails that are there already are left out once more.
        self.mailbox.left_out += draft.attachments;
        match &draft.fate {
            Fate::Kept => {
                let row = self.mailbox.kept.len();
                self.mailbox.kept.push(draft.kept());
                // Those of a few pages, of which some are said again.
                if draft.is_named() && row.is_multiple_of(7) && draft.len() < 8 << 10 {
                    self.said.push(Said {
                        draft: draft.clone(),
                        row,
                    });
                }
            }
            Fate::Known => self.mailbox.known += 1,
            Fate::Rejected(cause) => self.reject(*cause),
        }
        *self.mailbox.kinds.entry(draft.kind).or_default() += 1;
        draft.write(&mut self.pen, last)
    }
}

/// Where a file is written, and how far it is.
pub(crate) struct Pen<'o, W> {
    out: &'o mut W,
    byte: u64,
    line: u64,
}

impl<W: Write> Pen<'_, W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.byte += bytes.len() as u64;
        self.line += bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.out.write_all(bytes)
    }
}
