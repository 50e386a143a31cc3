//! Files for asynchronous programs that tell the truth.
//!
//! A [`File`] is buffered by default. A write that was answered with `Ok` is in
//! the kernel, or in a buffer about which `flush`, `sync_all` and `close` will
//! not lie. A file that is dropped loses nothing, a cancelled write finishes
//! before what follows it, and every error names the path and what was done.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("notes.txt");
//! // Await: a guard, closed by hand.
//! let mut file = aio_files::open(&path).write().create().await?;
//! file.write_all(b"Bob\n").await?;
//! file.close().await?; // says whether all of it was written
//!
//! // Guard: closed, and checked, on the way out.
//! let text = aio_files::open(&path)
//!     .with(async |file| -> std::io::Result<_> {
//!         let mut text = String::new();
//!         file.read_to_string(&mut text).await?;
//!         Ok(text)
//!     })
//!     .await?;
//! assert_eq!(text, "Bob\n");
//! # Ok(())
//! # }
//! ```
//!
//! # What is in it
//!
//! - [`open`](fn@open), a builder: how to open, then `.await` → [`File`], or
//!   `.with(async |file| …)`, which closes.
//! - [`File`], the guard: tokio's `AsyncRead`, `AsyncBufRead`, `AsyncWrite` and
//!   `AsyncSeek`, and the commonest of their methods without an import.
//! - [`read`], [`read_to_string`] and [`write`](fn@write): a whole file in one hop.
//! - [`drained`]: everything of dropped files is in the kernel.
//! - [`PathError`]: the path, the verb and the OS code inside an `io::Error`.
//!
//! # When not to use it
//!
//! In a program, or on a thread, that has nothing else to do, `std::fs` is
//! faster: each operation that reaches the kernel is a hop to another thread.
//! Data that many tasks update at once wants a database. Sockets and pipes to
//! other processes want `tokio::net` and `tokio::process`, which wait without a
//! thread; a FIFO opened here occupies one.
//!
//! # Cancellation
//!
//! Dropping a future never undoes what another thread has begun; it finishes,
//! and then the next operation on that file begins, in the order of the calls.
//! Each method says under *Cancel safety* what that means for it. An operation
//! that is cancelled is dropped, aborted or timed out; it makes no difference.
//!
//! # Dropped files
//!
//! Dropping a file with buffered bytes hands them to this crate's own thread, in
//! the order of the drops, and doesn't wait. [`drained`] waits for them, and
//! gives the errors that nobody was there to see. Opening the same path here
//! waits for them as well. Only a return from `main` without `close` or
//! `drained` can lose them: a process that ends takes its threads with it.
//!
//! "The same path" is the absolute path as it is written. A file that is reached
//! by two names, through a link or a mount, is two paths here.
//!
//! # Differences from aiofiles
//!
//! Mode strings work as there ([`Open::mode`]), but a file gives bytes in every
//! mode: `"t"` is accepted and changes nothing. A missed `close` loses nothing.
//! Reading and writing through one file share one position, as in Python.
//!
//! # Features
//!
//! | feature | adds | brings in |
//! |---|---|---|
//! | (none) | all of the above | tokio (`sync`), rustix on Unix |

mod ahead;
mod alarm;
mod backing;
mod budget;
mod buffers;
mod cached;
pub mod chunks;
mod descriptor;
mod errand;
mod error;
mod failure;
mod fairness;
mod file;
mod file_io;
mod folder;
mod handed;
mod handover;
mod in_flight;
mod like_a_file;
pub mod lines;
pub mod lock;
pub mod many;
mod mode;
mod offload;
pub mod open;
pub mod os;
mod parting;
mod positional;
mod ranges;
mod read_ahead;
mod read_buffer;
mod reading;
#[cfg(feature = "records")]
pub mod records;
pub mod replace;
pub mod stdio;
pub mod temp;
mod temporary;
mod turnstile;
#[cfg(all(unix, feature = "walk"))]
pub mod walk;
mod whole;
mod work;
mod writing;

pub use chunks::chunks;
pub use error::PathError;
pub use file::File;
pub use lines::lines;
pub use lock::lock;
pub use many::{metadata_many, read_many, write_many};
pub use open::open;
pub use parting::drained;
#[cfg(feature = "records")]
pub use records::records;
pub use replace::replace;
pub use temp::{temp_dir, temp_file};
#[cfg(all(unix, feature = "walk"))]
pub use walk::walk;
pub use whole::{read, read_to_string, write};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
