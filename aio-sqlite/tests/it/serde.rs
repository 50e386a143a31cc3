//! Rows into serde types, and serde types as named parameters.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use aio_sqlite::{Connection, Error, Value, named};
use proptest::prelude::*;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

async fn db() -> Connection {
    aio_sqlite::connect(":memory:").await.unwrap()
}

/// The only row of a query.
async fn one<T: DeserializeOwned + Send>(sql: &str) -> aio_sqlite::Result<T> {
    db().await.query(sql, ()).deserialize::<T>().one().await
}

/// What is said of the only row of a query: the error names a column.
async fn wrong<T: DeserializeOwned + Send + fmt::Debug>(sql: &str) -> String {
    let error = one::<T>(sql).await.unwrap_err();
    assert!(matches!(error, Error::Column { .. }), "{error:?}");
    error.to_string()
}

/// What is said of parameters that can't be.
fn unfit(value: impl Serialize) -> String {
    let error = named(&value).unwrap_err();
    assert!(
        matches!(&error, Error::Parameter { sql, .. } if sql.is_empty()),
        "{error:?}"
    );
    error.to_string()
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

#[tokio::test]
async fn what_is_written_has_sqlite_s_kinds() {
    #[derive(Serialize)]
    struct Kinds {
        int: u64,
        bool: bool,
        real: f32,
        text: &'static str,
        char: char,
        level: Level,
        bytes: Bytes,
        blob: Vec<u8>,
        empty: Vec<u8>,
        tuple: (u8, u8),
        none: Option<i64>,
        unit: (),
        id: Option<Id>,
    }
    let kinds = Kinds {
        int: i64::MAX as u64,
        bool: true,
        real: 1.5,
        text: "a",
        char: 'b',
        level: Level::VeryHigh,
        bytes: Bytes(vec![1]),
        blob: vec![2, 3],
        empty: vec![],
        tuple: (4, 5),
        none: None,
        unit: (),
        id: Some(Id(6)),
    };
    let sql = "SELECT :int, :bool, :real, :text, :char, :level, \
               :bytes, :blob, :empty, :tuple, :none, :unit, :id";
    let db = db().await;
    let row = db.query(sql, named(&kinds).unwrap()).one().await.unwrap();
    let values: Vec<Value> = (0..row.len()).map(|at| row.get(at).unwrap()).collect();
    let text = |text: &str| Value::Text(text.to_owned());
    let expected = [
        Value::Integer(i64::MAX),
        Value::Integer(1),
        Value::Real(1.5),
        text("a"),
        text("b"),
        text("very-high"),
        Value::Blob(vec![1]),
        Value::Blob(vec![2, 3]),
        Value::Blob(vec![]),
        Value::Blob(vec![4, 5]),
        Value::Null,
        Value::Null,
        Value::Integer(6),
    ];
    assert_eq!(values, expected);
}

#[derive(Debug, PartialEq, Deserialize)]
struct Message {
    id: i64,
    body: String,
}

fn message(id: i64, body: &str) -> Message {
    let body = body.to_owned();
    Message { id, body }
}

#[tokio::test]
async fn a_struct_takes_its_columns_by_name() {
    let sql = "SELECT x'00' AS other, 'hi' AS body, 7 AS id";
    assert_eq!(one::<Message>(sql).await.unwrap(), message(7, "hi"));
    let sql = "SELECT 7 AS ID, 'hi' AS Body";
    assert_eq!(one::<Message>(sql).await.unwrap(), message(7, "hi"));
    let sql = "SELECT 7 AS id";
    assert_eq!(wrong::<Message>(sql).await, "column body: the row has id");
}

#[tokio::test]
async fn attributes_of_serde_work() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Renamed {
        #[serde(rename = "user id", alias = "uid")]
        id: i64,
        #[serde(default)]
        level: Option<Level>,
        absent: Option<i64>,
        #[serde(default = "five")]
        five: i64,
        #[serde(skip)]
        skipped: i64,
    }
    fn five() -> i64 {
        5
    }
    let expected = Renamed {
        id: 1,
        level: None,
        absent: None,
        five: 5,
        skipped: 0,
    };
    let renamed: Renamed = one(r#"SELECT 1 AS "user id", 9 AS skipped"#).await.unwrap();
    assert_eq!(renamed, expected);
    assert_eq!(one::<Renamed>("SELECT 1 AS uid").await.unwrap(), expected);
    assert_eq!(
        wrong::<Renamed>(r#"SELECT 1 AS "user id", 2 AS uid"#).await,
        "column user id: another column is for the same field"
    );

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        id: i64,
    }
    assert_eq!(one::<Strict>("SELECT 1 AS id").await.unwrap().id, 1);
    assert_eq!(
        wrong::<Strict>("SELECT 1 AS id, 2 AS nick").await,
        "column nick: no field takes it: the fields are id"
    );
}

#[tokio::test]
async fn of_columns_with_the_same_name_the_first_wins() {
    let sql = "SELECT 1 AS id, 'a' AS body, 2 AS id, 'b' AS BODY";
    assert_eq!(one::<Message>(sql).await.unwrap(), message(1, "a"));

    let map: HashMap<String, i64> = one("SELECT 1 AS id, 2 AS id").await.unwrap();
    assert_eq!(map, HashMap::from([("id".to_owned(), 1)]));

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[serde(flatten)]
        message: Message,
    }
    let outer = one::<Outer>(sql).await.unwrap();
    assert_eq!(outer.message, message(1, "a"));
}

#[tokio::test]
async fn tuples_and_sequences_take_their_columns_by_position() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Pair(i64, String);
    #[derive(Debug, PartialEq, Deserialize)]
    struct Short(i64, #[serde(default)] i64);

    let sql = "SELECT 1 AS same, 'one' AS same";
    let expected = (1, "one".to_owned());
    assert_eq!(one::<(i64, String)>(sql).await.unwrap(), expected);
    assert_eq!(one::<Pair>(sql).await.unwrap(), Pair(1, "one".to_owned()));
    assert_eq!(one::<Vec<i64>>("SELECT 1, 2, 3").await.unwrap(), [1, 2, 3]);
    assert_eq!(one::<[i64; 2]>("SELECT 1, 2").await.unwrap(), [1, 2]);
    assert_eq!(one::<(Vec<u8>,)>("SELECT x'01'").await.unwrap().0, [1]);
    assert_eq!(one::<Short>("SELECT 1").await.unwrap(), Short(1, 0));

    assert_eq!(
        wrong::<(i64, i64)>("SELECT 1 AS a, 2 AS b, 3 AS c").await,
        "column 2: expected 2 columns, the row has 3: a, b, c"
    );
    assert_eq!(
        wrong::<(i64, i64, i64)>("SELECT 1 AS a, 2 AS b").await,
        "column 2: expected a tuple of size 3, the row has 2 columns: a, b"
    );
    assert_eq!(
        wrong::<(i64, i64)>("SELECT 1 AS a, 'x' AS b").await,
        "column b: expected i64, found text"
    );
}

#[tokio::test]
async fn scalars_take_the_only_column() {
    assert_eq!(one::<i64>("SELECT 7").await.unwrap(), 7);
    assert_eq!(one::<Id>("SELECT 7").await.unwrap(), Id(7));
    assert_eq!(one::<String>("SELECT 'a'").await.unwrap(), "a");
    assert_eq!(one::<Option<f64>>("SELECT NULL").await.unwrap(), None);
    assert_eq!(one::<Option<f64>>("SELECT 2").await.unwrap(), Some(2.0));
    assert_eq!(one::<Level>("SELECT 'low'").await.unwrap(), Level::Low);
    assert_eq!(one::<Bytes>("SELECT x'0102'").await.unwrap().0, [1, 2]);
    assert_eq!(one::<Vec<u8>>("SELECT x'0102'").await.unwrap(), [1, 2]);
    assert_eq!(one::<[u8; 2]>("SELECT x'0102'").await.unwrap(), [1, 2]);
    assert_eq!(one::<Nothing>("SELECT NULL").await.unwrap(), Nothing);

    #[derive(Debug, PartialEq, Deserialize)]
    struct Shell(Message);
    let shell = one::<Option<Shell>>("SELECT 7 AS id, 'hi' AS body").await;
    assert_eq!(shell.unwrap(), Some(Shell(message(7, "hi"))));

    assert_eq!(
        wrong::<i64>("SELECT 1 AS a, 2 AS b").await,
        "column 1: expected 1 columns, the row has 2: a, b"
    );
    assert_eq!(
        wrong::<Level>("SELECT 'low' AS a, 2 AS b").await,
        "column 1: expected 1 columns, the row has 2: a, b"
    );
    assert_eq!(
        wrong::<u8>("SELECT 256 AS n").await,
        "column n: 256 does not fit u8"
    );
}

#[tokio::test]
async fn a_value_that_does_not_fit_names_its_column() {
    async fn field<T: DeserializeOwned + Send + fmt::Debug>(value: &str) -> String {
        #[derive(Debug, Deserialize)]
        struct Holder<T> {
            #[expect(dead_code, reason = "only its absence is looked at")]
            c: T,
        }
        wrong::<Holder<T>>(&format!("SELECT 1 AS id, {value} AS c")).await
    }
    assert_eq!(field::<u8>("256").await, "column c: 256 does not fit u8");
    assert_eq!(field::<i8>("-129").await, "column c: -129 does not fit i8");
    assert_eq!(
        field::<i16>("32768").await,
        "column c: 32768 does not fit i16"
    );
    assert_eq!(
        field::<i32>("2147483648").await,
        "column c: 2147483648 does not fit i32"
    );
    assert_eq!(field::<u16>("-1").await, "column c: -1 does not fit u16");
    assert_eq!(field::<u32>("-1").await, "column c: -1 does not fit u32");
    assert_eq!(field::<u64>("-1").await, "column c: -1 does not fit u64");
    assert_eq!(field::<u128>("-1").await, "column c: -1 does not fit u128");
    assert_eq!(
        field::<i64>("1.5").await,
        "column c: expected i64, found real"
    );
    assert_eq!(
        field::<i64>("'1'").await,
        "column c: expected i64, found text"
    );
    assert_eq!(
        field::<i64>("NULL").await,
        "column c: expected i64, found null"
    );
    assert_eq!(
        field::<i128>("x'01'").await,
        "column c: expected i128, found blob"
    );
    assert_eq!(
        field::<f64>("'1.5'").await,
        "column c: expected f64, found text"
    );
    assert_eq!(
        field::<bool>("'true'").await,
        "column c: expected a boolean, found text"
    );
    assert_eq!(
        field::<String>("1").await,
        "column c: expected a string, found integer"
    );
    assert_eq!(
        field::<String>("x'61'").await,
        "column c: expected a string, found blob"
    );
    assert_eq!(
        field::<char>("'ab'").await,
        r#"column c: expected a character, found text "ab""#
    );
    assert_eq!(
        field::<Bytes>("'a'").await,
        "column c: expected bytes, found text"
    );
    assert_eq!(
        field::<Vec<u8>>("'a'").await,
        "column c: expected a sequence, found text"
    );
    assert_eq!(
        field::<[u8; 2]>("x'010203'").await,
        "column c: expected 2 elements in sequence, found 3 elements"
    );
    assert_eq!(
        field::<[u8; 2]>("x'01'").await,
        "column c: expected an array of length 2, found 1 elements"
    );
    assert_eq!(
        field::<()>("1").await,
        "column c: expected unit, found integer"
    );
    assert_eq!(
        field::<Option<u8>>("256").await,
        "column c: 256 does not fit u8"
    );
    assert_eq!(
        field::<Level>("'Low'").await,
        r#"column c: expected one of low, very-high, found text "Low""#
    );
    assert_eq!(
        field::<Level>("0").await,
        "column c: expected enum Level, found integer"
    );
    assert_eq!(
        field::<Message>("'{}'").await,
        "column c: expected struct Message, found text"
    );
    let text = field::<String>("CAST(x'41ff' AS TEXT)").await;
    assert!(
        text.starts_with("column c: the text is not UTF-8"),
        "{text}"
    );

    // An error is read by people, whatever the value.
    let long = field::<Level>(&format!("'{}'", "é".repeat(100_000))).await;
    assert!(long.len() < 300, "{long}");
}

#[tokio::test]
async fn what_serde_buffers_is_found_by_its_value() {
    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "only its absence is looked at")]
        id: i64,
        #[serde(flatten)]
        #[expect(dead_code, reason = "only its absence is looked at")]
        inner: Inner,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its absence is looked at")]
    struct Inner {
        small: u8,
        text: String,
    }
    assert_eq!(
        wrong::<Outer>("SELECT 1 AS id, 2 AS small").await,
        "column text: the row has id, small"
    );
    assert_eq!(
        wrong::<Outer>("SELECT 1 AS id, 300 AS small, 'a' AS text").await,
        "column small: expected u8, found integer 300"
    );
    assert_eq!(
        wrong::<Outer>("SELECT 1 AS id, 2 AS small, 2.5 AS text").await,
        "column text: expected a string, found real"
    );
    // Two columns have the value: both are named, and no other.
    assert_eq!(
        wrong::<Outer>("SELECT 1 AS id, 300 AS other, 300 AS small, 'a' AS text").await,
        "column other, small: expected u8, found integer 300"
    );

    #[derive(Debug, Deserialize)]
    #[serde(try_from = "Message")]
    struct Checked;
    impl TryFrom<Message> for Checked {
        type Error = String;
        fn try_from(message: Message) -> Result<Checked, String> {
            Err(format!(
                "message {} has the body {}",
                message.id, message.body
            ))
        }
    }
    assert_eq!(
        wrong::<Checked>("SELECT 1 AS id, 'hi' AS body").await,
        "column id, body: message 1 has the body hi"
    );
}

#[tokio::test]
async fn values_of_any_kind_can_be_asked_for() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Any {
        Null,
        Integer(i64),
        Real(f64),
        Text(String),
        Blob(Vec<u8>),
    }
    let sql = "SELECT NULL AS a, 1 AS b, 1.5 AS c, 'x' AS d, x'0102' AS e";
    let row: BTreeMap<String, Any> = one(sql).await.unwrap();
    let expected = [
        Any::Null,
        Any::Integer(1),
        Any::Real(1.5),
        Any::Text("x".to_owned()),
        Any::Blob(vec![1, 2]),
    ];
    let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
    assert_eq!(row, names.into_iter().zip(expected).collect());

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Shape {
        Circle { radius: f64 },
        Box { width: i64, height: i64 },
    }
    let query = "SELECT 2 AS radius, 'circle' AS kind, 3 AS width, 4 AS height";
    let circle = one::<Shape>(query).await.unwrap();
    assert_eq!(circle, Shape::Circle { radius: 2.0 });
    let query = "SELECT 'box' AS kind, 3 AS width, 4 AS height";
    let (width, height) = (3, 4);
    assert_eq!(
        one::<Shape>(query).await.unwrap(),
        Shape::Box { width, height }
    );
    assert_eq!(
        wrong::<Shape>("SELECT 'line' AS kind").await,
        r#"column kind: expected one of circle, box, found text "line""#
    );
}

#[tokio::test]
async fn a_row_lends_its_texts_and_blobs() {
    #[derive(Deserialize)]
    struct Lent<'a> {
        text: &'a str,
        bytes: &'a [u8],
        none: Option<&'a str>,
    }
    let sql = "SELECT 'abc' AS text, x'0102' AS bytes, NULL AS none";
    let row = db().await.query(sql, ()).one().await.unwrap();
    let lent: Lent<'_> = row.deserialize().unwrap();
    assert_eq!(
        (lent.text, lent.bytes, lent.none),
        ("abc", &[1u8, 2][..], None)
    );
    assert_eq!(lent.text.as_ptr(), row.get::<&str>(0).unwrap().as_ptr());
    let pair: (&str, &[u8], ()) = row.deserialize().unwrap();
    assert_eq!(pair.0, "abc");
    let error = row.deserialize::<(&str, &str, ())>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "column bytes: expected a borrowed string, found blob"
    );
}

#[tokio::test]
async fn every_door_of_a_query_deserializes() {
    let db = db().await;
    let sql = "VALUES (1, 'a'), (2, 'b'), ('x', 'c'), (4, 'd')";
    let query = || db.query(sql, ()).deserialize::<(i64, String)>();
    let error = query().await.unwrap_err().to_string();
    assert_eq!(error, "column column1: expected i64, found text");

    // A row that does not fit is an item of the stream, and no end of it.
    let mut rows = query().stream();
    let mut seen = Vec::new();
    while let Some(row) = rows.next().await {
        seen.push(row.ok().map(|(id, _)| id));
    }
    assert_eq!(seen, [Some(1), Some(2), None, Some(4)]);

    let none = db.query("SELECT 1 WHERE 0", ()).deserialize::<i64>();
    assert_eq!(none.optional().await.unwrap(), None);
    let limit = std::time::Duration::from_secs(30);
    let all = db.query("VALUES (1), (2)", ()).timeout(limit);
    assert_eq!(all.deserialize::<i64>().await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn names_take_any_sign() {
    #[derive(Serialize)]
    struct Three {
        a: i64,
        b: i64,
        c: i64,
    }
    let db = db().await;
    let params = named(&Three { a: 1, b: 2, c: 3 }).unwrap();
    let query = db.query("SELECT :a, @b, $c", params);
    assert_eq!(
        query.deserialize::<[i64; 3]>().one().await.unwrap(),
        [1, 2, 3]
    );
}

#[tokio::test]
async fn maps_shells_and_tagged_enums_have_names_too() {
    #[derive(Serialize)]
    struct Shell<T>(T);
    #[derive(Serialize)]
    struct Outer {
        a: i64,
        #[serde(flatten)]
        rest: BTreeMap<&'static str, i64>,
    }
    #[derive(Serialize)]
    #[serde(tag = "a")]
    enum Tagged {
        Kind { b: i64 },
    }
    #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
    #[serde(rename_all = "lowercase")]
    enum Key {
        A,
        B,
    }
    let db = db().await;
    let map = BTreeMap::from([("a", 1), ("b", 2)]);
    let keys = BTreeMap::from([(Key::A, 1), (Key::B, 2)]);
    let owned = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
    let outer = Outer {
        a: 1,
        rest: BTreeMap::from([("b", 2)]),
    };
    for params in [
        named(&map),
        named(&keys),
        named(&owned),
        named(&Shell(&map)),
        named(&Some(Box::new(&map))),
        named(&outer),
    ] {
        let query = db.query("SELECT :a, :b", params.unwrap());
        assert_eq!(query.deserialize::<[i64; 2]>().one().await.unwrap(), [1, 2]);
    }
    let params = named(&Tagged::Kind { b: 2 }).unwrap();
    let query = db.query("SELECT :a, :b", params).deserialize();
    let (a, b): (String, i64) = query.one().await.unwrap();
    assert_eq!((&*a, b), ("Kind", 2));

    // What is bound is checked against the statement, as any parameters are.
    let error = db
        .query("SELECT :a", named(&map).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "no parameter is named b: SELECT :a");
    let error = db.query("SELECT :a, :b, :c", named(&map).unwrap()).await;
    let error = error.unwrap_err().to_string();
    assert_eq!(error, "no value for :c: SELECT :a, :b, :c");
}

#[test]
fn a_field_that_fits_no_parameter_is_named() {
    #[derive(Serialize)]
    enum Data {
        One(i64),
        Two(i64, i64),
        Struct { a: i64 },
    }
    fn field(value: impl Serialize) -> String {
        #[derive(Serialize)]
        struct Holder<T> {
            id: i64,
            age: T,
        }
        let text = unfit(Holder { id: 1, age: value });
        let problem = text.strip_prefix("parameter age: ");
        problem.unwrap_or_else(|| panic!("{text}")).to_owned()
    }
    let wide = "does not fit a 64-bit signed integer";
    let big = 1u64 << 63;
    assert_eq!(field(big), format!("{big} {wide}"));
    assert_eq!(field(u128::MAX), format!("{} {wide}", u128::MAX));
    assert_eq!(field(i128::MIN), format!("{} {wide}", i128::MIN));
    assert_eq!(field(Some(Some(big))), format!("{big} {wide}"));
    assert_eq!(field(f64::NAN), "NaN is not an SQLite value");
    assert_eq!(field(f32::NAN), "NaN is not an SQLite value");
    let bytes_only = "a sequence does not fit one parameter, unless it is of bytes (u8)";
    assert_eq!(field(["a"]), bytes_only);
    assert_eq!(field((1u8, 2i64)), bytes_only);
    assert_eq!(field(vec![1i64]), bytes_only);
    assert_eq!(field(vec![Some(1u8)]), bytes_only);
    assert_eq!(field(vec![vec![1u8]]), bytes_only);
    assert_eq!(
        field(Flatless { a: 1 }),
        "a struct does not fit one parameter"
    );
    let map = BTreeMap::from([("a", 1)]);
    assert_eq!(field(map), "a map does not fit one parameter");
    let data = "an enum with data does not fit one parameter";
    assert_eq!(field(Data::One(1)), data);
    assert_eq!(field(Data::Two(1, 2)), data);
    assert_eq!(field(Data::Struct { a: 1 }), data);
    assert_eq!(
        unfit(BTreeMap::from([("age", big)])),
        format!("parameter age: {big} {wide}")
    );
}

#[derive(Serialize)]
struct Flatless {
    a: i64,
}

#[test]
fn what_has_no_names_is_no_set_of_parameters() {
    let from = |kind| format!("named parameters come from a struct or a map, not from {kind}");
    assert_eq!(unfit(1), from("an integer"));
    assert_eq!(unfit(1.5), from("a float"));
    assert_eq!(unfit(true), from("a bool"));
    assert_eq!(unfit('a'), from("a char"));
    assert_eq!(unfit("a"), from("a text"));
    assert_eq!(unfit(Bytes(vec![1])), from("bytes"));
    assert_eq!(unfit(None::<i64>), from("None"));
    assert_eq!(unfit(()), from("a unit"));
    assert_eq!(unfit(Nothing), from("a unit"));
    assert_eq!(unfit(Level::Low), from("an enum"));
    assert_eq!(unfit(Ok::<i64, i64>(1)), from("an enum"));
    assert_eq!(unfit((1, 2)), from("a tuple"));
    assert_eq!(unfit([1, 2].as_slice()), from("a sequence"));
    assert_eq!(
        unfit(BTreeMap::from([(1, 2)])),
        "the name of a parameter is a text, not integer"
    );
}

#[test]
fn a_type_s_own_refusal_is_passed_on() {
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }
    assert_eq!(unfit(Refuses), "not today");
    assert_eq!(
        unfit(BTreeMap::from([("a", Refuses)])),
        "parameter a: not today"
    );
}
