//! The calls of one map that its consumer has not heard of yet, each in a slot:
//! under way, or answered.

use crate::wire::CallId;

/// Slots that are used again, so that a map needs as many as it makes calls at
/// a time. A slot has a key as long as it is taken.
#[derive(Debug)]
pub(crate) struct Slots<V> {
    slots: Vec<Slot<V>>,
    /// The first of the list of free slots.
    free: Option<usize>,
    taken: usize,
    under_way: usize,
}

#[derive(Debug)]
struct Slot<V> {
    /// Which input it is, from 0.
    number: u64,
    stage: Stage<V>,
}

#[derive(Debug)]
enum Stage<V> {
    Free { next: Option<usize> },
    UnderWay(CallId),
    Answered(V),
}

impl<V> Slots<V> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: None,
            taken: 0,
            under_way: 0,
        }
    }

    /// Takes a slot for a call that is about to be made.
    pub(crate) fn make(&mut self, number: u64, call: CallId) -> usize {
        self.under_way += 1;
        self.take(number, Stage::UnderWay(call))
    }

    /// Takes a slot for an input whose call cannot be made.
    pub(crate) fn refuse(&mut self, number: u64, answer: V) -> usize {
        self.take(number, Stage::Answered(answer))
    }

    fn take(&mut self, number: u64, stage: Stage<V>) -> usize {
        self.taken += 1;
        let slot = Slot { number, stage };
        match self.free {
            Some(key) => {
                let before = std::mem::replace(&mut self.slots[key], slot);
                self.free = match before.stage {
                    Stage::Free { next } => next,
                    Stage::UnderWay(_) | Stage::Answered(_) => unreachable!("it is listed as free"),
                };
                key
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        }
    }

    /// Keeps the answer to a call.
    pub(crate) fn answer(&mut self, key: usize, answer: V) {
        self.under_way -= 1;
        self.slots[key].stage = Stage::Answered(answer);
    }

    pub(crate) fn is_answered(&self, key: usize) -> bool {
        matches!(self.slots[key].stage, Stage::Answered(_))
    }

    /// Frees the slot of an answered call.
    pub(crate) fn free(&mut self, key: usize) -> Option<(u64, V)> {
        if !self.is_answered(key) {
            return None;
        }
        let slot = &mut self.slots[key];
        let free = Stage::Free { next: self.free };
        let Stage::Answered(answer) = std::mem::replace(&mut slot.stage, free) else {
            return None;
        };
        self.free = Some(key);
        self.taken -= 1;
        Some((slot.number, answer))
    }

    /// How many are under way or answered.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    pub(crate) fn under_way(&self) -> usize {
        self.under_way
    }

    /// The calls that have no answer.
    pub(crate) fn calls(&self) -> Vec<CallId> {
        let call = |slot: &Slot<V>| match slot.stage {
            Stage::UnderWay(call) => Some(call),
            Stage::Free { .. } | Stage::Answered(_) => None,
        };
        self.slots.iter().filter_map(call).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_again_and_know_what_is_under_way() {
        let mut slots = Slots::new();
        let keys: Vec<_> = (0..3)
            .map(|number| slots.make(number, 10 + number))
            .collect();
        assert_eq!(slots.calls(), [10, 11, 12]);
        assert_eq!(slots.free(keys[1]), None, "it has no answer");
        slots.answer(keys[1], 'b');
        assert_eq!((slots.taken(), slots.under_way()), (3, 2));
        assert_eq!(slots.calls(), [10, 12]);
        assert_eq!(slots.free(keys[1]), Some((1, 'b')));
        assert_eq!(slots.free(keys[1]), None, "once");
        assert_eq!(slots.refuse(3, 'd'), keys[1]);
        slots.answer(keys[0], 'a');
        assert_eq!(slots.free(keys[0]), Some((0, 'a')));
        assert_eq!(slots.free(keys[1]), Some((3, 'd')));
        let again = [slots.make(4, 14), slots.make(5, 15), slots.make(6, 16)];
        assert_eq!(again, [keys[1], keys[0], 3]);
        assert_eq!((slots.taken(), slots.under_way()), (4, 4));
    }
}
