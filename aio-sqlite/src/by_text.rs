//! What is known of statements, by their texts.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A bounded map from texts. It forgets everything when it is full: a program
/// has some hundred texts, and one that puts values into them has any number,
/// of which none comes again.
pub(crate) struct ByText<V> {
    most: usize,
    /// What was asked for last: often it is what is asked for next, and then
    /// needs no hash.
    last: Option<(Arc<str>, V)>,
    all: HashMap<Arc<str>, V>,
}

impl<V> fmt::Debug for ByText<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.all.keys()).finish()
    }
}

impl<V: Clone> ByText<V> {
    pub(crate) fn new(most: usize) -> ByText<V> {
        ByText {
            most,
            last: None,
            all: HashMap::new(),
        }
    }

    pub(crate) fn get(&mut self, text: &str) -> Option<V> {
        if let Some((last, value)) = &self.last
            && **last == *text
        {
            return Some(value.clone());
        }
        let (text, value) = self.all.get_key_value(text)?;
        self.last = Some((text.clone(), value.clone()));
        Some(value.clone())
    }

    pub(crate) fn keep(&mut self, text: Arc<str>, value: V) {
        self.last = None;
        if self.all.len() >= self.most && !self.all.contains_key(&text) {
            self.all.clear(); // what is used will be kept again
        }
        self.all.insert(text, value);
    }

    pub(crate) fn remove(&mut self, text: &str) {
        self.last = None;
        self.all.remove(text);
    }

    pub(crate) fn clear(&mut self) {
        self.last = None;
        self.all.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_again_is_what_was_kept_last() {
        let mut known = ByText::new(8);
        let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
        assert_eq!(known.get(&one), None);
        known.keep(one.clone(), 1);
        known.keep(two.clone(), 2);
        for _ in 0..2 {
            assert_eq!(known.get(&one), Some(1));
        }
        known.keep(one.clone(), 3);
        assert_eq!(known.get(&one), Some(3));
        assert_eq!(known.get(&two), Some(2));
        known.remove(&two);
        assert_eq!(known.get(&two), None);
        assert_eq!(known.get(&one), Some(3));
        known.clear();
        assert_eq!(known.get(&one), None);
    }

    #[test]
    fn it_forgets_what_is_too_many() {
        let mut known = ByText::new(8);
        for n in 0..100 {
            let text: Arc<str> = format!("SELECT {n}").into();
            known.keep(text.clone(), n);
            assert_eq!(known.get(&text), Some(n));
            assert!(known.all.len() <= 8);
        }
        assert_eq!(known.get("SELECT 0"), None);
    }
}
