//! The variables that a worker process sees: those of the program, changed as
//! told, in the order in which it was told.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use std::sync::Arc;

use crate::error::Error;

/// What there is to hold to, since the C library holds names and values in one
/// string each, with an equals sign between them.
const REQUIREMENT: &str =
    "a name that is not empty and holds no `=`, with no NUL byte in it or its value";

/// What the builder was told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    edits: Vec<Edit>,
}

#[derive(Debug, Clone)]
enum Edit {
    /// The same in every worker.
    Same {
        option: &'static str,
        change: Change,
    },
    /// A value for each place.
    Each { name: OsString, values: Values },
}

#[derive(Clone)]
struct Values(Arc<dyn Fn(usize) -> OsString + Send + Sync>);

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one for each place")
    }
}

/// One difference from the program's own variables.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Clear,
    Set(OsString, OsString),
    Remove(OsString),
}

// Not the value: it may be a password.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear => f.write_str("Clear"),
            Self::Set(name, _) => f.debug_tuple("Set").field(name).finish(),
            Self::Remove(name) => f.debug_tuple("Remove").field(name).finish(),
        }
    }
}

impl Environment {
    pub(crate) fn set(&mut self, name: &OsStr, value: &OsStr) {
        self.same("env", Change::Set(name.to_owned(), value.to_owned()));
    }

    pub(crate) fn remove(&mut self, name: &OsStr) {
        self.same("env_remove", Change::Remove(name.to_owned()));
    }

    pub(crate) fn clear(&mut self) {
        self.same("env_clear", Change::Clear);
    }

    pub(crate) fn each(
        &mut self,
        name: &OsStr,
        values: impl Fn(usize) -> OsString + Send + Sync + 'static,
    ) {
        self.edits.push(Edit::Each {
            name: name.to_owned(),
            values: Values(Arc::new(values)),
        });
    }

    fn same(&mut self, option: &'static str, change: Change) {
        self.edits.push(Edit::Same { option, change });
    }

    /// The changes for the worker at this place, once they are known to be
    /// possible. It asks the caller's function, so it is for the caller's thread.
    pub(crate) fn at(&self, place: usize) -> Result<Vec<Change>, Error> {
        let change = |edit: &Edit| {
            let (option, change) = match edit {
                Edit::Same { option, change } => (*option, change.clone()),
                Edit::Each { name, values } => {
                    ("env_each", Change::Set(name.clone(), (values.0)(place)))
                }
            };
            if change.is_possible() {
                Ok(change)
            } else {
                Err(Error::InvalidOption {
                    option,
                    requirement: REQUIREMENT,
                })
            }
        };
        self.edits.iter().map(change).collect()
    }
}

impl Change {
    fn is_possible(&self) -> bool {
        let is_name = |name: &OsStr| {
            let bytes = name.as_bytes();
            !bytes.is_empty() && !bytes.contains(&b'=') && !bytes.contains(&0)
        };
        match self {
            Self::Clear => true,
            Self::Set(name, value) => is_name(name) && !value.as_bytes().contains(&0),
            Self::Remove(name) => is_name(name),
        }
    }

    pub(crate) fn apply(&self, command: &mut Command) {
        match self {
            Self::Clear => command.env_clear(),
            Self::Set(name, value) => command.env(name, value),
            Self::Remove(name) => command.env_remove(name),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_its_own_changes_in_the_order_they_were_told() {
        let mut environment = Environment::default();
        environment.set(OsStr::new("A"), OsStr::new("1"));
        environment.clear();
        environment.each(OsStr::new("B"), |place| place.to_string().into());
        environment.remove(OsStr::new("A"));
        let set = |name: &str, value: &str| Change::Set(name.into(), value.into());
        assert_eq!(
            environment.at(3).unwrap(),
            [
                set("A", "1"),
                Change::Clear,
                set("B", "3"),
                Change::Remove("A".into())
            ]
        );
    }
}
