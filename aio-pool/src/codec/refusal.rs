//! Why a value did not become bytes, or bytes did not become a value.

use std::fmt;

/// Values inside each other go so deep and no deeper. Reading takes stack for
/// each level, and bytes cost whoever sends them nothing.
pub(crate) const DEEPEST_VALUE: u32 = 128;

/// What was refused, and by whom.
#[derive(Debug)]
pub(crate) enum CodecError {
    /// The format refused.
    Format(postcard::Error),
    /// The value's own serde code refused, and said this.
    Value(String),
    /// A value was read, and this many bytes were left behind it.
    Trailing(usize),
    /// More than [`DEEPEST_VALUE`].
    TooDeep,
    /// The value's serde code asked what the bytes hold, and they do not say.
    Undescribed,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(postcard::Error::DeserializeUnexpectedEnd) => {
                f.write_str("its bytes end too early")
            }
            Self::Format(postcard::Error::SerializeSeqLengthUnknown) => {
                f.write_str("it has a sequence or map that does not know its length beforehand")
            }
            Self::Format(error) => write!(f, "{error}"),
            Self::Value(said) => f.write_str(said),
            Self::Trailing(bytes) => write!(f, "{bytes} bytes are left over after the value"),
            Self::TooDeep => write!(
                f,
                "it is nested more than {DEEPEST_VALUE} levels deep, where each struct, tuple, \
                 sequence, map, enum and Some is a level"
            ),
            Self::Undescribed => f.write_str(
                "its Deserialize asks what the bytes hold, as serde's untagged, flatten and \
                 internally tagged types do, and this format does not say",
            ),
        }
    }
}

impl std::error::Error for CodecError {}

impl From<postcard::Error> for CodecError {
    fn from(error: postcard::Error) -> Self {
        Self::Format(error)
    }
}

impl serde::ser::Error for CodecError {
    fn custom<T: fmt::Display>(said: T) -> Self {
        Self::Value(said.to_string())
    }
}

impl serde::de::Error for CodecError {
    fn custom<T: fmt::Display>(said: T) -> Self {
        Self::Value(said.to_string())
    }
}
