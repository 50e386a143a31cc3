//! Bytes into lines. Pure, and of bounded memory: a line that does not end is
//! cut.

/// A line longer than this comes in parts.
pub(crate) const LONGEST_LINE: usize = 64 << 10;

/// So many bytes of what came last are kept.
const LAST_WORDS: usize = 4 << 10;

/// What has been read and is not yet a line, and what was read last.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    bytes: Vec<u8>,
    /// Where the next line begins in `bytes`.
    begin: usize,
    /// There is no end of a line from `begin` to here.
    searched: usize,
    last: Vec<u8>,
}

impl Cutter {
    /// Takes what was read.
    pub(crate) fn add(&mut self, read: &[u8]) {
        self.bytes.drain(..self.begin);
        self.searched -= self.begin;
        self.begin = 0;
        self.bytes.extend_from_slice(read);
        self.last
            .extend_from_slice(&read[read.len().saturating_sub(LAST_WORDS)..]);
        let surplus = self.last.len().saturating_sub(LAST_WORDS);
        self.last.drain(..surplus);
    }

    /// The next whole line, or part of one that is too long.
    pub(crate) fn line(&mut self) -> Option<String> {
        let ahead = &self.bytes[self.searched..];
        let end = ahead.iter().position(|&byte| byte == b'\n');
        let end = end.map(|offset| self.searched + offset);
        if end.unwrap_or(self.bytes.len()) - self.begin > LONGEST_LINE {
            let end = self.begin + boundary(&self.bytes[self.begin..], LONGEST_LINE);
            let text = lossy(&self.bytes[self.begin..end]);
            self.begin = end;
            self.searched = self.searched.max(end);
            return Some(text);
        }
        let Some(end) = end else {
            self.searched = self.bytes.len();
            return None;
        };
        let line = &self.bytes[self.begin..end];
        let text = lossy(line.strip_suffix(b"\r").unwrap_or(line));
        self.begin = end + 1;
        self.searched = self.begin;
        Some(text)
    }

    /// What is left when nothing more comes: a line without its end.
    pub(crate) fn rest(&mut self) -> Option<String> {
        let rest = &self.bytes[self.begin..];
        let text = (!rest.is_empty()).then(|| lossy(rest));
        self.begin = self.bytes.len();
        self.searched = self.begin;
        text
    }

    /// What was read last, whole lines or not; nothing if nothing was.
    pub(crate) fn last_words(&self) -> Option<String> {
        // It may begin within a character: at most three bytes of one follow.
        let within = |&&byte: &&u8| byte & 0b1100_0000 == 0b1000_0000;
        let broken = self.last.iter().take(3).take_while(within).count();
        let broken = if self.last.len() < LAST_WORDS {
            0
        } else {
            broken
        };
        let text = lossy(&self.last[broken..]);
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The longest cut within `most` bytes that splits no character, as far as these
/// are characters. There are more bytes than that.
fn boundary(bytes: &[u8], most: usize) -> usize {
    let begins = |&at: &usize| bytes[at] & 0b1100_0000 != 0b1000_0000;
    (most - 3..=most).rev().find(begins).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut cutter = Cutter::default();
        let mut lines = Vec::new();
        for piece in pieces {
            cutter.add(piece);
            lines.extend(std::iter::from_fn(|| cutter.line()));
        }
        lines.extend(cutter.rest());
        lines
    }

    #[test]
    fn lines_end_where_they_end_however_they_come() {
        let text = b"one\r\n\ntwo\xff \xc3\xa9\nrest\r".as_slice();
        let lines = ["one", "", "two\u{fffd} é", "rest\r"];
        assert_eq!(lines_of([text]), lines);
        assert_eq!(lines_of(text.chunks(1)), lines);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_between_characters() {
        let line = format!("x{}", "é".repeat(LONGEST_LINE));
        let lines = lines_of([line.as_bytes()]);
        assert!(lines.iter().all(|line| line.len() <= LONGEST_LINE));
        assert_eq!(lines.concat(), line);
        let fits = "y".repeat(LONGEST_LINE);
        assert_eq!(lines_of([format!("{fits}\n").as_bytes()]), [fits]);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut cutter = Cutter::default();
        for _ in 0..100 {
            cutter.add(&[b'z'; 8 << 10]);
            while cutter.line().is_some() {}
            assert!(cutter.bytes.len() <= LONGEST_LINE + (8 << 10));
            assert!(cutter.last.len() <= LAST_WORDS);
        }
    }

    #[test]
    fn the_last_words_are_the_last_and_whole_characters() {
        let mut cutter = Cutter::default();
        assert_eq!(cutter.last_words(), None);
        cutter.add(b"  \n");
        assert_eq!(cutter.last_words(), None);
        cutter.add("x".repeat(10_000).as_bytes());
        cutter.add("é".repeat(3000).as_bytes());
        cutter.add(b"!\n");
        let said = cutter.last_words().unwrap();
        assert!(said.ends_with("é!") && !said.contains(['x', '\u{fffd}']));
        assert!((LAST_WORDS - 4..=LAST_WORDS).contains(&said.len()));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_added(
            lines in proptest::collection::vec("[a-zé\u{1f600}]{0,300}", 0..30),
            chunk in 1_usize..700,
        ) {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            prop_assert_eq!(lines_of(text.as_bytes().chunks(chunk)), lines);
        }
    }
}
