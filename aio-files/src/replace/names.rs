//! The names of temporary files: the same length for every target, and like
//! nobody else's.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, Hasher, RandomState};

const PREFIX: &str = ".aio-files-";
const SUFFIX: &str = ".tmp";
const DIGITS: usize = 32;

/// A name that nobody has and nobody can foresee: 128 bits.
pub(super) fn fresh() -> OsString {
    // Keyed by the operating system's random numbers, and with other keys each time.
    let random = || RandomState::new().build_hasher().finish();
    format!("{PREFIX}{:016x}{:016x}{SUFFIX}", random(), random()).into()
}

/// Says whether a name is one of those.
pub(super) fn is_ours(name: &OsStr) -> bool {
    let digits = name
        .as_encoded_bytes()
        .strip_prefix(PREFIX.as_bytes())
        .and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
    digits.is_some_and(|digits| {
        digits.len() == DIGITS
            && digits
                .iter()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn fresh_names_are_ours_and_never_the_same() {
        let names: HashSet<OsString> = (0..100_000).map(|_| fresh()).collect();
        assert_eq!(names.len(), 100_000);
        assert!(names.iter().all(|name| is_ours(name) && name.len() == 47));
    }

    #[test]
    fn no_other_name_is_ours() {
        let name = fresh().into_string().unwrap();
        let others = [
            String::new(),
            name[1..].to_owned(),
            name[..46].to_owned(),
            format!("{name}~"),
            format!("a{name}"),
            name.replace("tmp", "TMP"),
            name.replace("files", "file"),
            format!("{}g.tmp", &name[..42]),
            format!("{}F.tmp", &name[..42]),
            format!("{}0.tmp", &name[..43]),
            format!("{}.tmp", &name[..42]),
            format!("{PREFIX}{SUFFIX}"),
        ];
        for other in others {
            assert!(!is_ours(OsStr::new(&other)), "{other}");
        }
    }
}
