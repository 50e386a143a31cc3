//! What serde finds wrong with a row, until it is known in which column.

use std::fmt::{self, Display};

use rusqlite::types::ValueRef;
use serde::de::{Error as DeError, Expected, Unexpected};

use crate::error::Error;
use crate::row::{Mismatch, Row};

/// Serde makes its errors where no column is in sight: the column is added on
/// the way out.
#[derive(Debug)]
pub(super) enum Fault {
    /// The column is named.
    Named(Error),
    /// No column has the name of this field.
    Missing(&'static str),
    /// There are only so many elements.
    Length { found: usize, expected: String },
    /// Something about a value, or about several.
    Unnamed {
        problem: String,
        /// The value, as [`Found::shown`] would show it.
        shown: Option<String>,
    },
}

impl Fault {
    /// Says in which column it was, unless that is known.
    pub(super) fn in_column(self, name: &str) -> Fault {
        match self {
            Fault::Named(_) => self,
            other => Fault::Named(Error::column(name, other.to_string())),
        }
    }

    /// Says that it was the row that has too few columns.
    pub(super) fn in_columns_of(self, row: &Row) -> Fault {
        match self {
            Fault::Length { found, expected } => {
                let problem = format!(
                    "expected {expected}, the row has {} columns: {}",
                    row.len(),
                    names(row)
                );
                Fault::Named(Error::column(found, problem))
            }
            other => other,
        }
    }

    /// The error to be returned.
    pub(super) fn of_row(self, row: &Row) -> Error {
        match self {
            Fault::Named(error) => error,
            Fault::Missing(field) => Error::column(field, format!("the row has {}", names(row))),
            Fault::Unnamed {
                problem,
                shown: Some(shown),
            } => Error::column(holding(row, &shown), problem),
            other => Error::column(names(row), other.to_string()),
        }
    }
}

fn names(row: &Row) -> String {
    row.column_names().collect::<Vec<_>>().join(", ")
}

/// The columns with a certain value: a flattened field is decoded from a copy
/// that has lost its column, and the value is all there is to find it by.
fn holding(row: &Row, shown: &str) -> String {
    let held = |&(index, _): &(usize, &str)| {
        row.value(index)
            .is_ok_and(|value| Found::from(value).shown == shown)
    };
    let suspects: Vec<&str> = row
        .column_names()
        .enumerate()
        .filter(held)
        .map(|(_, name)| name)
        .collect();
    if suspects.is_empty() {
        names(row)
    } else {
        suspects.join(", ")
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Named(error) => error.fmt(f),
            Fault::Missing(field) => write!(f, "no value for the field {field}"),
            Fault::Length { found, expected } => {
                write!(f, "expected {expected}, found {found} elements")
            }
            Fault::Unnamed { problem, .. } => f.write_str(problem),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Mismatch> for Fault {
    fn from(mismatch: Mismatch) -> Fault {
        Fault::custom(mismatch)
    }
}

impl DeError for Fault {
    fn custom<T: Display>(problem: T) -> Fault {
        Fault::Unnamed {
            problem: problem.to_string(),
            shown: None,
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Fault {
        let Found { kind, shown } = Found::from(found);
        Fault::Unnamed {
            problem: format!("expected {expected}, found {kind}"),
            shown: Some(shown),
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Fault {
        let Found { shown, .. } = Found::from(found);
        Fault::Unnamed {
            problem: format!("expected {expected}, found {shown}"),
            shown: Some(shown),
        }
    }

    fn invalid_length(found: usize, expected: &dyn Expected) -> Fault {
        Fault::Length {
            found,
            expected: expected.to_string(),
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Fault {
        let Found { shown, .. } = Found::from(Unexpected::Str(variant));
        Fault::Unnamed {
            problem: format!("expected one of {}, found {shown}", expected.join(", ")),
            shown: Some(shown),
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Fault {
        let problem = format!("no field takes it: the fields are {}", expected.join(", "));
        Fault::Named(Error::column(field, problem))
    }

    fn missing_field(field: &'static str) -> Fault {
        Fault::Missing(field)
    }

    fn duplicate_field(field: &'static str) -> Fault {
        Fault::Named(Error::column(field, "another column is for the same field"))
    }
}

/// A value that did not fit, in SQLite's words.
struct Found {
    kind: String,
    /// With the value itself, if that is short.
    shown: String,
}

impl From<Unexpected<'_>> for Found {
    fn from(found: Unexpected<'_>) -> Found {
        let with = |kind: &str, value: &dyn Display| Found {
            kind: kind.to_owned(),
            shown: format!("{kind} {value}"),
        };
        let plain = |kind: &str| Found {
            kind: kind.to_owned(),
            shown: kind.to_owned(),
        };
        match found {
            Unexpected::Signed(number) => with("integer", &number),
            Unexpected::Unsigned(number) => with("integer", &number),
            Unexpected::Float(number) => with("real", &number),
            Unexpected::Char(char) => with("text", &format_args!("{char:?}")),
            Unexpected::Str(text) => {
                const LIMIT: usize = 60;
                let mut start: String = text.chars().take(LIMIT).collect();
                if start.len() < text.len() {
                    start.push('…');
                }
                with("text", &format_args!("{start:?}"))
            }
            // Only a blob is ever shown to serde as a sequence.
            Unexpected::Bytes(_) | Unexpected::Seq => plain("blob"),
            Unexpected::Unit | Unexpected::Option => plain("null"),
            other => plain(&other.to_string()),
        }
    }
}

impl From<ValueRef<'_>> for Found {
    fn from(value: ValueRef<'_>) -> Found {
        Found::from(match value {
            ValueRef::Null => Unexpected::Unit,
            ValueRef::Integer(number) => Unexpected::Signed(number),
            ValueRef::Real(number) => Unexpected::Float(number),
            ValueRef::Text(bytes) => {
                return Found::from(Unexpected::Str(&String::from_utf8_lossy(bytes)));
            }
            ValueRef::Blob(bytes) => Unexpected::Bytes(bytes),
        })
    }
}
