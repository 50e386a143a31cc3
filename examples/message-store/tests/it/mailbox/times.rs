//! Times as mail writes them, as `From ` lines do, and as the store does.

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A moment, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub(super) i64);

struct Civil {
    year: i64,
    month: usize,
    day: i64,
    weekday: &'static str,
    clock: String,
}

impl Moment {
    /// That of the mail of a number: they come some minutes apart from 2001 on.
    pub(super) fn of(n: usize) -> Moment {
        Moment(1_000_000_000 + n as i64 * 601)
    }

    pub(super) fn later(self, seconds: i64) -> Moment {
        Moment(self.0 + seconds)
    }

    fn civil(self) -> Civil {
        let days = self.0.div_euclid(86_400);
        let second = self.0.rem_euclid(86_400);
        let (mut year, mut rest) = (1970, days);
        while rest >= length(year) {
            rest -= length(year);
            year += 1;
        }
        let mut month = 0;
        while rest >= month_length(year, month) {
            rest -= month_length(year, month);
            month += 1;
        }
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        Civil {
            year,
            month,
            day: rest + 1,
            weekday: DAYS[(days % 7) as usize],
            clock: format!("{hour:02}:{minute:02}:{second:02}"),
        }
    }

    /// As the header `Date` has it, so many minutes east of Greenwich.
    pub(super) fn in_mail(self, east: i64) -> String {
        let Civil {
            year,
            month,
            day,
            weekday,
            clock,
        } = self.later(east * 60).civil();
        let month = MONTHS[month];
        let sign = if east < 0 { '-' } else { '+' };
        let (hours, minutes) = (east.abs() / 60, east.abs() % 60);
        format!("{weekday}, {day} {month} {year} {clock} {sign}{hours:02}{minutes:02}")
    }

    /// As the function `asctime` of C has it.
    pub(super) fn asctime(self) -> String {
        let Civil {
            year,
            month,
            day,
            weekday,
            clock,
        } = self.civil();
        format!("{weekday} {} {day:2} {clock} {year}", MONTHS[month])
    }

    /// As the store has it.
    pub(super) fn in_store(self) -> String {
        let Civil {
            year,
            month,
            day,
            clock,
            ..
        } = self.civil();
        format!("{year}-{:02}-{day:02}T{clock}.000Z", month + 1)
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn length(year: i64) -> i64 {
    365 + i64::from(is_leap(year))
}

fn month_length(year: i64, month: usize) -> i64 {
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    lengths[month] + i64::from(month == 1 && is_leap(year))
}
