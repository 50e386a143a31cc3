//! A row, and how a value is taken out of it.

use std::fmt;
use std::sync::Arc;

use rusqlite::types::{Type, Value, ValueRef};

use crate::chunk::Chunk;
use crate::error::{Error, Result, type_name};

/// A row of a result: a cheap handle that outlives the connection and the
/// runtime it came from.
///
/// Values are taken by number, from 0, or by name, where case doesn't count.
/// They are decoded when they are taken: `get::<&str>` borrows from the row,
/// `get::<String>` owns.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> aio_sqlite::Result<()> {
/// let db = aio_sqlite::connect(":memory:").await?;
/// let row = db.query("SELECT 7 AS id, 'Bob' AS name, NULL AS age", ()).one().await?;
/// assert_eq!(row.get::<i64>("id")?, 7);
/// assert_eq!(row.get::<&str>(1)?, "Bob");
/// assert_eq!(row.get::<Option<u8>>("age")?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Row {
    chunk: Arc<Chunk>,
    at: usize,
}

impl Row {
    pub(crate) fn new(chunk: Arc<Chunk>, at: usize) -> Row {
        Row { chunk, at }
    }

    /// How many rows stand in the chunk, this one included.
    pub(crate) fn neighbours(&self) -> usize {
        self.chunk.rows()
    }

    /// Becomes another row of the chunk.
    pub(crate) fn move_to(&mut self, at: usize) {
        self.at = at;
    }

    /// The chunk that the row stands in, unless another row keeps it.
    pub(crate) fn into_chunk(self) -> Option<Chunk> {
        Arc::into_inner(self.chunk)
    }

    /// Returns the value of a column, decoded into `T`.
    ///
    /// # Errors
    ///
    /// [`Error::Column`] where the row has no such column, or it holds
    /// something that `T` can't take.
    pub fn get<'row, T: FromValue<'row>>(&'row self, column: impl Column) -> Result<T> {
        let index = column.position(self)?;
        let Some(value) = self.chunk.value(self.at, index) else {
            return Err(no_column(index, self));
        };
        T::from_value(value).map_err(|Mismatch(problem)| match self.chunk.columns().name(index) {
            Some(name) => Error::column(name, problem),
            None => Error::column(index, problem),
        })
    }

    /// Returns the value of a column as SQLite holds it, borrowed from the row.
    ///
    /// # Errors
    ///
    /// [`Error::Column`] where the row has no such column.
    pub fn value(&self, column: impl Column) -> Result<ValueRef<'_>> {
        let index = column.position(self)?;
        self.chunk
            .value(self.at, index)
            .ok_or_else(|| no_column(index, self))
    }

    /// Returns the number of columns.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a row without columns does not exist"
    )]
    pub fn len(&self) -> usize {
        self.chunk.columns().len()
    }

    /// Returns the columns' names, in order.
    pub fn column_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.chunk.columns().names()
    }

    #[cfg(feature = "serde")]
    pub(crate) fn name(&self, index: usize) -> Option<&str> {
        self.chunk.columns().name(index)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (index, name) in self.column_names().enumerate() {
            match self.chunk.value(self.at, index) {
                Some(ValueRef::Text(bytes)) => map.entry(&name, &String::from_utf8_lossy(bytes)),
                Some(value) => map.entry(&name, &value),
                None => map.entry(&name, &"missing"),
            };
        }
        map.finish()
    }
}

/// A way to name a column: its number from 0, or its name.
pub trait Column: sealed::Sealed {
    #[doc(hidden)]
    fn position(&self, row: &Row) -> Result<usize>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for usize {}
    impl Sealed for &str {}
}

#[cold]
fn no_column(index: usize, row: &Row) -> Error {
    Error::column(index, format!("the row has {} columns", row.len()))
}

impl Column for usize {
    #[inline]
    fn position(&self, row: &Row) -> Result<usize> {
        if *self < row.len() {
            Ok(*self)
        } else {
            Err(no_column(*self, row))
        }
    }
}

impl Column for &str {
    fn position(&self, row: &Row) -> Result<usize> {
        let columns = row.chunk.columns();
        columns.position(self).ok_or_else(|| {
            let names = columns.names().collect::<Vec<_>>().join(", ");
            Error::column(self, format!("the row has {names}"))
        })
    }
}

/// Why a value can't be taken as what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch(String);

impl Mismatch {
    /// Says why, in words that fit behind `column name: `.
    pub fn new(problem: impl Into<String>) -> Mismatch {
        Mismatch(problem.into())
    }

    fn expected(wanted: &str, found: Type) -> Mismatch {
        Mismatch(format!("expected {wanted}, found {}", type_name(found)))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

/// A type that a column's value can be decoded into.
///
/// An integer is taken by every integer type that it fits, and by `f64`; a
/// text or blob by owned and by borrowed types; NULL by `Option` only.
///
/// ```
/// use aio_sqlite::row::{FromValue, Mismatch};
/// use aio_sqlite::ValueRef;
///
/// struct Colour(u32);
///
/// impl<'row> FromValue<'row> for Colour {
///     fn from_value(value: ValueRef<'row>) -> Result<Colour, Mismatch> {
///         let hex = <&str>::from_value(value)?;
///         u32::from_str_radix(hex, 16).map(Colour).map_err(|e| Mismatch::new(e.to_string()))
///     }
/// }
/// ```
pub trait FromValue<'row>: Sized {
    /// Decodes a value.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] where the value is of another kind or out of range.
    fn from_value(value: ValueRef<'row>) -> Result<Self, Mismatch>;
}

impl<'row> FromValue<'row> for ValueRef<'row> {
    fn from_value(value: ValueRef<'row>) -> Result<Self, Mismatch> {
        Ok(value)
    }
}

impl FromValue<'_> for Value {
    fn from_value(value: ValueRef<'_>) -> Result<Self, Mismatch> {
        Ok(match value {
            ValueRef::Text(bytes) => Value::Text(text(bytes)?.to_owned()),
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        })
    }
}

fn text(bytes: &[u8]) -> Result<&str, Mismatch> {
    // SQLite stores whatever bytes it was given as text.
    str::from_utf8(bytes).map_err(|error| Mismatch(format!("the text is not UTF-8: {error}")))
}

impl<'row> FromValue<'row> for &'row str {
    #[inline]
    fn from_value(value: ValueRef<'row>) -> Result<Self, Mismatch> {
        match value {
            ValueRef::Text(bytes) => text(bytes),
            other => Err(Mismatch::expected("text", other.data_type())),
        }
    }
}

impl<'row> FromValue<'row> for &'row [u8] {
    #[inline]
    fn from_value(value: ValueRef<'row>) -> Result<Self, Mismatch> {
        match value {
            ValueRef::Blob(bytes) => Ok(bytes),
            other => Err(Mismatch::expected("blob", other.data_type())),
        }
    }
}

impl FromValue<'_> for i64 {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Self, Mismatch> {
        match value {
            ValueRef::Integer(number) => Ok(number),
            other => Err(Mismatch::expected("integer", other.data_type())),
        }
    }
}

impl FromValue<'_> for f64 {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Self, Mismatch> {
        match value {
            ValueRef::Real(number) => Ok(number),
            ValueRef::Integer(number) => {
                let real = number as f64;
                if real as i128 == i128::from(number) {
                    Ok(real)
                } else {
                    Err(Mismatch(format!("{number} is not exact as f64")))
                }
            }
            other => Err(Mismatch::expected("real", other.data_type())),
        }
    }
}

impl FromValue<'_> for f32 {
    fn from_value(value: ValueRef<'_>) -> Result<Self, Mismatch> {
        let number = f64::from_value(value)?;
        let short = number as f32;
        if short.is_infinite() && number.is_finite() {
            return Err(Mismatch(format!("{number:e} does not fit f32")));
        }
        Ok(short)
    }
}

impl FromValue<'_> for bool {
    fn from_value(value: ValueRef<'_>) -> Result<Self, Mismatch> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl<'row, T: FromValue<'row>> FromValue<'row> for Option<T> {
    #[inline]
    fn from_value(value: ValueRef<'row>) -> Result<Self, Mismatch> {
        match value {
            ValueRef::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

macro_rules! integers {
    ($($kind:ident)*) => {$(
        impl FromValue<'_> for $kind {
            fn from_value(value: ValueRef<'_>) -> Result<Self, Mismatch> {
                let number = i64::from_value(value)?;
                $kind::try_from(number)
                    .map_err(|_| Mismatch(format!("{number} does not fit {}", stringify!($kind))))
            }
        }
    )*};
}
integers!(i8 i16 i32 i128 isize u8 u16 u32 u64 u128 usize);

macro_rules! owned {
    ($($kind:ty: $borrowed:ty;)*) => {$(
        impl FromValue<'_> for $kind {
            fn from_value(value: ValueRef<'_>) -> Result<Self, Mismatch> {
                <&$borrowed>::from_value(value).map(Into::into)
            }
        }
    )*};
}
owned! {
    String: str;
    Box<str>: str;
    Arc<str>: str;
    Vec<u8>: [u8];
    Box<[u8]>: [u8];
    Arc<[u8]>: [u8];
}
