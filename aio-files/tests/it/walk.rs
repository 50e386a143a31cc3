//! Walks, beside walkdir and the ignore crate.

mod cuts;
mod deep;
mod doors;
mod hostile;
mod ignored;
mod like_walkdir;
mod reading_ahead;
mod tree;

use std::io;
use std::path::{Path, PathBuf};

use aio_files::walk::{Entries, Entry, Walk};

/// All that a walk gives.
async fn all(walk: Walk) -> Vec<io::Result<Entry>> {
    rest(&mut walk.stream()).await
}

/// All that is left of one.
async fn rest(entries: &mut Entries) -> Vec<io::Result<Entry>> {
    let mut all = Vec::new();
    while let Some(entry) = entries.next().await {
        all.push(entry);
    }
    all
}

/// The paths below the root of what a walk gives, which is without errors.
async fn paths(root: &Path, walk: Walk) -> Vec<PathBuf> {
    let below = |entry: io::Result<Entry>| {
        let path = entry.unwrap().into_path();
        path.strip_prefix(root).unwrap().to_owned()
    };
    all(walk).await.into_iter().map(below).collect()
}

/// Says where they differ first: all of it is too much to read.
fn assert_same<T: PartialEq + std::fmt::Debug>(found: &[T], expected: &[T], said: &str) {
    let differs = |at: &usize| found.get(*at) != expected.get(*at);
    if let Some(at) = (0..found.len().max(expected.len())).find(differs) {
        let (found, expected) = (found.get(at), expected.get(at));
        panic!("{said}: item {at}: {found:?} instead of {expected:?}");
    }
}
