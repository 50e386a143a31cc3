//! The times that `--since` takes.

use message_store::since::Since;

#[test]
fn ages_are_in_seconds() {
    for (text, seconds) in [
        ("0s", 0),
        ("90s", 90),
        ("30m", 1_800),
        ("2h", 7_200),
        ("7d", 604_800),
        ("4w", 2_419_200),
    ] {
        assert_eq!(text.parse(), Ok(Since::Ago(seconds)), "{text}");
    }
}

#[test]
fn times_are_those_of_rfc_3339() {
    for text in [
        "2025-12-31",
        "2024-02-29",
        "2000-02-29",
        "2025-12-31T18:00:00Z",
        "2025-12-31 18:00:00",
        "2025-12-31t18:00:00.123456z",
        "2025-12-31T23:59:59+14:00",
        "2025-12-31T00:00:00-03:30",
        "0000-01-01",
        "9999-12-31",
    ] {
        let time = Since::Time(text.to_ascii_uppercase());
        assert_eq!(text.parse(), Ok(time), "{text}");
    }
}

#[test]
fn everything_else_is_said_to_be_wrong() {
    let no_such_time = [
        "2025-02-29",
        "1900-02-29",
        "2025-04-31",
        "2025-13-01",
        "2025-00-01",
        "2025-01-00",
        "2025-01-01T24:00:00Z",
        "2025-01-01T00:60:00Z",
        "2025-01-01T00:00:60Z",
        "2025-01-01T00:00:00+15:00",
        "2025-01-01T00:00:00+01:60",
    ];
    let no_time = [
        "",
        " ",
        "now",
        "7",
        "d",
        "-7d",
        "+7d",
        "7 d",
        "7y",
        "1.5h",
        "99999999999999999999d",
        "9223372036854775807w",
        "2025",
        "2025-1-1",
        "20250101",
        "+2025-01-01",
        "2025-01-01T",
        "2025-01-01T00:00",
        "2025-01-01T00:00:00.",
        "2025-01-01T00:00:00.Z",
        "2025-01-01T00:00:00.1e5",
        "2025-01-01T00:00:00+0100",
        "2025-01-01T00:00:00ZZ",
        "2025-01-01T00:00:00Z ",
        "2025-01-01T00:00:00 +1 day",
        "2460000.5",
        "٧d",
        "2025-01-0١",
        "7д",
    ];
    for text in no_such_time {
        assert_eq!(
            text.parse::<Since>(),
            Err("there is no such day or time".into()),
            "{text}"
        );
    }
    for text in no_time {
        let said = "neither a date, a date with a time, nor an age such as 7d";
        assert_eq!(text.parse::<Since>(), Err(said.into()), "{text}");
    }
}
