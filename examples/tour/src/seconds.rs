//! A time on the command line.

use std::time::Duration;

/// The longest time that a program of the tour can be told to take.
const LONGEST: f64 = 3600.0;

/// Returns the time that a text such as `0.5` gives in seconds, for clap's
/// `value_parser`.
///
/// # Errors
///
/// What is not a number, zero, negative, under a millisecond, or over an hour.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if !(0.001..=LONGEST).contains(&seconds) {
        return Err(format!("not from 0.001 to {LONGEST} seconds"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_a_time() {
        assert_eq!(seconds("0.001"), Ok(Duration::from_millis(1)));
        assert_eq!(seconds("1"), Ok(Duration::from_secs(1)));
        assert_eq!(seconds("3600"), Ok(Duration::from_secs(3600)));
    }

    #[test]
    fn what_is_no_sensible_time_is_refused() {
        for text in ["0", "-1", "0.0009", "3600.1", "1e300", "inf", "-inf", "NaN"] {
            let error = seconds(text).unwrap_err();
            assert_eq!(error, "not from 0.001 to 3600 seconds", "{text}");
        }
        for text in ["", "one", "1s", "0,5"] {
            assert_eq!(seconds(text).unwrap_err(), "not a number", "{text}");
        }
    }
}
