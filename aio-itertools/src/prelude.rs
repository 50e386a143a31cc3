//! All that a program needs in scope: `use aio_itertools::prelude::*;`.
//!
//! It holds the extension trait alone, so that it never shadows a name of yours.

pub use crate::AioItertools;
