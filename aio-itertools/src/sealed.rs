//! What closes a public trait: others can name it as a bound, and implement it nowhere.

/// A type of this crate, or one that it chose, whose closed traits are implemented here.
pub trait Sealed {}
