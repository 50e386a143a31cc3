//! A list of values that needs no allocation while there is only one.
//!
//! A point query has one parameter. A vector that the caller makes and the
//! worker frees has the two wait for each other at the allocator. Room for more
//! than one would be paid for by every future that holds a statement.

use rusqlite::types::Value;

#[derive(Clone, Debug, Default)]
pub(crate) enum Values {
    #[default]
    None,
    One(Value),
    Many(Vec<Value>),
}

impl PartialEq for Values {
    fn eq(&self, other: &Values) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Values {
    pub(crate) fn push(&mut self, value: Value) {
        *self = match std::mem::take(self) {
            Values::None => Values::One(value),
            Values::One(first) => {
                // The third and fourth come without another allocation.
                let mut many = Vec::with_capacity(4);
                many.extend([first, value]);
                Values::Many(many)
            }
            Values::Many(mut many) => {
                many.push(value);
                Values::Many(many)
            }
        };
    }

    pub(crate) fn as_slice(&self) -> &[Value] {
        match self {
            Values::None => &[],
            Values::One(value) => std::slice::from_ref(value),
            Values::Many(many) => many,
        }
    }

    /// Gives the values away one after another.
    pub(crate) fn drain(self, mut each: impl FnMut(Value)) {
        match self {
            Values::None => {}
            Values::One(value) => each(value),
            Values::Many(many) => many.into_iter().for_each(each),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_in_order_while_they_become_many() {
        let mut values = Values::default();
        let mut expected = Vec::new();
        for n in 0..5 {
            assert_eq!(values.as_slice(), expected);
            assert_eq!(values, values.clone());
            let mut drained = Vec::new();
            values.clone().drain(|value| drained.push(value));
            assert_eq!(drained, expected);
            values.push(Value::Integer(n));
            expected.push(Value::Integer(n));
        }
    }

    #[test]
    fn a_list_takes_no_more_room_than_a_value() {
        assert_eq!(size_of::<Values>(), size_of::<Value>());
    }
}
