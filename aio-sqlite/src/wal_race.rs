//! SQLite versions whose write-ahead log can lose commits.
//!
//! Up to 3.51.2 two checkpoints can meet a writer in such a way that the second
//! one takes commits for moved into the database that are not: they are lost, or
//! the file is corrupt ([the WAL-reset bug](https://www.sqlite.org/wal.html)).
//! It takes several connections to one file, which is what a database here is.
//! The SQLite that the feature `bundled` compiles in is free of it; one that is
//! linked dynamically is known at run time only.

use crate::error::{Error, Result};
use crate::options::WalRace;

/// Refuses a version of SQLite that can lose commits, unless that is accepted.
/// The version is a number as SQLite has it: 3.51.3 is 3,051,003.
pub(crate) fn check(version: i32, wal_race: WalRace) -> Result<()> {
    if wal_race == WalRace::Accept || is_safe(version) {
        return Ok(());
    }
    Err(Error::WalRace {
        version: dotted(version),
    })
}

/// Fixed in 3.51.3, and in two older lines that are still kept.
fn is_safe(version: i32) -> bool {
    version >= 3_051_003
        || (3_050_007..3_051_000).contains(&version)
        || (3_044_006..3_045_000).contains(&version)
}

fn dotted(version: i32) -> String {
    let (major, minor, patch) = (
        version / 1_000_000,
        version / 1_000 % 1_000,
        version % 1_000,
    );
    format!("{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_with_the_fix_pass_and_all_others_are_refused() {
        for safe in [
            3_051_003, 3_051_004, 3_052_000, 3_053_002, 3_054_001, 3_999_999, 4_000_000, 3_050_007,
            3_050_008, 3_050_999, // the line 3.50
            3_044_006, 3_044_007, 3_044_999, // the line 3.44
        ] {
            check(safe, WalRace::Refuse).unwrap_or_else(|error| panic!("{safe}: {error}"));
        }
        for racy in [
            0, 3_007_000, 3_034_001, 3_040_001, 3_043_999, 3_044_000, 3_044_005, 3_045_000,
            3_046_000, 3_049_002, 3_050_000, 3_050_006, 3_051_000, 3_051_002,
        ] {
            let refused = check(racy, WalRace::Refuse);
            assert!(matches!(refused, Err(Error::WalRace { .. })), "{racy}");
            check(racy, WalRace::Accept).unwrap_or_else(|error| panic!("{racy}: {error}"));
        }
    }

    #[test]
    fn the_error_names_the_version_and_the_way_out() {
        let text = check(3_046_001, WalRace::Refuse).unwrap_err().to_string();
        for word in ["3.46.1", "lose", "3.51.3", "WalRace::Accept"] {
            assert!(text.contains(word), "{text}");
        }
    }

    /// The feature's promise.
    #[cfg(feature = "bundled")]
    #[test]
    fn the_bundled_version_is_safe() {
        check(rusqlite::version_number(), WalRace::Refuse).unwrap();
    }
}
