//! The times that `--since` takes: a date, a date with a time, or an age.

use std::str::FromStr;

/// A moment in the past, from which on messages are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// A date or date-time in a form that SQLite reads; UTC unless it has an offset.
    Time(String),
    /// So many seconds before now.
    Ago(u64),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Since, String> {
        if let Some(age) = age(text) {
            let seconds = age.ok_or("that is longer ago than can be reckoned")?;
            return Ok(Since::Ago(seconds));
        }
        let time = text.to_ascii_uppercase();
        match kind(&time) {
            Some(Kind::Real) => Ok(Since::Time(time)),
            Some(Kind::Unreal) => Err("there is no such day or time".into()),
            Some(Kind::TooEarly) => Err("that is before the year 0 in UTC".into()),
            Some(Kind::TooLate) => Err("that is after the year 9999 in UTC".into()),
            None => Err("neither a date, a date with a time, nor an age such as 7d".into()),
        }
    }
}

/// The seconds of an age such as `90s`, `30m`, `2h`, `7d` or `4w`, if they can
/// be counted; `None` where the text has another form.
fn age(text: &str) -> Option<Option<u64>> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return None,
    };
    let count = &text[..text.len() - 1];
    // `parse` alone would take a sign.
    if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Digits alone fail to be a number only by being too many.
    let seconds = count.parse::<u64>().ok();
    Some(seconds.and_then(|count| count.checked_mul(unit)))
}

/// What becomes of a text in the form of RFC 3339.
enum Kind {
    /// A time that SQLite can reckon with.
    Real,
    /// No day, or no time of a day.
    Unreal,
    /// A time that in UTC has a year below 0, which RFC 3339 can't say.
    TooEarly,
    /// A time that in UTC lies beyond those that SQLite can reckon with.
    TooLate,
}

/// What a text in the form of RFC 3339 names; `None` where it has another form.
///
/// SQLite reads the number of a Julian day and `now` as times too, takes the
/// 31st of February for the 3rd of March, and says NULL of the year 10000:
/// hence a check of our own.
fn kind(text: &str) -> Option<Kind> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let days = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let is_date = (1..=12).contains(&month) && (1..=days).contains(&day);

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
        return Some(Kind::Unreal);
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
        (0, 1, 1) if is_before => Some(Kind::TooEarly),
        (9999, 12, 31) if is_over => Some(Kind::TooLate),
        _ => Some(Kind::Real),
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
