//! Streams out of values: the functions and their types.

mod iter;

pub use iter::{Iter, iter};
