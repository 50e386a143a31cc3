//! Rows into serde types.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use aio_sqlite::Error;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Bytes, Id, Level, Nothing, db};

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

    // Out of its buffer serde takes what it put in: no `bool` from an integer.
    #[derive(Debug, Deserialize)]
    struct Buffered {
        #[serde(flatten)]
        #[expect(dead_code, reason = "only its absence is looked at")]
        flag: Flag,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its absence is looked at")]
    struct Flag {
        flag: bool,
    }
    assert_eq!(
        wrong::<Buffered>("SELECT 1 AS flag").await,
        "column flag: expected a boolean, found integer"
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
