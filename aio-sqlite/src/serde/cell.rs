//! One value of a row, as serde sees it.

use rusqlite::types::ValueRef;
use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::fault::Fault;
use crate::row::FromValue;

/// A value that is decoded by what was asked for where SQLite has no such kind
/// (`bool`, `Option`, enums), and shown as what it is otherwise, so that the
/// one who asked decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell<'de>(pub(super) ValueRef<'de>);

macro_rules! numbers {
    ($($stored:pat => $($deserialize:ident $visit:ident $kind:ident),*;)*) => {$($(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.0 {
                $stored => visitor.$visit($kind::from_value(self.0)?),
                _ => self.deserialize_any(visitor),
            }
        }
    )*)*};
}

impl<'de> Deserializer<'de> for Cell<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            ValueRef::Null => visitor.visit_unit(),
            ValueRef::Integer(number) => visitor.visit_i64(number),
            ValueRef::Real(number) => visitor.visit_f64(number),
            ValueRef::Text(_) => visitor.visit_borrowed_str(<&str>::from_value(self.0)?),
            // As a sequence and not as bytes: who asks for bytes says so, and
            // who takes anything is mostly a buffer of serde's own, out of
            // which `Vec<u8>` and JSON values can be had of a sequence only.
            ValueRef::Blob(bytes) => {
                let mut bytes = SeqDeserializer::<_, Fault>::new(bytes.iter().copied());
                let value = visitor.visit_seq(&mut bytes)?;
                bytes.end().map(|()| value)
            }
        }
    }

    numbers! {
        ValueRef::Integer(_) =>
            deserialize_bool visit_bool bool,
            deserialize_i8 visit_i8 i8,
            deserialize_i16 visit_i16 i16,
            deserialize_i32 visit_i32 i32,
            deserialize_i64 visit_i64 i64,
            deserialize_i128 visit_i128 i128,
            deserialize_u8 visit_u8 u8,
            deserialize_u16 visit_u16 u16,
            deserialize_u32 visit_u32 u32,
            deserialize_u64 visit_u64 u64,
            deserialize_u128 visit_u128 u128;
        ValueRef::Integer(_) | ValueRef::Real(_) =>
            deserialize_f32 visit_f32 f32,
            deserialize_f64 visit_f64 f64;
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            ValueRef::Blob(bytes) => visitor.visit_borrowed_bytes(bytes),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            ValueRef::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            ValueRef::Text(_) => {
                let text = <&str>::from_value(self.0)?;
                visitor.visit_enum(BorrowedStrDeserializer::new(text))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier
    }
}
