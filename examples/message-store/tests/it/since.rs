//! The times that `--since` takes.

use message_store::since::Since;

use crate::folder::Folder;

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
        "9999-12-31T23:59:59.999Z",
        "9999-12-31T22:59:59.999-01:00",
        "9999-12-30T23:59:59-14:00",
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
        "99999999999999999999",
        "99999999999999999999y",
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

#[test]
fn an_age_that_is_no_number_of_seconds_is_too_long() {
    for text in [
        "18446744073709551616s",
        "9223372036854775807w",
        "99999999999999999999d",
    ] {
        assert_eq!(
            text.parse::<Since>(),
            Err("that is longer ago than can be reckoned".into()),
            "{text}"
        );
    }
    let longest = Since::Ago(u64::MAX);
    assert_eq!("18446744073709551615s".parse(), Ok(longest));
}

#[test]
fn a_time_after_the_last_year_is_refused_and_up_to_it_nothing_is_printed() {
    let folder = Folder::new();
    folder.send("Bob", "Alice", "hi");
    for (time, is_past) in [
        ("9999-12-31T23:59:59.999Z", false),
        ("9999-12-31T23:59:59.9994Z", false),
        ("9999-12-31T23:59:59.9995Z", true),
        ("9999-12-31T23:59:59.99949999999999999999999", true),
        ("9999-12-31T23:59:59-00:01", true),
        ("9999-12-31T23:59:59-01:00", true),
        ("9999-12-31T22:59:59-01:00", false),
        ("9999-12-31T23:00:00-01:00", true),
        ("9999-12-31T10:00:00-14:00", true),
        ("9999-12-31T09:59:59-14:00", false),
        ("9999-12-31T23:59:59.9999+00:00", true),
        ("9999-12-31T23:59:59.9999+00:01", false),
        ("9999-12-30T23:59:59.9999-14:59", false),
    ] {
        let run = folder.run(&["list", "--since", time]);
        if is_past {
            let usage = run.usage();
            assert!(usage.contains("after the year 9999 in UTC"), "{usage}");
        } else {
            assert_eq!(run.ok(), "", "{time}");
        }
    }
    // In the first year, and before all that can be reckoned with, is before
    // every message.
    for time in ["0000-01-01T14:00:00+14:00", "18446744073709551615s"] {
        let out = folder.run(&["list", "--since", time]).ok();
        assert_eq!(out, "row #1 from Bob to Alice: hi\n", "{time}");
    }
    // A message of such a time would be exported as what no import reads.
    for time in ["0000-01-01T00:00:00+14:00", "0000-01-01T13:59:59.9+14:00"] {
        let usage = folder.run(&["list", "--since", time]).usage();
        assert!(usage.contains("before the year 0 in UTC"), "{usage}");
    }
}
