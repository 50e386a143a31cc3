//! Parameters of a statement: owned, because they cross to another thread.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use rusqlite::Statement;
use rusqlite::types::Value;

use crate::error::{Error, Result};
use crate::list::Values;
use crate::sets::{Bind, Sets, wrong_count};

/// The parameters of one execution, ready to cross to the worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Params(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Positional(Values),
    Named(Vec<(Cow<'static, str>, Value)>),
    /// A value that SQLite can't hold; the operation says so when it is awaited.
    Unfit(String),
}

impl Default for Params {
    fn default() -> Params {
        Params(Kind::Positional(Values::default()))
    }
}

impl Params {
    /// Parameters by position, from `?1`.
    pub fn positional<T: IntoValue>(values: impl IntoIterator<Item = T>) -> Params {
        let mut params = Params::default();
        for value in values {
            params.push(value);
        }
        params
    }

    /// Adds a parameter behind those by position, for statements that are put
    /// together piece by piece.
    ///
    /// # Panics
    ///
    /// If the parameters are given by name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> aio_sqlite::Result<()> {
    /// # let db = aio_sqlite::connect(":memory:").await?;
    /// let mut params = aio_sqlite::Params::default();
    /// params.push("Bob");
    /// params.push(7);
    /// let row = db.query("SELECT ?1, ?2", params).one().await?;
    /// assert_eq!(row.get::<i64>(1)?, 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn push(&mut self, value: impl IntoValue) {
        match &mut self.0 {
            Kind::Positional(values) => match value.into_value() {
                Ok(value) => values.push(value),
                Err(Unfit(problem)) => {
                    let number = values.as_slice().len() + 1;
                    self.0 = Kind::Unfit(format!("parameter {number}: {problem}"));
                }
            },
            Kind::Unfit(_) => {} // the first that does not fit is reported
            Kind::Named(_) => panic!("a parameter by position behind parameters by name"),
        }
    }

    /// Parameters by name; the sign in front of the name (`:`, `@`, `$`) may be
    /// left out.
    pub fn named<N: Into<Cow<'static, str>>, T: IntoValue>(
        pairs: impl IntoIterator<Item = (N, T)>,
    ) -> Params {
        let mut named = Vec::new();
        for (name, value) in pairs {
            let name = name.into();
            match value.into_value() {
                Ok(value) => named.push((name, value)),
                Err(Unfit(problem)) => {
                    return Params(Kind::Unfit(format!("parameter {name}: {problem}")));
                }
            }
        }
        Params(Kind::Named(named))
    }

    /// What the parameters take in memory, in bytes, about.
    pub(crate) fn size(&self) -> usize {
        let of = |value: &Value| {
            size_of::<Value>()
                + match value {
                    Value::Text(text) => text.len(),
                    Value::Blob(blob) => blob.len(),
                    _ => 0,
                }
        };
        match &self.0 {
            Kind::Positional(values) => values.as_slice().iter().map(of).sum(),
            Kind::Named(pairs) => pairs.iter().map(|(_, value)| of(value)).sum(),
            Kind::Unfit(_) => 0,
        }
    }

    /// Binds the parameters to a statement, each exactly once.
    pub(crate) fn bind(&self, sql: &str, statement: &mut Statement<'_>) -> Result<()> {
        let expected = statement.parameter_count();
        let fail = |source| Error::sqlite(sql, source);
        match &self.0 {
            Kind::Unfit(problem) => Err(Error::parameter(sql, problem)),
            Kind::Positional(values) => {
                let values = values.as_slice();
                if values.len() != expected {
                    return Err(wrong_count(sql, values.len(), expected));
                }
                for (index, value) in values.iter().enumerate() {
                    statement
                        .raw_bind_parameter(index + 1, value)
                        .map_err(fail)?;
                }
                Ok(())
            }
            Kind::Named(pairs) => {
                let mut bound = vec![false; expected];
                for (name, value) in pairs {
                    let index = find(statement, name).ok_or_else(|| {
                        Error::parameter(sql, format!("no parameter is named {name}"))
                    })?;
                    if std::mem::replace(&mut bound[index - 1], true) {
                        return Err(Error::parameter(sql, format!("{name} is given twice")));
                    }
                    statement.raw_bind_parameter(index, value).map_err(fail)?;
                }
                match bound.iter().position(|bound| !bound) {
                    None => Ok(()),
                    Some(at) => {
                        let missing = match statement.parameter_name(at + 1) {
                            Some(name) => format!("no value for {name}"),
                            None => format!("no value for parameter {}", at + 1),
                        };
                        Err(Error::parameter(sql, missing))
                    }
                }
            }
        }
    }
}

impl Bind for Params {
    fn bind(&self, sql: &str, statement: &mut Statement<'_>) -> Result<()> {
        Params::bind(self, sql, statement)
    }
}

/// Adds a set of parameters by position to others.
fn add(sets: &mut Sets, put: impl FnOnce(&mut Sets) -> Result<(), Unfit>) {
    match put(sets) {
        Ok(()) => sets.end_set(),
        Err(Unfit(problem)) => {
            let number = sets.drop_half_set() + 1;
            let unfit = Kind::Unfit(format!("parameter {number}: {problem}"));
            sets.odd(Params(unfit), 0);
        }
    }
}

/// The number of a named parameter, from 1, with or without its sign.
fn find(statement: &Statement<'_>, name: &str) -> Option<usize> {
    if name.starts_with([':', '@', '$']) {
        return statement.parameter_index(name).ok().flatten();
    }
    (1..=statement.parameter_count()).find(|&index| {
        statement
            .parameter_name(index)
            .is_some_and(|full| full.strip_prefix([':', '@', '$']) == Some(name))
    })
}

/// Why a value can't be a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit(String);

impl Unfit {
    /// Says why, in words that fit behind `parameter 1: `.
    pub fn new(problem: impl Into<String>) -> Unfit {
        Unfit(problem.into())
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

/// A type whose values can be parameters.
///
/// ```
/// use aio_sqlite::Value;
/// use aio_sqlite::params::{IntoValue, Unfit};
///
/// struct Colour(u32);
///
/// impl IntoValue for Colour {
///     fn into_value(self) -> Result<Value, Unfit> {
///         format!("{:06x}", self.0).into_value()
///     }
/// }
/// ```
pub trait IntoValue {
    /// Returns the value as SQLite stores it.
    ///
    /// # Errors
    ///
    /// [`Unfit`] where SQLite can't hold it, such as a `u64` above `i64::MAX`.
    fn into_value(self) -> Result<Value, Unfit>;

    /// Adds the value to a set of many, where a text that is borrowed needs no
    /// allocation.
    #[doc(hidden)]
    fn put(self, set: &mut Sets) -> Result<(), Unfit>
    where
        Self: Sized,
    {
        set.value(self.into_value()?);
        Ok(())
    }
}

impl IntoValue for Value {
    fn into_value(self) -> Result<Value, Unfit> {
        match self {
            Value::Real(number) => number.into_value(),
            other => Ok(other),
        }
    }
}

impl IntoValue for f64 {
    fn into_value(self) -> Result<Value, Unfit> {
        // SQLite has no NaN: it stores NULL in its place, which is not what
        // was asked for.
        if self.is_nan() {
            return Err(Unfit::new("NaN is not an SQLite value"));
        }
        Ok(Value::Real(self))
    }
}

impl IntoValue for f32 {
    fn into_value(self) -> Result<Value, Unfit> {
        f64::from(self).into_value()
    }
}

impl IntoValue for bool {
    fn into_value(self) -> Result<Value, Unfit> {
        Ok(Value::Integer(self.into()))
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Result<Value, Unfit> {
        self.map_or(Ok(Value::Null), T::into_value)
    }

    fn put(self, set: &mut Sets) -> Result<(), Unfit> {
        match self {
            Some(value) => value.put(set),
            None => {
                set.null();
                Ok(())
            }
        }
    }
}

impl<'a, T> IntoValue for &'a Option<T>
where
    &'a T: IntoValue,
{
    fn into_value(self) -> Result<Value, Unfit> {
        self.as_ref().into_value()
    }

    fn put(self, set: &mut Sets) -> Result<(), Unfit> {
        self.as_ref().put(set)
    }
}

/// A borrowed value is cloned, since it has to cross to another thread.
macro_rules! borrowed {
    ($($kind:ty)*) => {$(
        impl IntoValue for &$kind {
            fn into_value(self) -> Result<Value, Unfit> {
                self.clone().into_value()
            }
        }
    )*};
}
borrowed! {
    i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize
    f32 f64 bool Value
}

macro_rules! borrowed_bytes {
    ($($put:ident: $($kind:ty),*;)*) => {$($(
        impl IntoValue for &$kind {
            fn into_value(self) -> Result<Value, Unfit> {
                self.clone().into_value()
            }

            fn put(self, set: &mut Sets) -> Result<(), Unfit> {
                set.$put(self);
                Ok(())
            }
        }
    )*)*};
}
borrowed_bytes! {
    text: String, Box<str>, Arc<str>;
    blob: Vec<u8>, Box<[u8]>, Arc<[u8]>;
}

macro_rules! integers {
    ($($kind:ident)*) => {$(
        impl IntoValue for $kind {
            fn into_value(self) -> Result<Value, Unfit> {
                i64::try_from(self)
                    .map(Value::Integer)
                    .map_err(|_| Unfit(format!("{self} does not fit a 64-bit signed integer")))
            }
        }
    )*};
}
integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

macro_rules! owned {
    ($($variant:ident: $($kind:ty),*;)*) => {$($(
        impl IntoValue for $kind {
            fn into_value(self) -> Result<Value, Unfit> {
                #[allow(clippy::useless_conversion, reason = "one arm is the type itself")]
                Ok(Value::$variant(self.into()))
            }
        }
    )*)*};
}
owned! {
    Text: String, Box<str>;
    Blob: Vec<u8>, Box<[u8]>;
}

macro_rules! copied {
    ($([$($count:tt)*] $variant:ident $put:ident $kind:ty: $bytes:ty, $borrow:ident;)*) => {$(
        impl<$($count)*> IntoValue for $kind {
            fn into_value(self) -> Result<Value, Unfit> {
                let bytes: $bytes = self.$borrow();
                Ok(Value::$variant(bytes.into()))
            }

            fn put(self, set: &mut Sets) -> Result<(), Unfit> {
                set.$put(self.$borrow());
                Ok(())
            }
        }
    )*};
}
copied! {
    [] Text text &str: &str, as_ref;
    [] Text text Arc<str>: &str, as_ref;
    [] Blob blob &[u8]: &[u8], as_ref;
    [] Blob blob Arc<[u8]>: &[u8], as_ref;
    [const N: usize] Blob blob [u8; N]: &[u8], as_slice;
    [const N: usize] Blob blob &[u8; N]: &[u8], as_slice;
}

impl IntoValue for Cow<'_, str> {
    fn into_value(self) -> Result<Value, Unfit> {
        Ok(Value::Text(self.into_owned()))
    }

    fn put(self, set: &mut Sets) -> Result<(), Unfit> {
        match self {
            Cow::Borrowed(text) => text.put(set),
            Cow::Owned(text) => text.put(set),
        }
    }
}

/// Whatever can be the parameters of a statement.
///
/// | parameters | in Rust |
/// |---|---|
/// | none | `()` |
/// | by position, of several types | a tuple `("Bob", 7)`, or [`params!`](crate::params!) for more than 12 |
/// | by position, of one type | an array or a `Vec` |
/// | by name | an array or `Vec` of pairs `[("sender", "Bob")]`; `named(&value)` with feature `serde` |
///
/// They are checked against the statement: a wrong count, an unknown or a
/// missing name is [`Error::Parameter`].
pub trait IntoParams {
    /// Returns the parameters, owned.
    fn into_params(self) -> Params;

    /// Adds the parameters to the sets of a statement that is run many times.
    #[doc(hidden)]
    fn add_to(self, sets: &mut Sets)
    where
        Self: Sized,
    {
        self.into_params().add_to(sets);
    }
}

impl IntoParams for Params {
    fn into_params(self) -> Params {
        self
    }

    fn add_to(self, sets: &mut Sets) {
        match self.0 {
            Kind::Positional(values) => {
                values.drain(|value| sets.value(value));
                sets.end_set();
            }
            Kind::Named(_) | Kind::Unfit(_) => {
                let size = self.size();
                sets.odd(self, size);
            }
        }
    }
}

impl IntoParams for () {
    fn into_params(self) -> Params {
        Params::default()
    }
}

impl<T: IntoValue, const N: usize> IntoParams for [T; N] {
    fn into_params(self) -> Params {
        Params::positional(self)
    }

    fn add_to(self, sets: &mut Sets) {
        add(sets, |set| {
            self.into_iter().try_for_each(|value| value.put(set))
        });
    }
}

impl<T: IntoValue> IntoParams for Vec<T> {
    fn into_params(self) -> Params {
        Params::positional(self)
    }

    fn add_to(self, sets: &mut Sets) {
        add(sets, |set| {
            self.into_iter().try_for_each(|value| value.put(set))
        });
    }
}

impl<T: IntoValue, const N: usize> IntoParams for [(&'static str, T); N] {
    fn into_params(self) -> Params {
        Params::named(self)
    }
}

impl<T: IntoValue> IntoParams for Vec<(&'static str, T)> {
    fn into_params(self) -> Params {
        Params::named(self)
    }
}

impl<T: IntoValue> IntoParams for Vec<(String, T)> {
    fn into_params(self) -> Params {
        Params::named(self)
    }
}

macro_rules! tuples {
    ($($($name:ident $index:tt),*;)*) => {$(
        impl<$($name: IntoValue),*> IntoParams for ($($name,)*) {
            fn into_params(self) -> Params {
                let mut params = Params::default();
                $(params.push(self.$index);)*
                params
            }

            fn add_to(self, sets: &mut Sets) {
                add(sets, |set| {
                    $(self.$index.put(set)?;)*
                    Ok(())
                });
            }
        }
    )*};
}
tuples! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
}

/// Lists parameters by position: for more than 12 of them, which is where
/// tuples end.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> aio_sqlite::Result<()> {
/// # let db = aio_sqlite::connect(":memory:").await?;
/// let params = aio_sqlite::params![1, "two", 3.0, None::<i64>];
/// let row = db.query("SELECT ?1, ?2, ?3, ?4", params).one().await?;
/// assert_eq!(row.get::<&str>(1)?, "two");
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {{
        #[allow(unused_mut, reason = "an empty list stays as it is")]
        let mut params = $crate::Params::default();
        $(params.push($value);)*
        params
    }};
}
