//! How a file is to be opened, and the mode strings of Python.

use std::fs::OpenOptions;
use std::io;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    ReadWrite,
}

/// Where written bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    AtPosition,
    AtEnd,
}

/// What becomes of a file that is there, or isn't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Creation {
    Existing,
    Create,
    CreateNew,
}

/// What becomes of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Keep,
    Truncate,
}

/// Everything that decides how the operating system opens a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) access: Access,
    pub(crate) placement: Placement,
    pub(crate) creation: Creation,
    pub(crate) content: Content,
}

impl Mode {
    /// For reading, which is what `open` does unless told otherwise.
    pub(crate) const READ: Self = Self {
        access: Access::Read,
        placement: Placement::AtPosition,
        creation: Creation::Existing,
        content: Content::Keep,
    };

    /// Reads a mode string as Python's `open` does.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidMode<'_>> {
        let count = |wanted: char| text.chars().filter(|&c| c == wanted).count();
        let known = text.chars().all(|c| "rwaxbt+".contains(c));
        let verbs: usize = "rwax".chars().map(count).sum();
        let kinds = count('b') + count('t');
        if !known || verbs != 1 || kinds > 1 || count('+') > 1 {
            return Err(InvalidMode(text));
        }
        let mode = if count('r') == 1 {
            Self::READ
        } else {
            Self {
                access: Access::Write,
                creation: Creation::Create,
                ..Self::READ
            }
        };
        let mode = if count('w') == 1 {
            Self {
                content: Content::Truncate,
                ..mode
            }
        } else if count('a') == 1 {
            Self {
                placement: Placement::AtEnd,
                ..mode
            }
        } else if count('x') == 1 {
            Self {
                creation: Creation::CreateNew,
                ..mode
            }
        } else {
            mode
        };
        Ok(match count('+') {
            0 => mode,
            _ => Self {
                access: Access::ReadWrite,
                ..mode
            },
        })
    }

    /// The same for std.
    pub(crate) fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        let writes = self.access.writes();
        options
            .read(self.access.reads())
            .write(writes && self.placement == Placement::AtPosition)
            .append(writes && self.placement == Placement::AtEnd)
            .create(self.creation == Creation::Create)
            .create_new(self.creation == Creation::CreateNew)
            .truncate(self.content == Content::Truncate);
        options
    }

    /// True if opening alone may change what is on the disk.
    pub(crate) fn changes(self) -> bool {
        self.creation != Creation::Existing || self.content == Content::Truncate
    }
}

impl Access {
    pub(crate) fn reads(self) -> bool {
        self != Self::Write
    }

    pub(crate) fn writes(self) -> bool {
        self != Self::Read
    }
}

/// A mode string that says nothing, or two things at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidMode<'a>(&'a str);

impl From<InvalidMode<'_>> for io::Error {
    fn from(InvalidMode(text): InvalidMode<'_>) -> Self {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "invalid mode {text:?}: one of r, w, a, x is needed, and then at most one + and one of b, t"
            ),
        )
    }
}
