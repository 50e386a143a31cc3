//! The table of tasks: what the linker collected, sorted, checked and summed.
//!
//! Every process of the program has the same table, because it is the same
//! executable; the handshake compares fingerprints anyway. A task then goes
//! over the wire as an index: never as a pointer, never as a name to look up.

use std::sync::OnceLock;

use crate::codec;
use crate::error::Error;
use crate::job::{Answer, Job, Running};
use crate::task::Task;
use crate::wire::{self, Ending};

/// Every registered task, in no order.
#[linkme::distributed_slice]
pub static TASKS: [Entry];

/// A task without its type.
#[derive(Debug)]
pub struct Entry {
    name: &'static str,
    /// The names of the input, output and error types.
    shape: fn() -> [&'static str; 3],
    pub(crate) run: fn(Job) -> Running,
}

impl Entry {
    /// Forgets the type of `T`.
    #[must_use]
    pub const fn of<T: Task>() -> Self {
        Self {
            name: T::NAME,
            shape: || {
                [
                    std::any::type_name::<T::Input>(),
                    std::any::type_name::<T::Output>(),
                    std::any::type_name::<T::Error>(),
                ]
            },
            run: |job| Running::Value(Box::pin(answer::<T>(job))),
        }
    }
}

/// Runs a task from bytes to bytes. Only that task pays for bytes that are no
/// input, or an output that has no bytes.
async fn answer<T: Task>(job: Job) -> Answer {
    let bytes = job.input;
    let input = match codec::decode::<T::Input>(&bytes) {
        Ok(input) => input,
        Err(error) => {
            let reason = error.to_string();
            return Ending::InputRejected { reason }.into();
        }
    };
    drop(bytes);
    let (ending, payload) = match T::run(input).await {
        Ok(output) => (Ending::Output, wire::payload(&output)),
        Err(error) => (Ending::Error, wire::payload(&error)),
    };
    match payload {
        Ok(payload) => Answer { ending, payload },
        Err(unsendable) => Ending::OutputRejected {
            reason: unsendable.to_string(),
        }
        .into(),
    }
}

/// The sorted table.
#[derive(Debug)]
pub(crate) struct Table {
    entries: Vec<&'static Entry>,
    fingerprint: u64,
}

impl Table {
    /// The table of this program.
    pub(crate) fn of_this_program() -> Result<&'static Self, Error> {
        static TABLE: OnceLock<Result<Table, Error>> = OnceLock::new();
        TABLE
            .get_or_init(|| Self::new(TASKS.iter()))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn new(entries: impl Iterator<Item = &'static Entry>) -> Result<Self, Error> {
        let mut entries: Vec<_> = entries.collect();
        entries.sort_unstable_by_key(|entry| entry.name);
        if let Some(twins) = entries.windows(2).find(|pair| pair[0].name == pair[1].name) {
            let task = twins[0].name;
            return Err(Error::DuplicateTask { task });
        }
        let mut fingerprint = Fnv::new();
        for entry in &entries {
            fingerprint.add(entry.name);
            for name in (entry.shape)() {
                fingerprint.add(name);
            }
        }
        Ok(Self {
            entries,
            fingerprint: fingerprint.0,
        })
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub(crate) fn index_of(&self, task: &'static str) -> Result<u32, Error> {
        self.entries
            .binary_search_by_key(&task, |entry| entry.name)
            .ok()
            .and_then(|index| u32::try_from(index).ok())
            .ok_or(Error::UnknownTask { task })
    }

    pub(crate) fn entry(&self, index: u32) -> Option<&'static Entry> {
        self.entries.get(usize::try_from(index).ok()?).copied()
    }
}

/// FNV-1a: small, and the same in every process, unlike std's seeded hashers.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a word and a byte that no word contains, so that "ab", "c" and
    /// "a", "bc" differ.
    fn add(&mut self, word: &str) {
        for byte in word.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &'static str, shape: fn() -> [&'static str; 3]) -> &'static Entry {
        let run: fn(Job) -> Running = |_| Running::Value(Box::pin(std::future::pending()));
        Box::leak(Box::new(Entry { name, shape, run }))
    }

    fn fingerprint(entries: &[&'static Entry]) -> u64 {
        Table::new(entries.iter().copied()).unwrap().fingerprint()
    }

    #[test]
    fn the_fingerprint_knows_names_and_types_and_no_order() {
        let (a, b) = (entry("a", || ["u8"; 3]), entry("b", || ["u8"; 3]));
        assert_eq!(fingerprint(&[a, b]), fingerprint(&[b, a]));
        assert_ne!(fingerprint(&[a, b]), fingerprint(&[a]));
        let b_retyped = entry("b", || ["u8", "u8", "u16"]);
        assert_ne!(fingerprint(&[a, b]), fingerprint(&[a, b_retyped]));
    }

    #[test]
    fn two_tasks_of_one_name_are_refused() {
        let twins = [entry("x", || ["u8"; 3]), entry("x", || ["u16"; 3])];
        let error = Table::new(twins.into_iter()).unwrap_err();
        assert_eq!(error, Error::DuplicateTask { task: "x" });
    }

    #[test]
    fn a_name_finds_its_index_and_an_index_its_entry() {
        let entries = [entry("b", || ["u8"; 3]), entry("a", || ["u8"; 3])];
        let table = Table::new(entries.into_iter()).unwrap();
        assert_eq!(table.index_of("b"), Ok(1));
        assert_eq!(table.entry(1).unwrap().name, "b");
        assert!(table.entry(2).is_none());
        assert_eq!(table.index_of("c"), Err(Error::UnknownTask { task: "c" }));
    }
}
