//! Files for asynchronous programs that tell the truth, at std's speed.
//!
//! A write that was answered with `Ok` is in the kernel, or in a buffer about
//! which `flush`, `sync_all` and `close` will not lie. A file that is dropped
//! loses nothing, a cancelled write finishes before what follows it, and every
//! error names the path and what was done. What is in the page cache is read
//! without a hop to another thread, and everything else with one hop for much.
//!
//! ```
//! use std::io;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> io::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("notes.txt");
//! // Await: a whole file in one hop.
//! aio_files::write(&path, "Bob\nAlice\n").await?;
//!
//! // Iterate: its lines, however long it is.
//! let mut lines = aio_files::lines(&path).stream();
//! while let Some(line) = lines.next().await {
//!     println!("{}: {}", lines.position().line, line?);
//! }
//!
//! // Guard: closed, and checked, on the way out.
//! aio_files::open(&path)
//!     .append()
//!     .with(async |file| -> io::Result<_> { file.write_all(b"Carol\n").await })
//!     .await?;
//! assert_eq!(aio_files::read_to_string(&path).await?, "Bob\nAlice\nCarol\n");
//! # Ok(())
//! # }
//! ```
//!
//! # What is in it
//!
//! - [`read`], [`read_to_string`] and [`write`](fn@write): a whole file in one
//!   hop. [`read_many`], [`write_many`] and [`metadata_many`]: many in one hop.
//! - [`open`](fn@open), a builder: how to open, then `.await` → [`File`], or
//!   `.with(async |file| …)`, which closes. [`File`], the guard, has tokio's
//!   `AsyncRead`, `AsyncBufRead`, `AsyncWrite` and `AsyncSeek`, the commonest of
//!   their methods without an import, and reads and writes at positions.
//! - [`lines`](fn@lines), [`chunks`](fn@chunks) and `records` (JSONL and CSV,
//!   feature `records`): a file as a stream. A wrong line or record is one error
//!   with its line and byte, and the stream goes on.
//! - [`os`]: files and folders by their paths, one hop each: what `std::fs` and
//!   `aiofiles.os` have. `walk` (feature `walk`): a folder and all below it as a
//!   stream, with gitignore and globs.
//! - [`replace`](fn@replace): readers and crashes meet the old content or the
//!   new, never a part, and `Ok` of its commit survives a power cut.
//! - [`temp_file`] and [`temp_dir`]: private to the user, and removed when they
//!   are closed or dropped.
//! - [`lock`](fn@lock): a lock between tasks and processes, with a timeout.
//! - [`stdio`]: the standard streams, of which no cancelled reader loses a byte.
//! - [`drained`]: everything of dropped guards is done.
//! - [`PathError`]: the path, the verb, the place and the OS code inside an
//!   `io::Error`.
//!
//! # When not to use it
//!
//! In a program, or on a thread, that has nothing else to do, `std::fs` does the
//! same with less. Data that many tasks update at once wants a database. Sockets
//! and pipes to other processes want `tokio::net` and `tokio::process`, which
//! wait without a thread; a FIFO opened here occupies one.
//!
//! # Cancellation
//!
//! Dropping a future never undoes what another thread has begun; it finishes,
//! and then the next operation on that file or path begins, in the order of the
//! first polls. What has not begun when its future is dropped never happens. Each
//! item says under *Cancel safety* what that means for it. An operation that is
//! cancelled is dropped, aborted or timed out; it makes no difference.
//!
//! # Dropped files
//!
//! Dropping a file with buffered bytes hands them to this crate's own thread, in
//! the order of the drops, and doesn't wait. [`drained`] waits for them, and
//! gives the errors that nobody was there to see. Every operation on the same
//! path here waits for them as well. Only a return from `main` without `close` or
//! `drained` can lose them: a process that ends takes its threads with it.
//!
//! "The same path" is the path as it is written, with `.` and `..` resolved by
//! the letter. A file that is reached by two names, through a link or a mount, is
//! two paths here; so is one by a relative path before and after a `chdir`.
//!
//! # Threads
//!
//! A caller's thread makes one system call on files, and that never waits for a
//! disk: `preadv2` with `RWF_NOWAIT`. All else is done by threads of this crate:
//! at most 64 that are shared, and one for what drops leave. What may stand still
//! until another process comes, such as the opening of a FIFO, has one of its own. No runtime is needed, and one that
//! ends takes nothing with it.
//!
//! # Differences from aiofiles
//!
//! Mode strings work as there ([`Open::mode`](open::Open::mode)), but a file gives
//! bytes in every mode: `"t"` is accepted and changes nothing. A missed `close`
//! loses nothing. Reading and writing through one file share one position, as in
//! Python. The predicates of `os.path` give an error where they can't look, and
//! `false` only if nothing is there.
//!
//! # Features
//!
//! | feature | adds | brings in |
//! |---|---|---|
//! | (none) | all of the above but for the two below | tokio (`rt`, `sync`), bytes, futures-core, memchr, tempfile, rustix on Unix |
//! | `records` | JSONL and CSV files as streams of typed records | serde, serde_json, csv, csv-core |
//! | `walk` | `walk` with gitignore and globs, on Unix | ignore |

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
mod sending;
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
