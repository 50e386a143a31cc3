//! SQL that is refused, and what is said of it.

use rusqlite::Statement;

use crate::error::{Error, Result};

fn misuse(sql: &str, problem: impl Into<String>) -> Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISUSE);
    Error::sqlite(
        sql,
        rusqlite::Error::SqliteFailure(code, Some(problem.into())),
    )
}

/// What is said of a live query that would do more than read.
pub(crate) fn only_reads(sql: &str) -> Error {
    misuse(sql, "a live query only reads tables")
}

/// Refuses the text of a statement before SQLite looks at it: one that SQLite
/// would read only up to a NUL, silently, and one that replaces the handler by
/// which waiting for a lock can be cancelled. SQLite does that while it
/// prepares the statement.
pub(crate) fn refuse_text(sql: &str) -> Result<()> {
    refuse_nul(sql)?;
    // Most statements are told apart by their first letter: P, E for EXPLAIN, or
    // what may stand before them.
    match sql.trim_start().as_bytes().first() {
        Some(b'p' | b'P' | b'e' | b'E' | b'-' | b'/' | b';' | 0xef) => refuse_busy_timeout(sql),
        _ => Ok(()),
    }
}

/// As [`refuse_text`], for several statements.
pub(crate) fn refuse_script(script: &str) -> Result<()> {
    refuse_nul(script)?;
    refuse_busy_timeout(script)
}

fn refuse_nul(sql: &str) -> Result<()> {
    match sql.find('\0') {
        None => Ok(()),
        Some(at) => Err(misuse(sql, format!("a NUL in the SQL, at byte {at}"))),
    }
}

const BUSY_TIMEOUT: &str = "busy_timeout";

fn refuse_busy_timeout(sql: &str) -> Result<()> {
    let mut words = sql.as_bytes().windows(BUSY_TIMEOUT.len());
    if !words.any(|word| word.eq_ignore_ascii_case(BUSY_TIMEOUT.as_bytes())) {
        return Ok(());
    }
    for statement in bare(sql).split(';') {
        let begins = ["pragma", "explain"].map(|word| statement.trim_start().starts_with(word));
        if begins.contains(&true)
            && statement.contains("pragma")
            && statement.contains(BUSY_TIMEOUT)
        {
            return Err(misuse(sql, "the busy timeout is set when connecting"));
        }
    }
    Ok(())
}

/// The SQL in small letters without its comments, and without semicolons other
/// than those between statements.
fn bare(sql: &str) -> String {
    let mut bare = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let to = |end: &str, from: usize| {
            rest[from..]
                .find(end)
                .map_or(rest.len(), |at| from + at + end.len())
        };
        let (length, is_comment) = match first {
            '-' if rest.starts_with("--") => (to("\n", 2), true),
            '\u{feff}' => (first.len_utf8(), true),
            '/' if rest.starts_with("/*") => (to("*/", 2), true),
            '\'' => (to("'", 1), false),
            '"' => (to("\"", 1), false),
            '`' => (to("`", 1), false),
            '[' => (to("]", 1), false),
            _ => (first.len_utf8(), false),
        };
        let (part, behind) = rest.split_at(length);
        rest = behind;
        match part {
            _ if is_comment => bare.push(' '),
            ";" => bare.push(';'),
            part => bare.extend(
                part.chars()
                    .filter(|c| *c != ';')
                    .map(|c| c.to_ascii_lowercase()),
            ),
        }
    }
    bare
}

/// Refuses a text of nothing but space and comments.
pub(crate) fn refuse_empty(sql: &str, statement: &Statement<'_>) -> Result<()> {
    // The text of a statement is the one thing that an empty one lacks, and
    // asking for it allocates: most statements are told apart without it.
    let may_be_empty = statement.readonly() && statement.column_count() == 0;
    if may_be_empty && statement.expanded_sql().is_none() {
        return Err(misuse(sql, "no statement in the SQL"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busy_timeout_is_found_wherever_it_is_set() {
        for sql in [
            "PRAGMA busy_timeout",
            " pragma main.Busy_Timeout = 8",
            "/* PRAGMA */ PRAGMA /**/ busy_timeout(8)",
            "-- a word before\n PRAGMA [busy_timeout] = 8",
            "EXPLAIN PRAGMA \"busy_timeout\" = 8",
            ";PRAGMA busy_timeout",
            "\u{feff}PRAGMA busy_timeout",
        ] {
            assert!(refuse_text(sql).is_err(), "{sql}");
            let script = format!("SELECT ';'; SELECT 1 -- ;\n; {sql}; SELECT 2");
            assert!(refuse_script(&script).is_err(), "{script}");
        }
    }

    #[test]
    fn the_words_alone_are_nobodys_business() {
        for sql in [
            "INSERT INTO notes VALUES ('PRAGMA busy_timeout = 8')",
            "INSERT INTO notes VALUES ('x; PRAGMA busy_timeout = 8')",
            "SELECT busy_timeout FROM pragma",
            "EXPLAIN SELECT busy_timeout FROM t",
            "PRAGMA user_version -- not busy_timeout",
            "/* PRAGMA busy_timeout */ SELECT 1",
            "PRAGMA user_version; SELECT busy_timeout FROM t",
            "SELECT 'unended PRAGMA busy_timeout",
        ] {
            assert!(refuse_text(sql).is_ok(), "{sql}");
            assert!(refuse_script(sql).is_ok(), "{sql}");
        }
    }
}
