//! Times as people and files write them, and the days that there are.

use std::fmt;

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoTime {
    /// It doesn't have the form of one.
    OtherForm,
    /// It is no day, or no time of a day.
    Unreal,
    /// In UTC it has a year below 0, which RFC 3339 can't say.
    TooEarly,
    /// In UTC it lies beyond what SQLite can reckon with.
    TooLate,
}

impl fmt::Display for NoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoTime::OtherForm => "neither a date nor a date with a time",
            NoTime::Unreal => "there is no such day or time",
            NoTime::TooEarly => "that is before the year 0 in UTC",
            NoTime::TooLate => "that is after the year 9999 in UTC",
        })
    }
}

/// Returns a time in the form of RFC 3339 as SQLite reads it: a date, or a date
/// with a time, in UTC unless it has an offset.
///
/// SQLite reads the number of a Julian day and `now` as times too, takes the
/// 31st of February for the 3rd of March, and says NULL of the year 10000:
/// hence a check of our own.
///
/// # Errors
///
/// Why it is none.
pub(crate) fn read(text: &str) -> Result<String, NoTime> {
    let time = text.to_ascii_uppercase();
    match problem(&time) {
        None => Err(NoTime::OtherForm),
        Some(Err(problem)) => Err(problem),
        Some(Ok(())) => Ok(time),
    }
}

/// What is wrong with a text in the form of RFC 3339; `None` where it has another
/// form.
fn problem(text: &str) -> Option<Result<(), NoTime>> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);

    let (clock, offset) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, "Z"),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let is_clock = hour < 24 && minute < 60 && second < 60;

    let [hours, minutes] = match offset {
        "Z" => [0, 0],
        _ => numbers(&offset[1..], ':', [2, 2])?,
    };
    // SQLite's limit, which no place on Earth exceeds.
    let is_offset = hours <= 14 && minutes < 60;
    if !(is_date && is_clock && is_offset) {
        return Some(Err(NoTime::Unreal));
    }

    // West of Greenwich, UTC is ahead of the clock. SQLite rounds to
    // milliseconds, in floating point, so that the last half of the very last
    // one, and a hair more, is in the next year.
    let offset_minutes = hours * 60 + minutes;
    let (west, east) = match offset.starts_with('-') {
        true => (offset_minutes, 0),
        false => (0, offset_minutes),
    };
    let rounded_up = u32::from(fraction >= "9994999");
    let seconds = (hour * 60 + minute + west) * 60 + second + rounded_up;
    let is_over = seconds >= (24 * 60 + east) * 60;
    let is_before = seconds < east * 60;
    match (year, month, day) {
        (0, 1, 1) if is_before => Some(Err(NoTime::TooEarly)),
        (9999, 12, 31) if is_over => Some(Err(NoTime::TooLate)),
        _ => Some(Ok(())),
    }
}

/// Returns how many days a month has, from 1 to 12.
pub(crate) fn days_of(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Numbers of just so many digits, between separators.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u32; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let part = part
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then_some(part)?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}
