//! A serde struct or map as named parameters.

use std::borrow::Cow;
use std::fmt::{self, Display};

use rusqlite::types::Value;
use serde::ser::{
    Error as SerError, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct,
    SerializeTuple, SerializeTupleStruct, Serializer,
};

use crate::error::{Error, Result};
use crate::params::{IntoValue, Params, Unfit};

/// Returns the fields of a struct, or the entries of a map, as named
/// parameters: of a type that derives `Serialize`, no field is listed twice.
///
/// Needs the feature `serde`. Each field is a parameter of its name, with any
/// of SQLite's signs before it (`:`, `@`, `$`).
///
/// | a field that is | becomes |
/// |---|---|
/// | an integer that fits an `i64`, a `bool` | an integer |
/// | `f32`, `f64`, but for NaN | a real |
/// | a text, `char`, an enum without data | a text |
/// | bytes, `Vec<u8>`, `[u8; N]` | a blob |
/// | `None`, `()` | NULL |
/// | `Some`, a newtype of one of these | what it holds |
///
/// Serde doesn't tell what an empty sequence would have held: it becomes an
/// empty blob.
///
/// ```
/// use aio_sqlite::named;
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Message<'a> { sender: &'a str, body: &'a str, reply_to: Option<i64> }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> aio_sqlite::Result<()> {
/// # let db = aio_sqlite::connect(":memory:").await?;
/// # db.execute("CREATE TABLE messages(sender, body, reply_to)", ()).await?;
/// let message = Message { sender: "Bob", body: "hi", reply_to: None };
/// let sql = "INSERT INTO messages VALUES (:sender, :body, :reply_to)";
/// assert_eq!(db.execute(sql, named(&message)?).await?.changes, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Parameter`] that names the field, where SQLite can't hold its
/// value: a `u64` above `i64::MAX`, NaN, a struct, a map, a sequence of
/// anything but bytes, an enum with data. The same where `value` is neither a
/// struct nor a map, or a map's key is no text. Its `sql` is empty: there is
/// no statement yet.
pub fn named(value: &(impl Serialize + ?Sized)) -> Result<Params> {
    value
        .serialize(Whole)
        .map(Params::named)
        .map_err(|Flaw(problem)| Error::parameter("", problem))
}

/// Why a value is no parameter.
#[derive(Debug)]
struct Flaw(String);

impl Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Flaw {}

impl SerError for Flaw {
    fn custom<T: Display>(problem: T) -> Flaw {
        Flaw(problem.to_string())
    }
}

impl From<Unfit> for Flaw {
    fn from(unfit: Unfit) -> Flaw {
        Flaw(unfit.to_string())
    }
}

type Pairs = Vec<(Cow<'static, str>, Value)>;

/// Refuses the kinds that a serializer has no place for, each by its name.
macro_rules! refuse {
    ($why:expr; $($kind:literal: $($serialize:ident($($argument:ty),*) -> $ok:ty),*;)*) => {$($(
        fn $serialize(self, $(_: $argument),*) -> Result<$ok, Flaw> {
            Err(Flaw(format!($why, $kind)))
        }
    )*)*};
}

/// The same for the kinds that hold a value of any type.
macro_rules! refuse_holders {
    ($why:expr; $($kind:literal: $serialize:ident($($argument:ty),*);)*) => {$(
        fn $serialize<T: Serialize + ?Sized>(
            self, $(_: $argument,)* _: &T,
        ) -> Result<Self::Ok, Flaw> {
            Err(Flaw(format!($why, $kind)))
        }
    )*};
}

type Name = &'static str;

/// The value that was given: a struct or a map, or a shell around one.
struct Whole;

impl Serializer for Whole {
    type Ok = Pairs;
    type Error = Flaw;
    type SerializeStruct = Fields;
    type SerializeMap = Entries;
    type SerializeSeq = Impossible<Pairs, Flaw>;
    type SerializeTuple = Impossible<Pairs, Flaw>;
    type SerializeTupleStruct = Impossible<Pairs, Flaw>;
    type SerializeTupleVariant = Impossible<Pairs, Flaw>;
    type SerializeStructVariant = Impossible<Pairs, Flaw>;

    fn serialize_struct(self, _name: Name, len: usize) -> Result<Fields, Flaw> {
        Ok(Fields(Vec::with_capacity(len)))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Entries, Flaw> {
        Ok(Entries {
            name: Cow::Borrowed(""),
            pairs: Vec::new(),
        })
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Pairs, Flaw> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: Name,
        value: &T,
    ) -> Result<Pairs, Flaw> {
        value.serialize(self)
    }

    refuse! {
        "named parameters come from a struct or a map, not from {}";
        "a bool": serialize_bool(bool) -> Pairs;
        "an integer":
            serialize_i8(i8) -> Pairs, serialize_i16(i16) -> Pairs, serialize_i32(i32) -> Pairs,
            serialize_i64(i64) -> Pairs, serialize_i128(i128) -> Pairs,
            serialize_u8(u8) -> Pairs, serialize_u16(u16) -> Pairs, serialize_u32(u32) -> Pairs,
            serialize_u64(u64) -> Pairs, serialize_u128(u128) -> Pairs;
        "a float": serialize_f32(f32) -> Pairs, serialize_f64(f64) -> Pairs;
        "a char": serialize_char(char) -> Pairs;
        "a text": serialize_str(&str) -> Pairs;
        "bytes": serialize_bytes(&[u8]) -> Pairs;
        "None": serialize_none() -> Pairs;
        "a unit": serialize_unit() -> Pairs, serialize_unit_struct(Name) -> Pairs;
        "an enum":
            serialize_unit_variant(Name, u32, Name) -> Pairs,
            serialize_tuple_variant(Name, u32, Name, usize) -> Self::SerializeTupleVariant,
            serialize_struct_variant(Name, u32, Name, usize) -> Self::SerializeStructVariant;
        "a sequence": serialize_seq(Option<usize>) -> Self::SerializeSeq;
        "a tuple":
            serialize_tuple(usize) -> Self::SerializeTuple,
            serialize_tuple_struct(Name, usize) -> Self::SerializeTupleStruct;
    }

    refuse_holders! {
        "named parameters come from a struct or a map, not from {}";
        "an enum": serialize_newtype_variant(Name, u32, Name);
    }
}

/// Serializes the value of a field, with the field's name on what is wrong.
fn pair<T: Serialize + ?Sized>(
    name: Cow<'static, str>,
    value: &T,
) -> Result<(Cow<'static, str>, Value), Flaw> {
    match value.serialize(Field) {
        Ok(scalar) => Ok((name, scalar.into())),
        Err(Flaw(problem)) => Err(Flaw(format!("parameter {name}: {problem}"))),
    }
}

/// The fields of a struct.
struct Fields(Pairs);

impl SerializeStruct for Fields {
    type Ok = Pairs;
    type Error = Flaw;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: Name, value: &T) -> Result<(), Flaw> {
        self.0.push(pair(Cow::Borrowed(key), value)?);
        Ok(())
    }

    fn end(self) -> Result<Pairs, Flaw> {
        Ok(self.0)
    }
}

/// The entries of a map, and of a struct with a flattened field.
struct Entries {
    name: Cow<'static, str>,
    pairs: Pairs,
}

impl SerializeMap for Entries {
    type Ok = Pairs;
    type Error = Flaw;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Flaw> {
        self.name = match key.serialize(Field)? {
            Scalar::Value(Value::Text(name)) => Cow::Owned(name),
            other => {
                let kind = crate::error::type_name(Value::from(other).data_type());
                return Err(Flaw(format!(
                    "the name of a parameter is a text, not {kind}"
                )));
            }
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Flaw> {
        let name = std::mem::take(&mut self.name);
        self.pairs.push(pair(name, value)?);
        Ok(())
    }

    fn end(self) -> Result<Pairs, Flaw> {
        Ok(self.pairs)
    }
}

/// What a field holds.
enum Scalar {
    /// Apart from other integers, because many of them are a blob.
    Byte(u8),
    Value(Value),
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Value {
        match scalar {
            Scalar::Byte(byte) => Value::Integer(byte.into()),
            Scalar::Value(value) => value,
        }
    }
}

/// The value of a field.
struct Field;

macro_rules! values {
    ($($serialize:ident($kind:ty))*) => {$(
        fn $serialize(self, value: $kind) -> Result<Scalar, Flaw> {
            Ok(Scalar::Value(value.into_value()?))
        }
    )*};
}

impl Serializer for Field {
    type Ok = Scalar;
    type Error = Flaw;
    type SerializeSeq = Bytes;
    type SerializeTuple = Bytes;
    type SerializeTupleStruct = Bytes;
    type SerializeTupleVariant = Impossible<Scalar, Flaw>;
    type SerializeMap = Impossible<Scalar, Flaw>;
    type SerializeStruct = Impossible<Scalar, Flaw>;
    type SerializeStructVariant = Impossible<Scalar, Flaw>;

    values! {
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_i128(i128)
        serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
        serialize_f32(f32) serialize_f64(f64)
        serialize_str(&str) serialize_bytes(&[u8])
    }

    fn serialize_u8(self, byte: u8) -> Result<Scalar, Flaw> {
        Ok(Scalar::Byte(byte))
    }

    fn serialize_char(self, char: char) -> Result<Scalar, Flaw> {
        Ok(Scalar::Value(Value::Text(char.into())))
    }

    fn serialize_none(self) -> Result<Scalar, Flaw> {
        Ok(Scalar::Value(Value::Null))
    }

    fn serialize_unit(self) -> Result<Scalar, Flaw> {
        Ok(Scalar::Value(Value::Null))
    }

    fn serialize_unit_struct(self, _name: Name) -> Result<Scalar, Flaw> {
        Ok(Scalar::Value(Value::Null))
    }

    fn serialize_unit_variant(self, _: Name, _: u32, variant: Name) -> Result<Scalar, Flaw> {
        self.serialize_str(variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Scalar, Flaw> {
        // `Some(1)` is no byte of a blob: beside it there could be a `None`.
        value
            .serialize(self)
            .map(|scalar| Scalar::Value(scalar.into()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: Name,
        value: &T,
    ) -> Result<Scalar, Flaw> {
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Bytes, Flaw> {
        // The length is the caller's word only.
        const MOST: usize = 1 << 20;
        Ok(Bytes(Vec::with_capacity(len.unwrap_or(0).min(MOST))))
    }

    fn serialize_tuple(self, len: usize) -> Result<Bytes, Flaw> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _name: Name, len: usize) -> Result<Bytes, Flaw> {
        self.serialize_seq(Some(len))
    }

    refuse! {
        "{} does not fit one parameter";
        "a map": serialize_map(Option<usize>) -> Self::SerializeMap;
        "a struct": serialize_struct(Name, usize) -> Self::SerializeStruct;
        "an enum with data":
            serialize_tuple_variant(Name, u32, Name, usize) -> Self::SerializeTupleVariant,
            serialize_struct_variant(Name, u32, Name, usize) -> Self::SerializeStructVariant;
    }

    refuse_holders! {
        "{} does not fit one parameter";
        "an enum with data": serialize_newtype_variant(Name, u32, Name);
    }
}

/// A sequence in a field, of bytes as long as nothing else shows up.
struct Bytes(Vec<u8>);

impl Bytes {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Flaw> {
        match value.serialize(Field) {
            Ok(Scalar::Byte(byte)) => {
                self.0.push(byte);
                Ok(())
            }
            _ => Err(Flaw(
                "a sequence does not fit one parameter, unless it is of bytes (u8)".to_owned(),
            )),
        }
    }

    fn blob(self) -> Scalar {
        Scalar::Value(Value::Blob(self.0))
    }
}

macro_rules! bytes {
    ($($sequence:ident $push:ident;)*) => {$(
        impl $sequence for Bytes {
            type Ok = Scalar;
            type Error = Flaw;

            fn $push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Flaw> {
                self.push(value)
            }

            fn end(self) -> Result<Scalar, Flaw> {
                Ok(self.blob())
            }
        }
    )*};
}
bytes! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
}
