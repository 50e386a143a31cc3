//! Serde types as named parameters.

use std::collections::BTreeMap;

use aio_sqlite::{Error, Value, named};
use serde::{Serialize, Serializer};

use super::{Bytes, Id, Level, Nothing, db};

/// What is said of parameters that can't be.
fn unfit(value: impl Serialize) -> String {
    let error = named(&value).unwrap_err();
    assert!(
        matches!(&error, Error::Parameter { sql, .. } if sql.is_empty()),
        "{error:?}"
    );
    error.to_string()
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
    struct Struct {
        a: i64,
    }
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
        field(Struct { a: 1 }),
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
