//! The line `From ADDR DATE` before each mail of an mbox.

use serde::{Deserialize, Serialize};

use super::date::{DAYS, MONTHS, Moment};

/// No such line is longer.
pub(crate) const LONGEST_LINE: usize = 1000;

/// What the line before a mail says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    /// Whom the mail came from.
    pub(crate) address: String,
    /// When it came, in a form that SQLite reads, if there is such a date.
    pub(crate) date: Option<String>,
}

impl Envelope {
    /// Returns what a line says that begins with `From `, given without these five
    /// bytes and without its end; `None` where it is a line like another.
    ///
    /// That is so unless there is an address, which may have spaces, and a date
    /// as C's `asctime` writes it, which may have a zone before or behind the year,
    /// and no seconds.
    pub(crate) fn of_line(line: &[u8]) -> Option<Envelope> {
        if line.len() > LONGEST_LINE {
            return None;
        }
        let line = String::from_utf8_lossy(line);
        let mut at = line.find(' ')?;
        loop {
            let (address, date) = line.split_at(at);
            if let Some(moment) = asctime(date)
                && !address.trim().is_empty()
            {
                return Some(Envelope {
                    address: address.trim().into(),
                    date: moment.rfc3339(),
                });
            }
            at += 1 + line[at + 1..].find(' ')?;
        }
    }
}

/// Reads `Wed Dec 31 18:00:00 2025`, all of it.
fn asctime(text: &str) -> Option<Moment> {
    let mut words = text.split_ascii_whitespace();
    let day_of_week = words.next()?;
    if !DAYS.contains(&day_of_week) {
        return None;
    }
    let month = words.next()?;
    let month = MONTHS.iter().position(|&name| name == month)? as u8 + 1;
    let day = number(words.next()?, 1..=2)?;
    let mut clock = words.next()?.split(':');
    let hour = number(clock.next()?, 1..=2)?;
    let minute = number(clock.next()?, 2..=2)?;
    let second = clock.next().map_or(Some(0), |text| number(text, 2..=2))?;
    if clock.next().is_some() {
        return None;
    }
    let (mut year, mut offset) = (None, 0);
    // A zone, a year, and perhaps a zone.
    for word in words {
        if let Some(minutes) = numeric_zone(word) {
            offset = minutes;
        } else if year.is_none() && word.len() == 4 && number(word, 4..=4).is_some() {
            year = number(word, 4..=4);
        } else if !is_zone_name(word) {
            return None;
        }
    }
    Some(Moment {
        year: year?,
        month,
        day: day as u8,
        hour: hour as u8,
        minute: minute as u8,
        second: second as u8,
        offset,
    })
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u16> {
    let fits = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok())?
}

/// The minutes of a zone such as `+0130`.
fn numeric_zone(text: &str) -> Option<i16> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let number = number(digits, 4..=4)? as i16;
    Some(sign * (number / 100 * 60 + number % 100))
}

/// What letters say of the offset isn't known for certain, so it is taken for UTC.
fn is_zone_name(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::Envelope;

    #[track_caller]
    fn says(line: &str, address: &str, date: Option<&str>) {
        let expected = Envelope {
            address: address.into(),
            date: date.map(Into::into),
        };
        assert_eq!(Envelope::of_line(line.as_bytes()), Some(expected), "{line}");
    }

    #[test]
    fn lines_of_mail_programs_are_read() {
        let eve = Some("2025-12-31T18:00:00Z");
        says("a@b.c Wed Dec 31 18:00:00 2025", "a@b.c", eve);
        says("a@b.c  Wed Dec 31 18:00:00 2025 ", "a@b.c", eve);
        says("- Wed Dec 31 18:00 2025", "-", eve);
        says(
            "MAILER-DAEMON Wed Dec 31 18:00:00 UTC 2025",
            "MAILER-DAEMON",
            eve,
        );
        says(
            "Bob B. at home Wed Dec 31 18:00:00 2025",
            "Bob B. at home",
            eve,
        );
        let east = Some("2025-12-03T18:00:00+01:30");
        says("a@b.c Wed Dec  3 18:00:00 2025 +0130", "a@b.c", east);
        says("a@b.c Wed Dec  3 18:00:00 +0130 2025", "a@b.c", east);
        says("Wed Dec 31 Wed Dec 31 18:00:00 2025", "Wed Dec 31", eve);
    }

    #[test]
    fn a_date_that_there_is_not_is_still_a_separator() {
        says("a@b.c Wed Dec 99 18:00:00 2025", "a@b.c", None);
        says("a@b.c Wed Feb 30 25:61:61 2025", "a@b.c", None);
    }

    #[test]
    fn other_lines_are_lines_like_others() {
        for line in [
            "",
            " ",
            "the beginning",
            "what I hear, you come on Wed Dec 31",
            "a@b.c Wed Dec 31 18:00:00",
            "a@b.c Wed Dec 31 18:00:00 2025 as I said",
            "a@b.c Wed Dec 31 18:00:00:00 2025",
            "a@b.c Wednesday Dec 31 18:00:00 2025",
            "a@b.c Wed 31 Dec 18:00:00 2025",
            "Wed Dec 31 18:00:00 2025",
            " Wed Dec 31 18:00:00 2025",
            "a@b.c Wed Dec 31 ١٨:00:00 2025",
        ] {
            assert_eq!(Envelope::of_line(line.as_bytes()), None, "{line}");
        }
        let long = [&[b'a'; 1000][..], b" Wed Dec 31 18:00:00 2025"].concat();
        assert_eq!(Envelope::of_line(&long), None);
    }
}
