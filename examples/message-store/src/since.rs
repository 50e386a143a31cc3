//! The times that `--since` takes: a date, a date with a time, or an age.

use std::str::FromStr;

use crate::time::{self, NoTime};

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
        match time::read(text) {
            Err(NoTime::OtherForm) => {
                Err("neither a date, a date with a time, nor an age such as 7d".into())
            }
            Err(problem) => Err(problem.to_string()),
            Ok(time) => Ok(Since::Time(time)),
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
