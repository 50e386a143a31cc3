//! Parameters of every kind in, columns of every kind out.

use std::borrow::Cow;
use std::sync::Arc;

use aio_sqlite::{Connection, Error, Params, Row, Value, ValueRef, params};

async fn db() -> Connection {
    aio_sqlite::connect(":memory:").await.unwrap()
}

#[tokio::test]
async fn every_kind_of_parameter_round_trips() {
    let db = db().await;
    let texts: Vec<String> = vec![
        db.query_as("SELECT ?1", ["&str"]).one().await.unwrap(),
        db.query_as("SELECT ?1", [String::from("String")])
            .one()
            .await
            .unwrap(),
        db.query_as("SELECT ?1", [&String::from("&String")])
            .one()
            .await
            .unwrap(),
        db.query_as("SELECT ?1", [Cow::from("Cow")])
            .one()
            .await
            .unwrap(),
        db.query_as("SELECT ?1", [Arc::<str>::from("Arc")])
            .one()
            .await
            .unwrap(),
        db.query_as("SELECT ?1", [Box::<str>::from("Box")])
            .one()
            .await
            .unwrap(),
    ];
    assert_eq!(texts, ["&str", "String", "&String", "Cow", "Arc", "Box"]);

    let blobs: Vec<Vec<u8>> = vec![
        db.query_as("SELECT ?1", [&[1u8, 2][..]])
            .one()
            .await
            .unwrap(),
        db.query_as("SELECT ?1", [vec![3u8]]).one().await.unwrap(),
        db.query_as("SELECT ?1", ([4u8, 5],)).one().await.unwrap(),
        db.query_as("SELECT ?1", [Vec::<u8>::new()])
            .one()
            .await
            .unwrap(),
    ];
    assert_eq!(blobs, [vec![1, 2], vec![3], vec![4, 5], vec![]]);

    let row = db
        .query(
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6",
            (
                i64::MIN,
                1.5,
                true,
                None::<i64>,
                Some(u8::MAX),
                Value::Integer(-1),
            ),
        )
        .one()
        .await
        .unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), i64::MIN);
    assert_eq!(row.get::<f64>(1).unwrap(), 1.5);
    assert!(row.get::<bool>(2).unwrap());
    assert_eq!(row.get::<Option<i64>>(3).unwrap(), None);
    assert_eq!(row.get::<u8>(4).unwrap(), 255);
    assert_eq!(row.value(5).unwrap(), ValueRef::Integer(-1));
    assert_eq!(row.get::<Value>(3).unwrap(), Value::Null);
    assert_eq!(row.get::<f64>(5).unwrap(), -1.0);
}

#[tokio::test]
async fn fields_that_may_be_absent_are_bound_where_they_stand() {
    struct Message {
        subject: Option<String>,
        size: Option<u64>,
        blob: Option<Vec<u8>>,
    }
    let full = Message {
        subject: Some("help".into()),
        size: Some(7),
        blob: Some(vec![1, 2]),
    };
    let empty = Message {
        subject: None,
        size: None,
        blob: None,
    };
    let db = db().await;
    let sql = "SELECT ?1, ?2, ?3";
    let row = db.query(sql, (&full.subject, &full.size, &full.blob));
    let row = row.one().await.unwrap();
    assert_eq!(row.get::<&str>(0).unwrap(), "help");
    assert_eq!(row.get::<i64>(1).unwrap(), 7);
    assert_eq!(row.get::<&[u8]>(2).unwrap(), [1, 2]);
    let row = db.query(sql, (&empty.subject, &empty.size, &empty.blob));
    let row = row.one().await.unwrap();
    for column in 0..3 {
        assert_eq!(row.value(column).unwrap(), ValueRef::Null);
    }
    assert_eq!(full.subject.as_deref(), Some("help"), "it is still ours");

    // Many rows take another way.
    db.execute("CREATE TABLE t(subject, size, blob)", ())
        .await
        .unwrap();
    let rows = [&full, &empty].map(|message| (&message.subject, &message.size, &message.blob));
    let sql = "INSERT INTO t VALUES (?1, ?2, ?3)";
    db.execute_many(sql, rows).await.unwrap();
    type Counts = (i64, i64, i64, i64);
    let sql = "SELECT count(*), count(subject), sum(size), length(max(blob)) FROM t";
    let counts = db.query_as::<Counts>(sql, ()).one().await.unwrap();
    assert_eq!(counts, (2, 1, 7, 2));

    let error = db.query("SELECT ?1", (&Some(u64::MAX),)).await.unwrap_err();
    assert!(matches!(error, Error::Parameter { .. }), "{error:?}");
}

#[tokio::test]
async fn a_nul_inside_a_text_round_trips() {
    let db = db().await;
    let text = "before\0after";
    let back: String = db.query_as("SELECT ?1", [text]).one().await.unwrap();
    assert_eq!(back, text);
}

#[tokio::test]
async fn names_come_with_or_without_their_sign() {
    let db = db().await;
    let sql = "SELECT :a, @b, $c, :a";
    for names in [["a", "b", "c"], [":a", "@b", "$c"]] {
        let [a, b, c] = names;
        let row = db.query(sql, [(a, 1), (b, 2), (c, 3)]).one().await.unwrap();
        let got: Vec<i64> = (0..4).map(|i| row.get(i).unwrap()).collect();
        assert_eq!(got, [1, 2, 3, 1]);
    }
}

async fn problem(db: &Connection, sql: &str, params: Params) -> String {
    let error = db.query(sql, params).await.unwrap_err();
    assert!(matches!(error, Error::Parameter { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.ends_with(sql), "names the SQL: {text}");
    text
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_named() {
    let db = db().await;
    let named = |pairs: &[(&'static str, i64)]| Params::named(pairs.iter().copied());
    for (sql, params, said) in [
        ("SELECT ?1, ?2", params![1], "1 parameters for 2"),
        ("SELECT 1", params![1], "1 parameters for 0"),
        (
            "SELECT ?1",
            params![u64::MAX],
            "parameter 1: 18446744073709551615 does not fit",
        ),
        ("SELECT ?1, ?2", params![1, f64::NAN], "parameter 2: NaN"),
        ("SELECT :a", named(&[("b", 1)]), "no parameter is named b"),
        ("SELECT :a, :b", named(&[("a", 1)]), "no value for :b"),
        (
            "SELECT :a",
            named(&[("a", 1), (":a", 2)]),
            ":a is given twice",
        ),
    ] {
        let text = problem(&db, sql, params).await;
        assert!(text.contains(said), "{text}");
    }
    // The cached statement keeps nothing of a binding that failed.
    let row = db.query("SELECT ?1, ?2", (1, 2)).one().await.unwrap();
    assert_eq!(row.get::<i64>(1).unwrap(), 2);
}

#[tokio::test]
async fn columns_that_do_not_fit_are_named() {
    let db = db().await;
    let row = db
        .query(
            "SELECT 'text' AS word, 300 AS number, NULL AS empty, x'ff' AS blob",
            (),
        )
        .one()
        .await
        .unwrap();
    let said = |error: Error| {
        assert!(matches!(error, Error::Column { .. }), "{error:?}");
        error.to_string()
    };
    assert_eq!(
        said(row.get::<i64>("word").unwrap_err()),
        "column word: expected integer, found text"
    );
    assert_eq!(
        said(row.get::<u8>("NUMBER").unwrap_err()),
        "column number: 300 does not fit u8"
    );
    assert_eq!(
        said(row.get::<String>("empty").unwrap_err()),
        "column empty: expected text, found null"
    );
    assert_eq!(
        said(row.get::<String>("blob").unwrap_err()),
        "column blob: expected text, found blob"
    );
    assert_eq!(
        said(row.get::<i64>("sender").unwrap_err()),
        "column sender: the row has word, number, empty, blob"
    );
    assert_eq!(
        said(row.get::<i64>(4).unwrap_err()),
        "column 4: the row has 4 columns"
    );
    let error = db
        .query_as::<(i64, i64)>("SELECT 1, 2, 3", ())
        .await
        .unwrap_err();
    assert!(said(error).contains("expected 2 columns, the row has 3"));
    let error = db.query_as::<i64>("SELECT 1, 2", ()).await.unwrap_err();
    assert!(said(error).contains("expected 1 columns, the row has 2"));
}

#[tokio::test]
async fn text_that_is_not_utf8_is_an_error_and_its_bytes_can_be_had() {
    let db = db().await;
    let row = db
        .query("SELECT CAST(x'41ff' AS TEXT) AS t", ())
        .one()
        .await
        .unwrap();
    let text = row.get::<String>("t").unwrap_err().to_string();
    assert!(
        text.starts_with("column t: the text is not UTF-8"),
        "{text}"
    );
    assert_eq!(row.value("t").unwrap(), ValueRef::Text(b"\x41\xff"));
}

#[tokio::test]
async fn borrowed_values_come_out_of_the_row() {
    let db = db().await;
    let row: Row = db.query("SELECT 'abc', x'0102'", ()).one().await.unwrap();
    let (text, blob): (&str, &[u8]) = (row.get(0).unwrap(), row.get(1).unwrap());
    assert_eq!((text, blob), ("abc", &[1u8, 2][..]));
    let debug = format!("{row:?}");
    assert!(
        debug.contains(r#""abc""#),
        "texts are shown as text: {debug}"
    );
}

#[tokio::test]
async fn columns_are_those_after_a_schema_change() {
    let db = db().await;
    db.execute_script("CREATE TABLE w(a); INSERT INTO w VALUES (1)")
        .await
        .unwrap();
    let before = db.query("SELECT * FROM w", ()).one().await.unwrap();
    db.execute("ALTER TABLE w ADD COLUMN b DEFAULT 2", ())
        .await
        .unwrap();
    let after = db.query("SELECT * FROM w", ()).one().await.unwrap();
    assert_eq!(before.column_names().collect::<Vec<_>>(), ["a"]);
    assert_eq!(after.column_names().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(after.get::<i64>("b").unwrap(), 2);
}
