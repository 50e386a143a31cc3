//! Temporary files and folders that go when their guard does.
//!
//! [`temp_file`](crate::temp_file) gives a [`TempFile`] and
//! [`temp_dir`](crate::temp_dir) a [`TempDir`]. Nobody else can open them, their
//! names can't be foreseen, and they are removed also when the guard is dropped,
//! by a panic or a cancellation: on this crate's own thread, with or without a
//! runtime. A process that is killed leaves them behind.
//!
//! What is to replace a file in one step, and survive a power cut, is the
//! business of [`replace`](fn@crate::replace).

mod place;
mod temp_dir;
mod temp_file;

pub use temp_dir::{CreateTempDir, CreateTempDirFuture, TempDir, temp_dir};
pub use temp_file::{CreateTempFile, CreateTempFileFuture, TempFile, temp_file};
