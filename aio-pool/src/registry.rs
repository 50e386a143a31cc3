//! The table of tasks and initializers: what the linker collected, sorted,
//! checked and summed.
//!
//! Every process of the program has the same table, because it is the same
//! executable; the handshake compares fingerprints anyway. A task then goes
//! over the wire as an index: never as a pointer, never as a name to look up.

use std::any::TypeId;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;

use crate::codec;
use crate::context::States;
use crate::error::Error;
use crate::initializer::Initializer;
use crate::items::Encoded;
use crate::job::{Answer, Job, Running};
use crate::stream_task::StreamTask;
use crate::task::Task;
use crate::wire::Ending;

/// Everything registered, in no order.
#[linkme::distributed_slice]
pub static REGISTERED: [Registration];

/// What [`register!`](crate::register) puts into the table.
#[derive(Debug)]
pub enum Registration {
    /// A task, of either kind.
    Task(Entry),
    /// An initializer.
    Initializer(InitialEntry),
}

/// What can be registered. The parameter is what it is: inferred, as long as
/// it is one thing only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Task`, `StreamTask` or `Initializer`, so it cannot be registered"
)]
pub trait Registered<Kind> {
    /// It, without its type.
    const REGISTRATION: Registration;
}

/// A [`Task`] is registered as this.
#[derive(Debug)]
pub enum AsTask {}

/// A [`StreamTask`] is registered as this.
#[derive(Debug)]
pub enum AsStreamTask {}

/// An [`Initializer`] is registered as this.
#[derive(Debug)]
pub enum AsInitializer {}

impl<T: Task> Registered<AsTask> for T {
    const REGISTRATION: Registration = Registration::Task(Entry {
        name: T::NAME,
        shape: || {
            [
                "task",
                std::any::type_name::<T::Input>(),
                std::any::type_name::<T::Output>(),
                std::any::type_name::<T::Error>(),
            ]
        },
        run: |job| Running::Value(Box::pin(answer::<T>(job))),
    });
}

impl<T: StreamTask> Registered<AsStreamTask> for T {
    const REGISTRATION: Registration = Registration::Task(Entry {
        name: T::NAME,
        shape: || {
            [
                "stream",
                std::any::type_name::<T::Input>(),
                std::any::type_name::<T::Item>(),
                std::any::type_name::<T::Error>(),
            ]
        },
        run: |job| {
            Running::Items(Box::pin(Encoded::new(job, |job| {
                let Job { input, context } = job;
                Ok(T::run(context, read(&input)?))
            })))
        },
    });
}

impl<I: Initializer> Registered<AsInitializer> for I {
    const REGISTRATION: Registration = Registration::Initializer(InitialEntry {
        name: I::NAME,
        shape: || {
            [
                "initializer",
                std::any::type_name::<I::Input>(),
                std::any::type_name::<I::State>(),
                std::any::type_name::<I::Error>(),
            ]
        },
        run: |input| Box::pin(initialize::<I>(input)),
    });
}

/// A task without its type.
#[derive(Debug)]
pub struct Entry {
    name: &'static str,
    /// What it is, and the names of its input, output and error types.
    shape: fn() -> [&'static str; 4],
    pub(crate) run: fn(Job) -> Running,
}

/// An initializer without its type.
pub struct InitialEntry {
    pub(crate) name: &'static str,
    /// What it is, and the names of its input, state and error types.
    shape: fn() -> [&'static str; 4],
    pub(crate) run: fn(Vec<u8>) -> Initializing,
}

impl fmt::Debug for InitialEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InitialEntry").field(&self.name).finish()
    }
}

/// A running initializer: its state, or what went wrong.
pub(crate) type Initializing = Pin<Box<dyn Future<Output = Result<States, String>> + Send>>;

/// Runs an initializer from bytes to a state.
async fn initialize<I: Initializer>(input: Vec<u8>) -> Result<States, String> {
    let input = codec::decode::<I::Input>(&input)
        .map_err(|error| format!("its input cannot be read: {error}"))?;
    let state = I::init(input).await.map_err(|error| error.to_string())?;
    let mut states = States::new();
    // Of nothing there is no use, and there may be more than one.
    if TypeId::of::<I::State>() != TypeId::of::<()>() {
        states.insert(TypeId::of::<I::State>(), Arc::new(state));
    }
    Ok(states)
}

/// Runs a task from bytes to bytes. Only that task pays for bytes that are no
/// input, or an output that has no bytes.
async fn answer<T: Task>(job: Job) -> Answer {
    let Job { input, context } = job;
    let value = match read(&input) {
        Ok(value) => value,
        Err(answer) => return answer,
    };
    drop(input);
    match T::run(context, value).await {
        Ok(output) => Answer::of(Ending::Output, &output),
        Err(error) => Answer::of(Ending::Error, &error),
    }
}

/// Reads the input of a task.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Answer> {
    codec::decode(bytes).map_err(|error| {
        let reason = error.to_string();
        Ending::InputRejected { reason }.into()
    })
}

/// The sorted table.
#[derive(Debug)]
pub(crate) struct Table {
    entries: Vec<&'static Entry>,
    initializers: Vec<&'static InitialEntry>,
    fingerprint: u64,
}

impl Table {
    /// The table of this program.
    pub(crate) fn of_this_program() -> Result<&'static Self, Error> {
        static TABLE: OnceLock<Result<Table, Error>> = OnceLock::new();
        TABLE
            .get_or_init(|| Self::new(REGISTERED.iter()))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn new(registered: impl Iterator<Item = &'static Registration>) -> Result<Self, Error> {
        let (mut entries, mut initializers, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for registration in registered {
            match registration {
                Registration::Task(entry) => {
                    all.push((entry.name, entry.shape));
                    entries.push(entry);
                }
                Registration::Initializer(entry) => {
                    all.push((entry.name, entry.shape));
                    initializers.push(entry);
                }
            }
        }
        all.sort_unstable_by_key(|(name, _)| *name);
        if let Some(twins) = all.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::DuplicateTask { task: twins[0].0 });
        }
        entries.sort_unstable_by_key(|entry| entry.name);
        initializers.sort_unstable_by_key(|entry| entry.name);
        let mut fingerprint = Fnv::new();
        for (name, shape) in all {
            fingerprint.add(name);
            for name in shape() {
                fingerprint.add(name);
            }
        }
        Ok(Self {
            entries,
            initializers,
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

    pub(crate) fn index_of_initializer(&self, initializer: &'static str) -> Result<u32, Error> {
        self.initializers
            .binary_search_by_key(&initializer, |entry| entry.name)
            .ok()
            .and_then(|index| u32::try_from(index).ok())
            .ok_or(Error::UnknownTask { task: initializer })
    }

    pub(crate) fn initializer(&self, index: u32) -> Option<&'static InitialEntry> {
        self.initializers.get(usize::try_from(index).ok()?).copied()
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

    fn entry(name: &'static str, shape: fn() -> [&'static str; 4]) -> &'static Registration {
        let run: fn(Job) -> Running = |_| Running::Value(Box::pin(std::future::pending()));
        Box::leak(Box::new(Registration::Task(Entry { name, shape, run })))
    }

    fn initial(name: &'static str) -> &'static Registration {
        let run: fn(Vec<u8>) -> Initializing = |_| Box::pin(std::future::pending());
        let shape = || ["u8"; 4];
        let entry = InitialEntry { name, shape, run };
        Box::leak(Box::new(Registration::Initializer(entry)))
    }

    fn table(registered: &[&'static Registration]) -> Result<Table, Error> {
        Table::new(registered.iter().copied())
    }

    fn fingerprint(registered: &[&'static Registration]) -> u64 {
        table(registered).unwrap().fingerprint()
    }

    #[test]
    fn the_fingerprint_knows_names_and_types_and_no_order() {
        let (a, b) = (entry("a", || ["u8"; 4]), entry("b", || ["u8"; 4]));
        assert_eq!(fingerprint(&[a, b]), fingerprint(&[b, a]));
        assert_ne!(fingerprint(&[a, b]), fingerprint(&[a]));
        let b_retyped = entry("b", || ["u8", "u8", "u8", "u16"]);
        assert_ne!(fingerprint(&[a, b]), fingerprint(&[a, b_retyped]));
        assert_ne!(fingerprint(&[a]), fingerprint(&[a, initial("c")]));
    }

    #[test]
    fn two_of_one_name_are_refused() {
        let x = entry("x", || ["u8"; 4]);
        for twin in [entry("x", || ["u16"; 4]), initial("x")] {
            let error = table(&[x, twin]).unwrap_err();
            assert_eq!(error, Error::DuplicateTask { task: "x" });
        }
    }

    #[test]
    fn a_name_finds_its_index_and_an_index_its_entry() {
        let (b, c, a) = (
            entry("b", || ["u8"; 4]),
            initial("c"),
            entry("a", || ["u8"; 4]),
        );
        let table = table(&[b, c, a]).unwrap();
        assert_eq!(table.index_of("b"), Ok(1));
        assert_eq!(table.entry(1).unwrap().name, "b");
        assert!(table.entry(2).is_none());
        assert_eq!(table.index_of("c"), Err(Error::UnknownTask { task: "c" }));
        assert_eq!(table.index_of_initializer("c"), Ok(0));
        assert_eq!(table.initializer(0).unwrap().name, "c");
        assert!(table.initializer(1).is_none());
        let error = Error::UnknownTask { task: "a" };
        assert_eq!(table.index_of_initializer("a"), Err(error));
    }
}
