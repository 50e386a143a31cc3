//! Arithmetic on size hints that stays a bracket at the ends of `usize`.

/// The least and the most that a stream may still give; `None` is no bound.
pub(crate) type SizeHint = (usize, Option<usize>);

/// The hint of a stream that has ended.
pub(crate) const ENDED: SizeHint = (0, Some(0));

/// `hint` and `items` more.
pub(crate) fn plus(hint: SizeHint, items: usize) -> SizeHint {
    (
        hint.0.saturating_add(items),
        hint.1.and_then(|upper| upper.checked_add(items)),
    )
}

/// `hint` without its first `items`.
pub(crate) fn minus(hint: SizeHint, items: usize) -> SizeHint {
    (
        hint.0.saturating_sub(items),
        hint.1.map(|upper| upper.saturating_sub(items)),
    )
}

/// One hint after the other.
pub(crate) fn sum(left: SizeHint, right: SizeHint) -> SizeHint {
    (
        left.0.saturating_add(right.0),
        left.1.zip(right.1).and_then(|(a, b)| a.checked_add(b)),
    )
}

/// The shorter of two.
pub(crate) fn min(left: SizeHint, right: SizeHint) -> SizeHint {
    let upper = match (left.1, right.1) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (bound, None) | (None, bound) => bound,
    };
    (left.0.min(right.0), upper)
}

/// The longer of two.
pub(crate) fn max(left: SizeHint, right: SizeHint) -> SizeHint {
    (
        left.0.max(right.0),
        left.1.zip(right.1).map(|(a, b)| a.max(b)),
    )
}

/// Some of the items, perhaps none: what a filter leaves.
pub(crate) fn at_most(hint: SizeHint) -> SizeHint {
    (0, hint.1)
}

/// A number of items that is known; `None` is more than a `u128` counts.
pub(crate) fn exactly(items: Option<u128>) -> SizeHint {
    match items.and_then(|items| usize::try_from(items).ok()) {
        Some(items) => (items, Some(items)),
        None => (usize::MAX, None),
    }
}

#[cfg(test)]
mod tests {
    use super::{at_most, exactly, max, min, minus, plus, sum};

    const NO_BOUND: (usize, Option<usize>) = (usize::MAX, None);
    const FULL: (usize, Option<usize>) = (usize::MAX, Some(usize::MAX));

    #[test]
    fn no_bound_wraps_around() {
        assert_eq!(plus((1, Some(2)), 3), (4, Some(5)));
        assert_eq!(plus(FULL, 1), NO_BOUND);
        assert_eq!(minus((1, Some(5)), 3), (0, Some(2)));
        assert_eq!(minus(NO_BOUND, 1), (usize::MAX - 1, None));
        assert_eq!(sum((1, Some(2)), (3, Some(4))), (4, Some(6)));
        assert_eq!(sum(FULL, (1, Some(1))), NO_BOUND);
        assert_eq!(sum((0, Some(0)), NO_BOUND), NO_BOUND);
    }

    #[test]
    fn no_bound_is_longer_than_any() {
        assert_eq!(min((3, Some(9)), (5, None)), (3, Some(9)));
        assert_eq!(min((3, Some(9)), (5, Some(7))), (3, Some(7)));
        assert_eq!(max((3, Some(9)), (5, None)), (5, None));
        assert_eq!(max((3, Some(9)), (5, Some(7))), (5, Some(9)));
        assert_eq!(at_most((3, Some(9))), (0, Some(9)));
    }

    #[test]
    fn a_number_that_does_not_fit_is_no_bound() {
        assert_eq!(exactly(Some(3)), (3, Some(3)));
        assert_eq!(exactly(Some(usize::MAX as u128)), FULL);
        assert_eq!(exactly(Some(usize::MAX as u128 + 1)), NO_BOUND);
        assert_eq!(exactly(None), NO_BOUND);
    }
}
