//! Which format a source has.

use crate::error::{Error, Result};
use crate::format::Kind;
use crate::source::Source;

/// Returns the format that is said, or that the name tells, or the content.
///
/// # Errors
///
/// [`Error::Format`] if nothing tells, [`Error::File`] if the file can't be read.
///
/// # Cancel safety
///
/// *Cancel safe*: nothing is taken from the source.
pub(super) async fn choose(source: &Source, said: Option<Kind>) -> Result<Kind> {
    let named = match source {
        Source::File(path) => Kind::of_name(path),
        Source::Stdin => None,
    };
    if let Some(kind) = said.or(named) {
        return Ok(kind);
    }
    let unknown = |problem: &str| Error::Format {
        path: source.name().into(),
        problem: format!("{problem}: say it with --format"),
    };
    match source.start().await.map_err(Error::File)? {
        None => Err(unknown("its name doesn't tell its format")),
        // No message at all is the same in each of them.
        Some(start) if start.is_empty() => Ok(Kind::Jsonl),
        Some(start) => Kind::of_content(&start)
            .ok_or_else(|| unknown("neither its name nor its content tells its format")),
    }
}
