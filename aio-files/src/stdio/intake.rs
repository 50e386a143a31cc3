//! Bytes that were read and that nobody has had yet, and the rules by which
//! lines are taken out of them. No I/O.

use memchr::{memchr, memchr_iter};

/// The mark that some programs put at the start of a text in UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// What becomes of the ends of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Strip,
    Keep,
}

/// What becomes of a byte order mark at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Strip,
    Keep,
}

/// How lines are taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) longest: usize,
    pub(super) ends: Ends,
    pub(super) mark: Mark,
}

/// Whether a read has met the end, and nobody has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Ahead,
    Met,
}

/// Where a line begins, counted from the first byte that was ever read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) offset: u64,
}

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Line(Vec<u8>, Place),
    TooLong(Place),
    End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Line,
    /// The rest of a line that was too long.
    TooLong,
}

#[derive(Debug, Default)]
pub(super) struct Intake {
    data: Vec<u8>,
    start: usize,
    /// Among those that wait, there is no end of a line before this.
    searched: usize,
    offset: u64,
    /// Ends of lines before the offset.
    lines: u64,
    inside: Inside,
}

impl Intake {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.start > self.data.len() / 2 {
            self.data.drain(..self.start);
            self.start = 0;
        }
        self.data.extend_from_slice(bytes);
    }

    pub(super) fn waiting(&self) -> &[u8] {
        &self.data[self.start..]
    }

    /// Where those that wait begin.
    pub(super) fn place(&self) -> Place {
        Place {
            line: self.lines + 1,
            offset: self.offset,
        }
    }

    /// Takes bytes away, whatever they are.
    pub(super) fn consume(&mut self, amount: usize) {
        let taken = &self.waiting()[..amount.min(self.waiting().len())];
        self.lines += memchr_iter(b'\n', taken).count() as u64;
        self.forget(amount);
        // Whoever reads bytes has seen where the long line went on.
        self.inside = Inside::Line;
    }

    /// Takes all of them.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let start = self.start;
        self.lines += memchr_iter(b'\n', self.waiting()).count() as u64;
        self.offset += self.waiting().len() as u64;
        let mut all = std::mem::take(&mut self.data);
        all.drain(..start);
        (self.start, self.searched, self.inside) = (0, 0, Inside::Line);
        all
    }

    /// Takes the next line; `None` if more must be read first.
    ///
    /// The end is told when nothing is before it, and is ahead again then:
    /// behind the end of a terminal's input there may be more.
    pub(super) fn take_line(&mut self, rules: Rules, end: &mut End) -> Option<Taken> {
        if rules.mark == Mark::Strip && self.offset == 0 {
            let waiting = self.waiting();
            if waiting.starts_with(MARK) {
                self.forget(MARK.len());
            } else if MARK.starts_with(waiting) && *end == End::Ahead {
                return None;
            }
        }
        if self.inside == Inside::TooLong {
            match memchr(b'\n', self.waiting()) {
                Some(newline) => {
                    self.forget(newline + 1);
                    self.lines += 1;
                    self.inside = Inside::Line;
                }
                None => {
                    self.forget(self.waiting().len());
                    if *end == End::Met {
                        self.inside = Inside::Line;
                    }
                }
            }
        }
        let place = self.place();
        let waiting = self.waiting();
        let newline = memchr(b'\n', &waiting[self.searched..]).map(|at| self.searched + at);
        let (content, whole) = match newline {
            Some(newline) => {
                let returns = newline > 0 && waiting[newline - 1] == b'\r';
                (newline - usize::from(returns), newline + 1)
            }
            None if *end == End::Met && waiting.is_empty() => {
                *end = End::Ahead;
                return Some(Taken::End);
            }
            None if *end == End::Met => (waiting.len(), waiting.len()),
            None => {
                let len = waiting.len();
                // A return may belong to the end.
                let returns = waiting.last() == Some(&b'\r');
                self.searched = len;
                if len - usize::from(returns) <= rules.longest {
                    return None;
                }
                self.inside = Inside::TooLong;
                self.forget(len);
                return Some(Taken::TooLong(place));
            }
        };
        let taken = match rules.ends {
            _ if content > rules.longest => Taken::TooLong(place),
            Ends::Strip => Taken::Line(waiting[..content].to_vec(), place),
            Ends::Keep => Taken::Line(waiting[..whole].to_vec(), place),
        };
        self.lines += u64::from(newline.is_some());
        self.forget(whole);
        Some(taken)
    }

    fn forget(&mut self, amount: usize) {
        let amount = amount.min(self.waiting().len());
        self.start += amount;
        self.offset += amount as u64;
        self.searched = 0;
        if self.start == self.data.len() {
            self.data.clear();
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        longest: 5,
        ends: Ends::Strip,
        mark: Mark::Strip,
    };

    /// A line with its number and offset, or where one begins that is too long.
    type Item = Result<(Vec<u8>, u64, u64), (u64, u64)>;

    /// Feeds a text in parts, and takes lines whenever there are some.
    fn lines(parts: &[&[u8]], rules: Rules) -> Vec<Item> {
        let mut intake = Intake::default();
        let mut end = End::Ahead;
        let mut all = Vec::new();
        let mut parts = parts.iter();
        loop {
            match intake.take_line(rules, &mut end) {
                Some(Taken::Line(line, place)) => all.push(Ok((line, place.line, place.offset))),
                Some(Taken::TooLong(place)) => all.push(Err((place.line, place.offset))),
                Some(Taken::End) => return all,
                None => match parts.next() {
                    Some(part) => intake.push(part),
                    None => end = End::Met,
                },
            }
        }
    }

    #[test]
    fn wherever_a_text_is_split_its_lines_are_the_same() {
        let texts: [&[u8]; 14] = [
            b"",
            b"\n",
            b"a",
            b"a\nb\r\nc",
            b"\r\n\r\n\n",
            b"a\r\r\nb\rc\n\r",
            b"12345\n123456\n12345\r\n123456\r\nx",
            b"1234567890123\nab\n",
            b"1234567890123",
            b"12345\r",
            b"123456\r\n",
            b"\xEF\xBB\xBFa\n\xEF\xBB\xBF\n",
            b"\xEF\xBB\n",
            b"\xEF\xBB",
        ];
        let mut splits = 0;
        for text in texts {
            for ends in [Ends::Strip, Ends::Keep] {
                let rules = Rules { ends, ..RULES };
                let whole = lines(&[text], rules);
                for first in 0..=text.len() {
                    for second in first..=text.len() {
                        let parts = [&text[..first], &text[first..second], &text[second..]];
                        assert_eq!(lines(&parts, rules), whole, "{parts:?}");
                        splits += 1;
                    }
                }
            }
        }
        println!("splits={splits}");
    }

    #[test]
    fn the_rules_of_lines() {
        let text = b"\xEF\xBB\xBFa\r\n12345\r\n123456\n\rb\r\r\n\nlast\r";
        let said: Vec<_> = lines(&[text], RULES);
        let expected = [
            Ok((b"a".to_vec(), 1, 3)),
            Ok((b"12345".to_vec(), 2, 6)),
            Err((3, 13)),
            Ok((b"\rb\r".to_vec(), 4, 20)),
            Ok((b"".to_vec(), 5, 25)),
            Ok((b"last\r".to_vec(), 6, 26)),
        ];
        assert_eq!(said, expected);
        let kept = Rules {
            ends: Ends::Keep,
            mark: Mark::Keep,
            longest: 9,
        };
        let said: Vec<_> = lines(&[text], kept)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let joined: Vec<u8> = said.into_iter().flat_map(|(line, ..)| line).collect();
        assert_eq!(joined, text);
    }

    #[test]
    fn a_long_line_takes_no_memory() {
        let mut intake = Intake::default();
        let mut end = End::Ahead;
        let mut told = 0;
        for _ in 0..1000 {
            intake.push(&[b'x'; 1000]);
            told += usize::from(intake.take_line(RULES, &mut end).is_some());
            assert!(intake.data.capacity() < 10_000);
        }
        assert_eq!(told, 1);
        intake.push(b"x\nnext\n");
        let place = Place {
            line: 2,
            offset: 1_000_002,
        };
        let next = intake.take_line(RULES, &mut end);
        assert_eq!(next, Some(Taken::Line(b"next".to_vec(), place)));
    }

    #[test]
    fn bytes_that_are_read_between_lines_count() {
        let mut intake = Intake::default();
        let mut end = End::Ahead;
        intake.push(b"one\ntwo\nthree\nfour");
        intake.consume(6);
        let place = Place { line: 2, offset: 6 };
        let rest = intake.take_line(RULES, &mut end);
        assert_eq!(rest, Some(Taken::Line(b"o".to_vec(), place)));
        assert_eq!(intake.take(), b"three\nfour");
        intake.push(b"\n");
        let place = Place {
            line: 4,
            offset: 18,
        };
        let rest = intake.take_line(RULES, &mut end);
        assert_eq!(rest, Some(Taken::Line(Vec::new(), place)));
    }
}
