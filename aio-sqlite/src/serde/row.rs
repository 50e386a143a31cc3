//! A row as serde sees it: a map of its columns, a sequence of them, or the
//! only one.

use rusqlite::types::ValueRef;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::cell::Cell;
use super::fault::Fault;
use crate::error::Result;
use crate::from_row::expect_columns;
use crate::row::{Column, Row};

/// Decodes a row.
pub(super) fn decode<'row, T: Deserialize<'row>>(row: &'row Row) -> Result<T> {
    T::deserialize(Whole { row }).map_err(|fault| fault.of_row(row))
}

/// The whole row.
#[derive(Clone, Copy)]
struct Whole<'row> {
    row: &'row Row,
}

impl<'row> Whole<'row> {
    /// Decodes the only column.
    fn only<T>(self, decode: impl FnOnce(Cell<'row>) -> Result<T, Fault>) -> Result<T, Fault> {
        expect_columns(self.row, 1).map_err(Fault::Named)?;
        in_column(self.row, 0, decode)
    }

    /// Whether the row is nothing but a blob.
    fn is_blob(self) -> bool {
        self.row.len() == 1 && matches!(self.row.value(0), Ok(ValueRef::Blob(_)))
    }

    fn is_null(self) -> bool {
        self.row.len() == 1 && matches!(self.row.value(0), Ok(ValueRef::Null))
    }

    fn by_name<V: Visitor<'row>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(ByName {
            row: self.row,
            fields,
            at: 0,
        })
    }

    fn by_position<V: Visitor<'row>>(self, visitor: V) -> Result<V::Value, Fault> {
        let columns = ByPosition {
            row: self.row,
            at: 0,
        };
        visitor
            .visit_seq(columns)
            .map_err(|fault| fault.in_columns_of(self.row))
    }
}

/// Decodes a column, with its name on what is wrong.
fn in_column<'row, T>(
    row: &'row Row,
    index: usize,
    decode: impl FnOnce(Cell<'row>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let value = row.value(index).map_err(Fault::Named)?;
    decode(Cell(value)).map_err(|fault| match row.name(index) {
        Some(name) => fault.in_column(name),
        None => fault,
    })
}

macro_rules! only {
    ($($deserialize:ident)*) => {$(
        fn $deserialize<V: Visitor<'row>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.only(|cell| cell.$deserialize(visitor))
        }
    )*};
}

impl<'row> Deserializer<'row> for Whole<'row> {
    type Error = Fault;

    only! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_identifier
        deserialize_bytes deserialize_byte_buf
        deserialize_unit
    }

    fn deserialize_unit_struct<V: Visitor<'row>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.only(|cell| cell.deserialize_unit_struct(name, visitor))
    }

    fn deserialize_enum<V: Visitor<'row>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.only(|cell| cell.deserialize_enum(name, variants, visitor))
    }

    fn deserialize_option<V: Visitor<'row>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'row>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'row>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.by_name(&[], visitor)
    }

    fn deserialize_map<V: Visitor<'row>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.by_name(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'row>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.by_name(fields, visitor)
    }

    fn deserialize_seq<V: Visitor<'row>>(self, visitor: V) -> Result<V::Value, Fault> {
        // `Vec<u8>` is asked for as any other sequence.
        if self.is_blob() {
            return self.only(|cell| cell.deserialize_seq(visitor));
        }
        self.by_position(visitor)
    }

    fn deserialize_tuple<V: Visitor<'row>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        // `[u8; 16]` is asked for as a tuple of 16.
        if len != 1 && self.is_blob() {
            return self.only(|cell| cell.deserialize_tuple(len, visitor));
        }
        if self.row.len() > len {
            expect_columns(self.row, len).map_err(Fault::Named)?;
        }
        // Of too few columns a type with defaults can still be made.
        self.by_position(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'row>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'row>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

/// The columns by name, each name once.
struct ByName<'row> {
    row: &'row Row,
    /// The names that are asked for, where serde tells.
    fields: &'static [&'static str],
    at: usize,
}

impl<'row> ByName<'row> {
    /// The name of the next column, unless an earlier one has the same.
    fn next_name(&mut self) -> Option<&'row str> {
        loop {
            let name = self.row.name(self.at)?;
            if name.position(self.row).is_ok_and(|first| first == self.at) {
                return Some(name);
            }
            self.at += 1;
        }
    }

    /// The field that a column is for: serde's own match is exact, and in SQL
    /// case doesn't count.
    fn field(&self, name: &'row str) -> &'row str {
        // Mostly the columns come in the order of the fields.
        if self.fields.get(self.at) == Some(&name) || self.fields.contains(&name) {
            return name;
        }
        self.fields
            .iter()
            .find(|field| field.eq_ignore_ascii_case(name))
            .unwrap_or(&name)
    }
}

impl<'row> MapAccess<'row> for ByName<'row> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'row>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some(name) = self.next_name() else {
            return Ok(None);
        };
        seed.deserialize(BorrowedStrDeserializer::new(self.field(name)))
            .map(Some)
            .map_err(|fault: Fault| fault.in_column(name))
    }

    fn next_value_seed<S: DeserializeSeed<'row>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let at = self.at;
        self.at += 1;
        in_column(self.row, at, |cell| seed.deserialize(cell))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.row.len() - self.at)
    }
}

/// The columns one after another.
struct ByPosition<'row> {
    row: &'row Row,
    at: usize,
}

impl<'row> SeqAccess<'row> for ByPosition<'row> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'row>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        if self.at == self.row.len() {
            return Ok(None);
        }
        let at = self.at;
        self.at += 1;
        in_column(self.row, at, |cell| seed.deserialize(cell)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.row.len() - self.at)
    }
}
