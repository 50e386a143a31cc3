//! The dates of mail, in the forms of mail and in that of the store.

use crate::time::days_of;

/// The days of the week as mail calls them, from Sunday.
pub(crate) const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// The months as mail calls them.
pub(crate) const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A date and a time of day, with an offset from UTC. It may be none that there
/// is: [`rfc3339`](Self::rfc3339) tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) year: u16,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    /// How far the clock is ahead of UTC, in minutes.
    pub(crate) offset: i16,
}

impl Moment {
    /// Returns the date in a form that SQLite reads, if there is such a date.
    pub(crate) fn rfc3339(&self) -> Option<String> {
        let Moment {
            year,
            month,
            day,
            hour,
            minute,
            second,
            offset,
        } = *self;
        // The years before and after could be others in UTC, and SQLite reckons
        // from 0 to 9999. Beyond 14 hours it takes no offset.
        let is_date = (1..=9998).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_of(year.into(), month.into())).contains(&day.into());
        let is_clock = hour < 24 && minute < 60 && second <= 60;
        if !(is_date && is_clock && offset.abs() <= 14 * 60) {
            return None;
        }
        // A leap second is one that SQLite doesn't know.
        let second = second.min(59);
        let zone = match offset {
            0 => "Z".into(),
            _ => format!(
                "{}{:02}:{:02}",
                if offset < 0 { '-' } else { '+' },
                offset.abs() / 60,
                offset.abs() % 60
            ),
        };
        Some(format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}"
        ))
    }

    /// Returns the date as the header `Date` has it.
    pub(crate) fn rfc5322(&self) -> String {
        let (day, month) = self.names();
        format!(
            "{day}, {} {month} {:04} {:02}:{:02}:{:02} {}{:02}{:02}",
            self.day,
            self.year,
            self.hour,
            self.minute,
            self.second,
            if self.offset < 0 { '-' } else { '+' },
            self.offset.abs() / 60,
            self.offset.abs() % 60
        )
    }

    /// Returns the date as the line `From …` of an mbox has it, which is in UTC.
    pub(crate) fn asctime(&self) -> String {
        let (day, month) = self.names();
        format!(
            "{day} {month} {:2} {:02}:{:02}:{:02} {:04}",
            self.day, self.hour, self.minute, self.second, self.year
        )
    }

    /// What its day of the week and its month are called.
    fn names(&self) -> (&'static str, &'static str) {
        let (year, month) = (i32::from(self.year), usize::from(self.month.clamp(1, 12)));
        // Sakamoto's method: years begin in March.
        let shift = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4][month - 1];
        let year = year - i32::from(month < 3);
        let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let day = (year + leaps + shift + i32::from(self.day)).rem_euclid(7);
        (DAYS[day as usize], MONTHS[month - 1])
    }
}

/// Reads a date in the form that the store has them, `2025-12-31T18:00:00.000Z`,
/// and tells the milliseconds apart; `None` if it has another form or there is
/// no such date.
pub(crate) fn of_store(text: &str) -> Option<(Moment, u16)> {
    let form = b"dddd-dd-ddTdd:dd:dd.dddZ";
    let fits = text.len() == form.len()
        && text.bytes().zip(form).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            _ => byte == *form,
        });
    if !fits {
        return None;
    }
    let two = |at: usize| text[at..at + 2].parse().ok();
    let moment = Moment {
        year: text[0..4].parse().ok()?,
        month: two(5)?,
        day: two(8)?,
        hour: two(11)?,
        minute: two(14)?,
        second: two(17)?,
        offset: 0,
    };
    let is_date = (1..=12).contains(&moment.month)
        && (1..=days_of(moment.year.into(), moment.month.into())).contains(&moment.day.into());
    let is_clock = moment.hour < 24 && moment.minute < 60 && moment.second < 60;
    (is_date && is_clock).then_some((moment, text[20..23].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{Moment, of_store};

    const EVE: Moment = Moment {
        year: 2025,
        month: 12,
        day: 31,
        hour: 18,
        minute: 5,
        second: 9,
        offset: 0,
    };

    #[test]
    fn a_date_has_the_forms_of_mail_and_of_the_store() {
        assert_eq!(EVE.rfc3339().unwrap(), "2025-12-31T18:05:09Z");
        assert_eq!(EVE.rfc5322(), "Wed, 31 Dec 2025 18:05:09 +0000");
        assert_eq!(EVE.asctime(), "Wed Dec 31 18:05:09 2025");
        assert_eq!(of_store("2025-12-31T18:05:09.120Z"), Some((EVE, 120)));
        let west = Moment {
            offset: -210,
            ..EVE
        };
        assert_eq!(west.rfc3339().unwrap(), "2025-12-31T18:05:09-03:30");
        assert_eq!(west.rfc5322(), "Wed, 31 Dec 2025 18:05:09 -0330");
    }

    #[test]
    fn days_of_the_week_are_right() {
        for (year, month, day, name) in [
            (1970, 1, 1, "Thu"),
            (2000, 2, 29, "Tue"),
            (2024, 2, 29, "Thu"),
            (1900, 3, 1, "Thu"),
            (9999, 12, 31, "Fri"),
        ] {
            let date = Moment {
                year,
                month,
                day,
                ..EVE
            };
            assert!(date.asctime().starts_with(name), "{}", date.asctime());
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for wrong in [
            Moment { month: 0, ..EVE },
            Moment { month: 13, ..EVE },
            Moment { day: 0, ..EVE },
            Moment { day: 32, ..EVE },
            Moment {
                month: 2,
                day: 29,
                ..EVE
            },
            Moment { hour: 24, ..EVE },
            Moment { second: 61, ..EVE },
            Moment { offset: 900, ..EVE },
            Moment { year: 0, ..EVE },
            Moment { year: 9999, ..EVE },
        ] {
            assert_eq!(wrong.rfc3339(), None, "{wrong:?}");
        }
        for wrong in [
            "",
            "2025-12-31T18:05:09Z",
            "2025-02-29T18:05:09.000Z",
            "2025-12-31T24:05:09.000Z",
            "2025-12-31 18:05:09.000Z",
            "2025-12-31T18:05:09.00éZ",
        ] {
            assert_eq!(of_store(wrong), None, "{wrong}");
        }
    }
}
