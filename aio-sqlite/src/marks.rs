//! Savepoints that a transaction's own statements set, keep and undo.
//!
//! SQLite reports what is undone to nobody, and asks about a statement when it
//! prepares it, not each time that it runs. So the text says it.

/// What a statement does with a savepoint of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark<'t> {
    Set(&'t str),
    Release(&'t str),
    RollBackTo(&'t str),
}

impl Mark<'_> {
    /// What a text does, if that is to do with savepoints. Those of the guards
    /// and of groups have names of ours, and are recorded where they are set.
    pub(crate) fn of(text: &str) -> Option<Mark<'_>> {
        let (verb, rest) = word(text)?;
        let is = |verb: &str, name: &str| verb.eq_ignore_ascii_case(name);
        let mark = if is(verb, "savepoint") {
            Mark::Set(word(rest)?.0)
        } else if is(verb, "release") {
            Mark::Release(name(rest)?)
        } else if is(verb, "rollback") {
            let (next, mut rest) = word(rest)?;
            if is(next, "transaction") {
                let to = word(rest)?;
                rest = is(to.0, "to").then_some(to.1)?;
            } else if !is(next, "to") {
                return None;
            }
            Mark::RollBackTo(name(rest)?)
        } else {
            return None;
        };
        let (Mark::Set(name) | Mark::Release(name) | Mark::RollBackTo(name)) = mark;
        (!is_ours(name)).then_some(mark)
    }
}

/// Ours are called by numbers, which leaves `aio_retry` and the like to others.
fn is_ours(name: &str) -> bool {
    let number = name.strip_prefix("aio_").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// A name, behind the word SAVEPOINT if that is there.
fn name(text: &str) -> Option<&str> {
    let (first, rest) = word(text)?;
    match word(rest) {
        Some((second, _)) if first.eq_ignore_ascii_case("savepoint") => Some(second),
        _ => Some(first),
    }
}

/// The first word or quoted name, without its quotes, and what follows.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = behind_comments(text);
    let first = text.chars().next()?;
    let close = match first {
        '"' | '\'' | '`' => first,
        '[' => ']',
        _ => {
            let ends = |c: char| !(c.is_alphanumeric() || c == '_' || c == '$');
            let end = text.find(ends).unwrap_or(text.len());
            return (end > 0).then(|| text.split_at(end));
        }
    };
    // A quote within a name, which is doubled, makes two names of one: both are
    // set and undone by the same words.
    text[1..].split_once(close)
}

fn behind_comments(text: &str) -> &str {
    let mut text = text.trim_start();
    loop {
        let end = if text.starts_with("--") {
            text.find('\n').map(|at| at + 1)
        } else if text.starts_with("/*") {
            text.find("*/").map(|at| at + 2)
        } else {
            return text;
        };
        text = text[end.unwrap_or(text.len())..].trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_with_a_savepoint_is_read_from_the_text() {
        for (text, mark) in [
            ("SAVEPOINT a", Mark::Set("a")),
            (" savepoint [a b];", Mark::Set("a b")),
            ("SAVEPOINT aio_retry", Mark::Set("aio_retry")),
            ("RELEASE a", Mark::Release("a")),
            ("release savepoint \"a\"", Mark::Release("a")),
            ("RELEASE savepoint", Mark::Release("savepoint")),
            ("ROLLBACK TO a", Mark::RollBackTo("a")),
            (
                "-- so\n/* x */ rollback/**/transaction to savepoint 'a'",
                Mark::RollBackTo("a"),
            ),
        ] {
            assert_eq!(Mark::of(text), Some(mark), "{text}");
        }
        for text in [
            "",
            "SELECT savepoint FROM t",
            "ROLLBACK",
            "ROLLBACK TRANSACTION",
            "SAVEPOINT",
            "SAVEPOINT aio_5",
            "ROLLBACK TO aio_5fe",
            "-- SAVEPOINT a",
            "/* SAVEPOINT a",
            "é",
            "SAVEPOINT \"unended",
        ] {
            assert_eq!(Mark::of(text), None, "{text}");
        }
    }
}
