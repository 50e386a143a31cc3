//! Values to bytes: postcard's own, under a walk that keeps what a value's serde
//! code says when it refuses.

use std::fmt::Display;

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::refusal::CodecError;

/// Writes values behind each other.
pub(crate) struct Writer {
    bytes: postcard::Serializer<Behind>,
}

/// Writes behind what a buffer holds. Postcard's own goes byte by byte, which is
/// a hundred times slower where nothing is optimised.
struct Behind(Vec<u8>);

impl Flavor for Behind {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

impl Writer {
    /// Writes behind what is in the buffer.
    pub(crate) fn new(buffer: Vec<u8>) -> Self {
        let output = Behind(buffer);
        Self {
            bytes: postcard::Serializer { output },
        }
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>, CodecError> {
        Ok(self.bytes.output.finalize()?)
    }
}

macro_rules! scalars {
    ($($method:ident($type:ty)),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<(), CodecError> {
            Ok(self.bytes.$method(value)?)
        })*
    };
}

/// Where postcard writes what comes before the parts, it hands back itself; the
/// parts are written here instead, one by one.
impl Serializer for &mut Writer {
    type Ok = ();
    type Error = CodecError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    scalars! {
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_i128(i128),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_u128(u128),
        serialize_f32(f32),
        serialize_f64(f64),
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    }

    fn serialize_none(self) -> Result<(), CodecError> {
        Ok(self.bytes.serialize_none()?)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CodecError> {
        self.bytes.serialize_some(&())?;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), CodecError> {
        Ok(self.bytes.serialize_unit()?)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<(), CodecError> {
        Ok(self.bytes.serialize_unit_variant(name, index, variant)?)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), CodecError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CodecError> {
        self.bytes.serialize_unit_variant(name, index, variant)?;
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, CodecError> {
        self.bytes.serialize_seq(length)?;
        Ok(self)
    }

    fn serialize_tuple(self, length: usize) -> Result<Self, CodecError> {
        self.bytes.serialize_tuple(length)?;
        Ok(self)
    }

    fn serialize_tuple_struct(self, name: &'static str, length: usize) -> Result<Self, CodecError> {
        self.bytes.serialize_tuple_struct(name, length)?;
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self, CodecError> {
        self.bytes
            .serialize_tuple_variant(name, index, variant, length)?;
        Ok(self)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self, CodecError> {
        self.bytes.serialize_map(length)?;
        Ok(self)
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Self, CodecError> {
        self.bytes.serialize_struct(name, length)?;
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self, CodecError> {
        self.bytes
            .serialize_struct_variant(name, index, variant, length)?;
        Ok(self)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), CodecError> {
        Ok(self.bytes.collect_str(value)?)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! parts {
    ($($part:ident: $method:ident($($key:ty)?)),* $(,)?) => {
        $(impl $part for &mut Writer {
            type Ok = ();
            type Error = CodecError;

            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $(_: $key,)?
                value: &T,
            ) -> Result<(), CodecError> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), CodecError> {
                Ok(())
            }
        })*
    };
}

parts! {
    SerializeSeq: serialize_element(),
    SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(),
    SerializeTupleVariant: serialize_field(),
    SerializeStruct: serialize_field(&'static str),
    SerializeStructVariant: serialize_field(&'static str),
}

impl SerializeMap for &mut Writer {
    type Ok = ();
    type Error = CodecError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CodecError> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), CodecError> {
        Ok(())
    }
}
