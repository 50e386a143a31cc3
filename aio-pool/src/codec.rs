//! How values become bytes, and bytes values.
//!
//! Everything else sees "encode" and "decode", so the format can be changed
//! here, in [`reader`] and in [`writer`] without touching a frame, a task or a
//! door.

use serde::Serialize;
use serde::de::DeserializeOwned;

mod reader;
mod refusal;
mod writer;

use reader::Reader;
pub(crate) use refusal::CodecError;
use writer::Writer;

/// Appends the bytes of `value` to `buffer`.
pub(crate) fn append<T: Serialize + ?Sized>(
    buffer: Vec<u8>,
    value: &T,
) -> Result<Vec<u8>, CodecError> {
    let mut writer = Writer::new(buffer);
    value.serialize(&mut writer)?;
    writer.finish()
}

/// Reads a value off the front of `bytes` and returns how long it was.
pub(crate) fn split<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), CodecError> {
    let mut reader = Reader::new(bytes);
    let value = T::deserialize(&mut reader)?;
    let rest = reader.rest()?;
    Ok((value, bytes.len() - rest.len()))
}

/// Reads a value that must be all of `bytes`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, used) = split(bytes)?;
    match bytes.len() - used {
        0 => Ok(value),
        left => Err(CodecError::Trailing(left)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::refusal::DEEPEST_VALUE;
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Unit;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Newtype(char);

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Pair(i16, Option<u64>);

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Unit,
        Newtype(i128),
        Tuple(bool, String),
        Struct { list: Vec<Self>, unit: Unit },
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct All {
        shape: Shape,
        map: BTreeMap<String, (u32, i64)>,
        pair: Pair,
        newtype: Newtype,
        unit: (),
        numbers: (f32, f64, u128, i8, u8, u16, i32, usize),
        option: Option<Option<()>>,
        array: [u16; 3],
    }

    fn any_shape() -> impl Strategy<Value = Shape> {
        let leaf = prop_oneof![
            Just(Shape::Unit),
            any::<i128>().prop_map(Shape::Newtype),
            (any::<bool>(), ".*").prop_map(|(a, b)| Shape::Tuple(a, b)),
        ];
        leaf.prop_recursive(4, 16, 4, |inner| {
            proptest::collection::vec(inner, 0..4)
                .prop_map(|list| Shape::Struct { list, unit: Unit })
        })
    }

    prop_compose! {
        fn any_all()(
            shape in any_shape(),
            map in proptest::collection::btree_map(".*", any::<(u32, i64)>(), 0..4),
            pair in any::<(i16, Option<u64>)>(),
            newtype in any::<char>(),
            floats in (-1e9_f32..1e9, -1e9_f64..1e9),
            whole in any::<(u128, i8, u8, u16, i32, usize)>(),
            option in any::<Option<Option<()>>>(),
            array in any::<[u16; 3]>(),
        ) -> All {
            let (a, b, c, d, e, f) = whole;
            All {
                shape, map, option, array,
                pair: Pair(pair.0, pair.1),
                newtype: Newtype(newtype),
                unit: (),
                numbers: (floats.0, floats.1, a, b, c, d, e, f),
            }
        }
    }

    proptest! {
        #[test]
        fn values_are_written_and_read_as_postcard_does(all in any_all()) {
            let bytes = append(Vec::new(), &all).unwrap();
            prop_assert_eq!(&bytes, &postcard::to_extend(&all, Vec::new()).unwrap());
            prop_assert_eq!(decode::<All>(&bytes).unwrap(), all);
        }

        #[test]
        fn any_bytes_are_read_as_postcard_reads_them(
            bytes in proptest::collection::vec(any::<u8>(), 0..64)
        ) {
            let theirs = postcard::take_from_bytes::<Shape>(&bytes);
            match (split::<Shape>(&bytes), theirs) {
                (Ok((ours, used)), Ok((theirs, rest))) => {
                    prop_assert_eq!(ours, theirs);
                    prop_assert_eq!(used, bytes.len() - rest.len());
                }
                (Err(_), Err(_)) => {}
                (ours, theirs) => prop_assert!(false, "{ours:?}, and postcard {theirs:?}"),
            }
        }
    }

    /// A recursive type as anybody writes it; a level of it is two of ours.
    #[derive(Debug, Serialize, Deserialize)]
    struct List {
        next: Option<Box<Self>>,
    }

    #[test]
    fn values_are_read_down_to_the_limit_and_no_further() {
        let (deepest, some) = (DEEPEST_VALUE as usize, 1_u8);
        // A byte for each Some, and one for the None at the end.
        let list = |nodes: usize| [vec![some; nodes - 1], vec![0]].concat();
        assert!(decode::<List>(&list(deepest / 2)).is_ok());
        for nodes in [deepest / 2 + 1, 10_000_000] {
            let error = decode::<List>(&list(nodes)).unwrap_err();
            assert!(matches!(error, CodecError::TooDeep), "{error}");
        }
        // Side by side is not inside each other.
        let wide = append(Vec::new(), &vec![Some(vec![1_u8]); 1_000]).unwrap();
        assert_eq!(decode::<Vec<Option<Vec<u8>>>>(&wide).unwrap().len(), 1_000);
    }
}
