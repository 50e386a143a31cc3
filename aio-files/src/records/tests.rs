//! The parser against serde_json and csv, with reads that end anywhere.

mod csv;
mod jsonl;
mod random;

use std::io::{self, Read};
use std::path::Path;

use serde::de::DeserializeOwned;

use super::parser::{Format, Parser};
use crate::error::PathError;
use crate::lines::Position;

/// Gives its bytes in reads that end where it is told, and at the end, once, fails.
struct Pieces<'a> {
    rest: &'a [u8],
    given: usize,
    ends: Vec<usize>,
    every: usize,
}

impl<'a> Pieces<'a> {
    fn whole(bytes: &'a [u8]) -> Self {
        Self::at(bytes, &[])
    }

    fn at(bytes: &'a [u8], ends: &[usize]) -> Self {
        Self {
            rest: bytes,
            given: 0,
            ends: ends.to_vec(),
            every: usize::MAX,
        }
    }

    fn of(bytes: &'a [u8], every: usize) -> Self {
        Self {
            every,
            ..Self::whole(bytes)
        }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(self.rest.len()).min(self.every);
        let next = self.ends.iter().find(|&&end| end > self.given);
        let count = next.map_or(most, |end| most.min(end - self.given));
        into[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        self.given += count;
        Ok(count)
    }
}

/// What is said of a record: its value or the text of its error, and its place.
type Told<T> = (Result<T, String>, Position);

fn place(line: u64, offset: usize) -> Position {
    Position {
        line,
        offset: offset as u64,
    }
}

/// Everything that a parser gives, with what its errors say of themselves checked.
fn all<T: DeserializeOwned>(format: Format, mut reader: Pieces<'_>) -> Vec<Told<T>> {
    let path = Path::new("x").into();
    let mut parser = Parser::<T>::new(path, format);
    let mut all = Vec::new();
    loop {
        let Some(batch) = parser.batch(|into| reader.read(into)).unwrap() else {
            assert!(parser.batch(|into| reader.read(into)).unwrap().is_none());
            assert!(reader.rest.is_empty() || parser.at().line == 1);
            return all;
        };
        for given in batch {
            let told = given.record.map_err(|error| {
                let inside = PathError::of(&error).unwrap();
                assert_eq!(inside.line(), Some(given.at.line));
                assert_eq!(inside.offset(), Some(given.at.offset));
                let said = error.to_string();
                let Position { line, offset } = given.at;
                let place = format!("read x at line {line}, byte {offset}: ");
                said.strip_prefix(&place).unwrap().to_owned()
            });
            all.push((told, given.at));
        }
    }
}

/// The same however the reads end.
fn all_ways<T>(format: impl Fn() -> Format, bytes: &[u8]) -> Vec<Told<T>>
where
    T: DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let whole = all::<T>(format(), Pieces::whole(bytes));
    for end in 1..bytes.len() {
        let parts = all(format(), Pieces::at(bytes, &[end]));
        assert_eq!(parts, whole, "cut at {end}: {}", bytes.escape_ascii());
    }
    for every in [1, 2, 3, 7] {
        let parts = all(format(), Pieces::of(bytes, every));
        assert_eq!(parts, whole, "cut every {every}: {}", bytes.escape_ascii());
    }
    whole
}
