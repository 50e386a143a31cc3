//! The initializers that were asked for, before the pool is started.

use std::any::TypeId;
use std::collections::HashSet;
use std::fmt;

use crate::error::{Error, Part};
use crate::initializer::{Chosen, Initializer};
use crate::registry::Table;
use crate::wire::{self, PIECE};

/// All of them, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted(Vec<One>);

/// One of them.
#[derive(Clone)]
struct One {
    name: &'static str,
    state: TypeId,
    /// Its bytes, or why there are none.
    input: Result<Vec<u8>, String>,
}

impl Wanted {
    pub(super) fn add<I: Initializer>(&mut self, input: &I::Input) {
        self.0.push(One::new::<I>(input));
    }

    /// Looks them up in the table, now that something can be said about them.
    pub(super) fn choose(&self, table: &Table) -> Result<Vec<Chosen>, Error> {
        let (mut states, mut bytes) = (HashSet::new(), 0);
        let mut chosen = Vec::new();
        for wanted in &self.0 {
            let name = wanted.name;
            let refused = |reason| Error::Encode {
                task: name,
                part: Part::Input,
                reason,
            };
            if wanted.state != TypeId::of::<()>() && !states.insert(wanted.state) {
                return Err(Error::InvalidOption {
                    option: "initializer",
                    requirement: "given once for each type of state",
                });
            }
            let input = wanted.input.clone().map_err(refused)?;
            bytes += input.len();
            // They cross together, in the greeting.
            if bytes > PIECE {
                return Err(refused(format!(
                    "the inputs of all initializers have {bytes} bytes, and may have {PIECE}"
                )));
            }
            let index = table.index_of_initializer(name)?;
            chosen.push(Chosen { name, index, input });
        }
        Ok(chosen)
    }
}

impl One {
    fn new<I: Initializer>(input: &I::Input) -> Self {
        Self {
            name: I::NAME,
            state: TypeId::of::<I::State>(),
            input: wire::payload(input)
                .map(Vec::from)
                .map_err(|unsendable| unsendable.to_string()),
        }
    }
}

// Not the input: it may be a password.
impl fmt::Debug for One {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
