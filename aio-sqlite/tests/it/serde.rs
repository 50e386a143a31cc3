//! Rows into serde types, and serde types as named parameters.

mod columns; // rows into types
mod parameters; // types into parameters
mod round_trip; // there and back

use std::fmt;

use aio_sqlite::Connection;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

async fn db() -> Connection {
    aio_sqlite::connect(":memory:").await.unwrap()
}

/// Bytes that are serialized as bytes, and asked for as such.
#[derive(Clone, Debug, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct Taker;
        impl Visitor<'_> for Taker {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Taker)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Level {
    Low,
    VeryHigh,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Id(i64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Nothing;
