//! `flags`: many small files.
