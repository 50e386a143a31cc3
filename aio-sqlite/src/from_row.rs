//! Whole rows into values: scalars, tuples, and types of the caller's own.

use crate::error::{Error, Result};
use crate::row::{FromValue, Row};

/// A type that a whole row can be decoded into.
///
/// Scalars take a row of one column, tuples a row of as many columns as they
/// have fields, in order. Types of your own take what they like:
///
/// ```
/// use aio_sqlite::{FromRow, Row};
///
/// struct Message { id: i64, body: String }
///
/// impl FromRow for Message {
///     fn from_row(row: &Row) -> aio_sqlite::Result<Message> {
///         Ok(Message { id: row.get("id")?, body: row.get("body")? })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> aio_sqlite::Result<()> {
/// let db = aio_sqlite::connect(":memory:").await?;
/// let message = db.query_as::<Message>("SELECT 1 AS id, 'hi' AS body", ()).one().await?;
/// assert_eq!((message.id, &*message.body), (1, "hi"));
/// # Ok(())
/// # }
/// ```
pub trait FromRow: Sized {
    /// Decodes a row.
    ///
    /// # Errors
    ///
    /// [`Error::Column`] where a column is missing or of another kind.
    fn from_row(row: &Row) -> Result<Self>;
}

impl FromRow for Row {
    fn from_row(row: &Row) -> Result<Row> {
        Ok(row.clone())
    }
}

pub(crate) fn expect_columns(row: &Row, wanted: usize) -> Result<()> {
    let found = row.len();
    if found == wanted {
        return Ok(());
    }
    let names = row.column_names().collect::<Vec<_>>().join(", ");
    Err(Error::column(
        wanted.min(found),
        format!("expected {wanted} columns, the row has {found}: {names}"),
    ))
}

impl<T: for<'row> FromValue<'row>> FromRow for T {
    fn from_row(row: &Row) -> Result<T> {
        expect_columns(row, 1)?;
        row.get(0)
    }
}

macro_rules! tuples {
    ($($count:literal: $($name:ident $index:tt),*;)*) => {$(
        impl<$($name: for<'row> FromValue<'row>),*> FromRow for ($($name,)*) {
            fn from_row(row: &Row) -> Result<Self> {
                expect_columns(row, $count)?;
                Ok(($(row.get::<$name>($index)?,)*))
            }
        }
    )*};
}
tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
}
