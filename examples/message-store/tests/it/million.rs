//! Memory while a million messages stream.

use std::io::{BufRead, BufReader};
use std::ops::RangeInclusive;

use crate::folder::{Folder, end};
use crate::process::peak_kib;

const ROWS: usize = 1_000_000;

/// So many are left unread while memory is looked at: more than the buffers of
/// program and pipe hold, so the program is still there.
const UNREAD: usize = 10_000;

const MOST_KIB: u64 = 40 << 10;

#[test]
fn listing_a_million_messages_takes_little_memory() {
    let folder = Folder::new();
    folder.fill(ROWS);
    list(&folder, &["list"], 1..=ROWS, |id| {
        format!("row #{id} from ")
    });
    // A tenth: JSON is slow in a build that is not optimised.
    let last = ROWS - ROWS / 10 + 1..=ROWS;
    let args = ["list", "--json", "--limit", "100000"];
    list(&folder, &args, last, |id| format!("{{\"id\":{id},"));
}

/// Lists messages, checks that just those come in order, and looks at the
/// program's memory near the end.
fn list(folder: &Folder, args: &[&str], ids: RangeInclusive<usize>, start: fn(usize) -> String) {
    let mut child = folder.program(args).spawn().expect("the program starts");
    let stdout = child.stdout.take().expect("a pipe");
    let mut lines = BufReader::new(stdout)
        .lines()
        .map(|line| line.expect("a line"));
    let looked_at = ids.end() - UNREAD;
    let mut peak = None;
    for id in ids {
        let line = lines.next().expect("another message");
        assert!(line.starts_with(&start(id)), "{line} is not message {id}");
        if id == looked_at {
            peak = peak_kib(child.id());
        }
    }
    assert_eq!(lines.next(), None);
    assert_eq!(end(child).ok(), "");
    let peak = peak.expect("memory was looked at");
    assert!(peak < MOST_KIB, "{args:?}: {peak} KiB");
    println!("{args:?}: VmHWM {peak} KiB");
}
