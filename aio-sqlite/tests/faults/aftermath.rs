//! What must be true of a database, whatever befell the program that wrote it.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;

use crate::writer::{is_pair, succeed, text};

/// What is found in a database.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    /// How many rows there are of each number.
    rows: BTreeMap<u64, usize>,
    problem: Option<String>,
}

/// Opens a database as the next program would, and looks at all of it.
///
/// It says what is wrong: a damaged file, a row that nobody wrote, a
/// transaction that is there by half, or a row twice.
pub(crate) fn look(path: &Path) -> Result<Aftermath, String> {
    read(path).map_err(|error| error.to_string())?.whole()
}

fn read(path: &Path) -> rusqlite::Result<Aftermath> {
    let mut aftermath = Aftermath::default();
    let raw = Connection::open(path)?;
    let said: String = raw.query_one("PRAGMA integrity_check", (), |row| row.get(0))?;
    if said != "ok" {
        aftermath.problem = Some(format!("integrity_check: {said}"));
    }
    if !raw.table_exists(None, "written")? {
        return Ok(aftermath);
    }
    let mut select = raw.prepare("SELECT number, text FROM written")?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let number = row.get::<_, i64>(0)? as u64;
        let found: String = row.get(1)?;
        if found != text(number) {
            aftermath.problem = Some(format!("beside {number} there is {found:?}"));
        }
        *aftermath.rows.entry(number).or_default() += 1;
    }
    Ok(aftermath)
}

impl Aftermath {
    fn whole(self) -> Result<Self, String> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        for (number, rows) in &self.rows {
            let whole = if is_pair(*number) { 2 } else { 1 };
            if *rows != whole {
                return Err(format!("{number} is there {rows} times, not {whole}"));
            }
        }
        Ok(self)
    }

    /// The acknowledged numbers that are not there.
    pub(crate) fn lost(&self, acks: &[u64]) -> Vec<u64> {
        let mut lost = acks.to_vec();
        lost.retain(|number| !self.rows.contains_key(number));
        lost
    }
}

/// Everything acknowledged is there, and everything is whole.
pub(crate) fn check(path: &Path, acks: &[u64]) -> Result<(), String> {
    let lost = look(path)?.lost(acks);
    match lost.is_empty() {
        true => Ok(()),
        false => Err(format!("acknowledged and lost: {lost:?}")),
    }
}

/// The crate itself opens the database again, and writes to it.
pub(crate) fn writes_again(path: &Path) -> aio_sqlite::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(succeed(path))
}
