//! The one file that knows how values become bytes.
//!
//! Everything else sees "encode" and "decode", so the format can be changed
//! here without touching a frame, a task or a door.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a value did not become bytes, or bytes did not become a value.
#[derive(Debug)]
pub(crate) enum CodecError {
    /// The format or the value's own serde code refused.
    Refused(postcard::Error),
    /// A value was read, and this many bytes were left behind it.
    Trailing(usize),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "{error}"),
            Self::Trailing(bytes) => write!(f, "{bytes} bytes are left over after the value"),
        }
    }
}

/// Appends the bytes of `value` to `buffer`.
pub(crate) fn append<T: Serialize + ?Sized>(
    buffer: Vec<u8>,
    value: &T,
) -> Result<Vec<u8>, CodecError> {
    postcard::to_extend(value, buffer).map_err(CodecError::Refused)
}

/// Reads a value off the front of `bytes` and returns how long it was.
pub(crate) fn split<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), CodecError> {
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(CodecError::Refused)?;
    Ok((value, bytes.len() - rest.len()))
}

/// Reads a value that must be all of `bytes`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, used) = split(bytes)?;
    match bytes.len() - used {
        0 => Ok(value),
        left => Err(CodecError::Trailing(left)),
    }
}
