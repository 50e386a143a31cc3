//! Kills at moments of a run's own choosing.

use std::process::Child;
use std::thread;

use chaos::dice::Dice;
use rustix::process::Signal;

use crate::folder::Folder;
use crate::process::{signal, written};
use crate::runtime::block_on;

/// When a run is to be killed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// As soon as it has processes that read mail.
    Begun,
    /// When it has committed so many batches that added something.
    Commits(u64),
    /// When it has written so many bytes to files and pipes: at any step of any
    /// transaction.
    Written(u64),
}

impl Moment {
    /// One of them, for a run that is to write so many bytes.
    pub(super) fn any(dice: &mut Dice, bytes: u64) -> Moment {
        match dice.below(10) {
            0 => Moment::Begun,
            1..=3 => Moment::Commits(1 + dice.below(4)),
            _ => Moment::Written(dice.below(bytes)),
        }
    }

    /// Waits until it has come, or the run is over.
    pub(super) fn wait(self, child: &mut Child, folder: &Folder, store: &str, all: usize) {
        match self {
            Moment::Begun => {}
            Moment::Commits(commits) => committed(folder, store, commits, all),
            Moment::Written(bytes) => {
                while written(child.id()).is_some_and(|so_far| so_far < bytes) && is_there(child) {
                    thread::yield_now();
                }
            }
        }
    }
}

/// Waits for so many commits that add messages, or for all messages.
fn committed(folder: &Folder, store: &str, commits: u64, all: usize) {
    block_on(async {
        let db = aio_sqlite::open(folder.path(store))
            .access(aio_sqlite::options::Access::ReadWrite)
            .await
            .expect("the store is there");
        let rows = db.watch_as::<usize>("SELECT count(*) FROM messages", ());
        let mut live = rows.stream();
        let mut before = None;
        let mut seen = 0;
        while let Some(rows) = live.next().await {
            let rows = rows.expect("the rows are counted")[0];
            seen += u64::from(before.is_some_and(|before| rows > before));
            before = Some(rows);
            if seen >= commits || rows >= all {
                break;
            }
        }
        drop(live);
        db.close().await.expect("the store is closed");
    });
}

pub(super) fn is_there(child: &mut Child) -> bool {
    child.try_wait().expect("it is ours").is_none()
}

/// Interrupts a run, unless it is over.
pub(super) fn interrupt(child: &mut Child) {
    // Who has been waited for has no number any more.
    if is_there(child) {
        signal(child, Signal::INT);
    }
}
