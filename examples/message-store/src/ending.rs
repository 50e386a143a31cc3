//! How a command ended, and by which exit code the program says so.

/// How a command ended that was carried through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All is well.
    Well,
    /// Messages were rejected, and the rest was imported.
    Rejected,
    /// Something could not be done, which was reported, and the rest was.
    Failed,
    /// It was interrupted, and left everything whole.
    Interrupted,
}

impl Ending {
    /// Returns the exit code of a program whose command ended so.
    pub fn code(self) -> u8 {
        match self {
            Ending::Well => 0,
            Ending::Failed => 1,
            Ending::Rejected => 3,
            // As of a program that the signal of Ctrl-C ended: 128 and its number.
            Ending::Interrupted => 130,
        }
    }
}
