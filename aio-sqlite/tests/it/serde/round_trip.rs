//! What is written through `named` is read back by `deserialize`.

use std::fmt;

use aio_sqlite::{Connection, named};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Bytes, Id, Level, Nothing, db};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    flat_int: u32,
    flat_real: f64,
    flat_text: String,
    flat_blob: Vec<u8>,
    flat_bytes: [u8; 3],
    flat_none: Option<i64>,
    flat_level: Level,
    flat_id: Id,
}

/// A field of every kind that fits one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    i128: i128,
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    u128: u128,
    f32: f32,
    f64: f64,
    bool: bool,
    char: char,
    text: String,
    shared: Box<str>,
    bytes: Bytes,
    blob: Vec<u8>,
    array: [u8; 4],
    option: Option<i64>,
    option_text: Option<String>,
    option_blob: Option<Vec<u8>>,
    unit: (),
    unit_struct: Nothing,
    level: Level,
    option_level: Option<Level>,
    id: Id,
    #[serde(rename = "another_name")]
    renamed: Option<Id>,
}

/// The same, beside a flattened struct, which serde sees as a map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Beside {
    own: i64,
    own_bool: bool,
    #[serde(flatten)]
    flat: Flat,
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![Just(Level::Low), Just(Level::VeryHigh)]
}

fn blob() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40)
}

fn real() -> impl Strategy<Value = f64> {
    prop::num::f64::ANY.prop_filter("NaN has a test of its own", |number| !number.is_nan())
}

fn everything() -> impl Strategy<Value = Everything> {
    let wide = any::<i64>().prop_map(i128::from);
    let unsigned = || 0..=i64::MAX as u64;
    let f32 = prop::num::f32::ANY.prop_filter("no NaN", |number| !number.is_nan());
    (
        any::<(i8, i16, i32, i64, u8, u16, u32)>(),
        (wide, unsigned(), unsigned().prop_map(u128::from)),
        (f32, real()),
        any::<(bool, char, String, String)>(),
        (blob(), blob(), any::<[u8; 4]>(), prop::option::of(blob())),
        any::<(Option<i64>, Option<String>, i64, Option<i64>)>(),
        (level(), prop::option::of(level())),
    )
        .prop_map(
            |(ints, (i128, u64, u128), (f32, f64), texts, blobs, options, levels)| Everything {
                i8: ints.0,
                i16: ints.1,
                i32: ints.2,
                i64: ints.3,
                i128,
                u8: ints.4,
                u16: ints.5,
                u32: ints.6,
                u64,
                u128,
                f32,
                f64,
                bool: texts.0,
                char: texts.1,
                text: texts.2,
                shared: texts.3.into(),
                bytes: Bytes(blobs.0),
                blob: blobs.1,
                array: blobs.2,
                option: options.0,
                option_text: options.1,
                option_blob: blobs.3,
                unit: (),
                unit_struct: Nothing,
                level: levels.0,
                option_level: levels.1,
                id: Id(options.2),
                renamed: options.3.map(Id),
            },
        )
}

fn beside() -> impl Strategy<Value = Beside> {
    (
        any::<(i64, bool, u32, String, [u8; 3], Option<i64>, i64)>(),
        (real(), blob(), level()),
    )
        .prop_map(|(plain, (flat_real, flat_blob, flat_level))| Beside {
            own: plain.0,
            own_bool: plain.1,
            flat: Flat {
                flat_int: plain.2,
                flat_real,
                flat_text: plain.3,
                flat_blob,
                flat_bytes: plain.4,
                flat_none: plain.5,
                flat_level,
                flat_id: Id(plain.6),
            },
        })
}

/// Writes a value through named parameters and reads it back.
async fn round_trip<T>(db: &Connection, columns: &str, value: &T) -> T
where
    T: Serialize + DeserializeOwned + Send,
{
    let names: Vec<_> = columns.split_whitespace().collect();
    let table = names.join(", ");
    let marks = names.join(", :");
    db.execute_script(format!(
        "DROP TABLE IF EXISTS things; CREATE TABLE things({table})"
    ))
    .await
    .unwrap();
    let sql = format!("INSERT INTO things VALUES (:{marks})");
    db.execute(sql, named(value).unwrap()).await.unwrap();
    let query = db.query("SELECT * FROM things", ()).deserialize::<T>();
    query.one().await.unwrap()
}

/// Runs a property over values of a strategy, on one connection.
fn for_all<S: Strategy>(values: S, columns: &str, cases: u32)
where
    S::Value: Serialize + DeserializeOwned + Clone + PartialEq + fmt::Debug + Send,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let db = runtime.block_on(db());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&values, |value| {
            let back = runtime.block_on(round_trip(&db, columns, &value));
            prop_assert_eq!(back, value);
            Ok(())
        })
        .unwrap();
}

#[test]
fn everything_that_is_written_is_read_back() {
    let columns = "i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 bool char text shared \
                   bytes blob array option option_text option_blob unit unit_struct \
                   level option_level id another_name";
    for_all(everything(), columns, 256);
}

#[test]
fn a_flattened_struct_that_is_written_is_read_back() {
    // `own_bool` is not behind the map: serde reads it without a buffer.
    let columns = "own own_bool flat_int flat_real flat_text flat_blob flat_bytes \
                   flat_none flat_level flat_id";
    for_all(beside(), columns, 128);
}
