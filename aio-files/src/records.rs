//! JSONL and CSV files as streams of typed records.
//!
//! They come from a file, or from the [standard input](crate::stdio::Stdin::records).
//!
//! A file is parsed where it is read: at once, if it is in the page cache, else
//! ahead, on another thread. A record that is wrong is one error, and the stream
//! goes on with the next; [`PathError`](crate::PathError) says the line and the
//! byte at which the record begins.
//!
//! ```
//! use serde::Deserialize;
//!
//! #[derive(Debug, PartialEq, Deserialize)]
//! struct City {
//!     name: String,
//!     people: u64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("cities.csv");
//! std::fs::write(&path, "name,people\nBergen,291940\nOslo,many\nHamar,28700\n")?;
//! let mut cities = aio_files::records::<City>(&path).csv().stream();
//! let mut names = Vec::new();
//! while let Some(city) = cities.next().await {
//!     match city {
//!         Ok(city) => names.push(city.name),
//!         Err(error) => assert!(error.to_string().ends_with(
//!             r#"at line 3, byte 26: field "people": invalid digit found in string"#
//!         )),
//!     }
//! }
//! assert_eq!(names, ["Bergen", "Hamar"]);
//! # Ok(())
//! # }
//! ```

mod csv_rows;
mod dialect;
mod fault;
mod json_lines;
mod origin;
mod parser;
mod read_csv;
mod read_jsonl;
mod reading;
mod standard_input;
mod stream;
#[cfg(test)]
mod tests;
mod window;

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

pub use crate::lines::Position;
pub use read_csv::ReadCsv;
pub use read_jsonl::ReadJsonl;
pub use stream::{AllRecords, Records};

use dialect::Dialect;
use origin::Origin;

/// The most bytes of one record, unless told otherwise.
const MAX_LEN: usize = 1024 * 1024;

/// Reads a file of records, as JSON lines or as CSV.
///
/// Say which by [`jsonl`](ReadRecords::jsonl) or [`csv`](ReadRecords::csv); then
/// `.await` gives a `Vec` of all records, and `.stream()` gives one after another.
/// `T` is anything that serde can read and that borrows nothing.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("pairs");
/// std::fs::write(&path, "[1, \"one\"]\n[2, \"two\"]\n")?;
/// let pairs = aio_files::records::<(u32, String)>(&path).jsonl().await?;
/// assert_eq!(pairs[1], (2, "two".to_owned()));
/// # Ok(())
/// # }
/// ```
pub fn records<T>(path: impl AsRef<Path>) -> ReadRecords<T> {
    ReadRecords {
        origin: Origin::File(path.as_ref().into()),
        reads: PhantomData,
    }
}

/// The builder of [`records`](fn@crate::records) and of
/// [`Stdin::records`](crate::stdio::Stdin::records): it still has to be told the format.
#[must_use = "nothing is read until `.jsonl()` or `.csv()` is awaited or streamed"]
pub struct ReadRecords<T> {
    origin: Origin,
    reads: PhantomData<fn() -> T>,
}

impl<T> ReadRecords<T> {
    /// Reads a JSON value from each line.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, when awaited: what was read is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("numbers");
    /// std::fs::write(&path, "1\n\n22\n")?;
    /// assert_eq!(aio_files::records::<u8>(&path).jsonl().await?, [1, 22]);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "ndjson")]
    pub fn jsonl(self) -> ReadJsonl<T> {
        ReadJsonl::new(self.origin)
    }

    /// Reads rows of comma-separated values, of which the first names the fields.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, when awaited: what was read is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("tsv");
    /// std::fs::write(&path, "Bergen\t291940\n")?;
    /// let cities = aio_files::records::<(String, u64)>(&path)
    ///     .csv()
    ///     .delimiter(b'\t')
    ///     .no_header()
    ///     .await?;
    /// assert_eq!(cities, [("Bergen".to_owned(), 291_940)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn csv(self) -> ReadCsv<T> {
        ReadCsv::new(self.origin, Dialect::default())
    }
}

impl<T> fmt::Debug for ReadRecords<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadRecords")
            .field("origin", &self.origin)
            .finish()
    }
}
