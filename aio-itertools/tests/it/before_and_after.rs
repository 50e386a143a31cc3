//! The two halves of `before_and_after`.
