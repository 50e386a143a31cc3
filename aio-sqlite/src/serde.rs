//! Rows into serde types, and serde types as named parameters.

mod cell;
mod fault;
mod named;
mod row;

use serde::de::{Deserialize, DeserializeOwned};

use crate::error::Result;
use crate::query::Query;
use crate::row::Row;

pub use named::named;

impl<'s> Query<'s, Row> {
    /// Decodes each row into a serde type, for types that derive `Deserialize`
    /// already and would only repeat themselves in a
    /// [`FromRow`](crate::FromRow).
    ///
    /// Needs the feature `serde`.
    ///
    /// | asked for | taken from the row |
    /// |---|---|
    /// | a struct, a map | columns by name; as in SQL, case doesn't count |
    /// | a tuple, a tuple struct, a `Vec` | columns by position |
    /// | a scalar, a newtype of one | the only column |
    /// | an enum with `#[serde(tag = "…")]` | the columns, one of them the tag |
    ///
    /// Within a column:
    ///
    /// | asked for | taken from the column |
    /// |---|---|
    /// | an integer | an integer that fits |
    /// | `f32`, `f64` | a real or an integer |
    /// | `bool` | an integer; 0 is `false` |
    /// | `String`, `char`, an enum without data | a text |
    /// | bytes, `Vec<u8>`, `[u8; N]` | a blob |
    /// | `Option` | NULL is `None` |
    ///
    /// Columns that no field takes are passed over, unless the type says
    /// `#[serde(deny_unknown_fields)]`. A field without a column is an error,
    /// unless it has `#[serde(default)]` or is an `Option`, which serde then
    /// makes `None`. Where several columns have the same name, **the first
    /// wins**, as in [`Row::get`].
    ///
    /// `#[serde(flatten)]`, `tag` and `untagged` make serde read a value before
    /// it knows the type: there names match exactly, `bool` is not taken from
    /// an integer, `i128` and `u128` from nothing, and a blob is seen as a
    /// sequence of `u8`, so that `Vec<u8>` works there too.
    ///
    /// ```
    /// use serde::Deserialize;
    ///
    /// #[derive(Debug, PartialEq, Deserialize)]
    /// #[serde(rename_all = "lowercase")]
    /// enum Priority { Low, High }
    ///
    /// #[derive(Debug, PartialEq, Deserialize)]
    /// struct Message { id: i64, body: String, priority: Priority, read: bool, reply_to: Option<i64> }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// let db = aio_sqlite::connect(":memory:").await?;
    /// let sql = "SELECT 7 AS id, 'hi' AS body, 'high' AS priority, 0 AS read, NULL AS reply_to";
    /// let message = db.query(sql, ()).deserialize::<Message>().one().await?;
    /// assert_eq!((message.id, message.priority, message.read), (7, Priority::High, false));
    ///
    /// let pairs: Vec<(i64, String)> = db.query("VALUES (1, 'one'), (2, 'two')", ()).deserialize().await?;
    /// assert_eq!(pairs[1].1, "two");
    ///
    /// let error = db.query("SELECT 7 AS id", ()).deserialize::<Message>().await.unwrap_err();
    /// assert_eq!(error.to_string(), "column body: the row has id");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where the query is awaited, beside its own errors:
    /// [`Error::Column`](crate::Error::Column) for a column that is missing,
    /// of another kind or out of range. Where serde can't tell which column it
    /// was (a flattened field, a check of the whole row), the error names
    /// those that it may have been.
    pub fn deserialize<U: DeserializeOwned>(self) -> Query<'s, U> {
        Query::new(self.statement, self.params, |row| row.deserialize())
    }
}

impl Row {
    /// Decodes the row into a serde type, which may borrow its texts and blobs
    /// from the row.
    ///
    /// Needs the feature `serde`. The rules are those of
    /// [`Query::deserialize`](crate::builders::Query::deserialize).
    ///
    /// ```
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Message<'a> { id: i64, body: &'a str }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::connect(":memory:").await?;
    /// let row = db.query("SELECT 7 AS id, 'hi' AS body", ()).one().await?;
    /// let message: Message<'_> = row.deserialize()?;
    /// assert_eq!((message.id, message.body), (7, "hi"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Column`](crate::Error::Column) for a column that is missing,
    /// of another kind or out of range.
    pub fn deserialize<'row, U: Deserialize<'row>>(&'row self) -> Result<U> {
        row::decode(self)
    }
}
