//! The last messages, and those that come, as they come.

use std::future::pending;
use std::io;
use std::os::fd::AsFd;

use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

use crate::cli::Tail as Args;
use crate::ending::Ending;
use crate::error::Result;
use crate::output::{Form, Output};
use crate::store::{Filter, Store};

/// Prints the last messages, and then each that any process commits.
///
/// Nothing asks in between: the commit wakes a live query for the highest
/// number, and what lies above the last one is listed. Numbers are given by the
/// one writer that there is at a time, so no commit can bring a lower one later,
/// and a commit of many messages streams as any list does.
///
/// A message that comes with a lower number than the last is not told of; only
/// SQL written by hand makes one. When the last messages are deleted, their
/// numbers are given again, and those are told of.
///
/// It ends when its reader has gone away. A signal does what it does to any
/// program: nothing is written here that could be left half done.
///
/// # Errors
///
/// Those of reading the store, and [`Error::Output`](crate::Error::Output).
///
/// # Cancel safety
///
/// *Not cancel safe*: some of the output may be written.
pub async fn tail(store: &Store, args: &Args, mut output: Output) -> Result<Ending> {
    let form = args.json.form();
    let limit = Some(args.lines);
    if !args.follow {
        let last = Filter {
            limit,
            ..Filter::default()
        };
        output.print_all(store.list(&last), form).await?;
        output.finish()?;
        return Ok(Ending::Well);
    }
    tokio::select! {
        outcome = follow(store, limit, form, &mut output) => outcome?,
        gone = reader_is_gone() => gone?,
    }
    Ok(Ending::Well)
}

/// Prints the last messages and what comes, for as long as the store is open.
async fn follow(
    store: &Store,
    mut limit: Option<u32>,
    form: Form,
    output: &mut Output,
) -> Result<()> {
    let sql = "SELECT max(id) FROM messages";
    let mut live = store.db().watch_as::<Option<i64>>(sql, ()).stream();
    let mut told = None;
    while let Some(newest) = live.next().await {
        let newest = newest.map_err(|error| store.failed(error))?;
        let newest = newest.into_iter().next().flatten();
        if newest > told {
            let come = Filter {
                after: told,
                // Up to there and no further: what is committed meanwhile is
                // the next result's.
                before: newest.and_then(|newest| newest.checked_add(1)),
                limit,
                ..Filter::default()
            };
            output.print_all(store.list(&come), form).await?;
            output.finish()?;
        }
        told = newest;
        limit = None;
    }
    Ok(())
}

/// Waits until nobody can read standard output any more, so that a program at
/// the end of a pipe does not outlive its reader by a quiet night. (Of a socket
/// only the next write tells.)
async fn reader_is_gone() -> Result<()> {
    let stdout = io::stdout().as_fd().try_clone_to_owned()?;
    // It is never written to by this handle, so it may block. What can't be
    // waited for is a file, which is never gone.
    let Ok(stdout) = Sender::from_owned_fd_unchecked(stdout) else {
        return pending().await;
    };
    stdout.ready(Interest::ERROR).await?;
    Ok(())
}
