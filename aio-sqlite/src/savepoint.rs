//! Savepoints: parts of a transaction that can be rolled back by themselves.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::level::Level;
use crate::link::Place;
use crate::op::Limit;
use crate::session::Session;
use crate::turn::Holder;

/// A savepoint to be set: `.await` gives its guard, `.with(…)` also finishes
/// it. Made by [`Transaction::savepoint`](crate::Transaction::savepoint).
///
/// # Cancel safety
///
/// *Rolls back*: cancelled, the savepoint is rolled back and the transaction
/// around it is as before.
#[must_use = "a builder does nothing until it is awaited or entered with `.with`"]
#[derive(Debug)]
pub struct BeginSavepoint<'t> {
    outer: &'t Place,
    limit: Option<Duration>,
}

impl<'t> BeginSavepoint<'t> {
    /// The caller borrows the outer guard mutably for `'t`, so that nothing
    /// else runs in it meanwhile.
    pub(crate) fn new(outer: &'t Place) -> BeginSavepoint<'t> {
        BeginSavepoint { outer, limit: None }
    }

    /// Limits the time from the first poll to the savepoint.
    pub fn timeout(mut self, limit: Duration) -> BeginSavepoint<'t> {
        self.limit = Some(limit);
        self
    }

    /// Sets the savepoint, runs `body` in it, and keeps what it did if `body`
    /// returns Ok or undoes it if it returns Err.
    ///
    /// # Errors
    ///
    /// Those of setting it; then the body's own; then those of
    /// [`commit`](Savepoint::commit).
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropped, or left by a panic, what the savepoint did is
    /// undone and the transaction goes on.
    pub async fn with<T, E, F>(self, body: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Savepoint<'_>) -> Result<T, E>,
        E: From<Error>,
    {
        let mut savepoint = self.await?;
        match body(&mut savepoint).await {
            Ok(value) => {
                savepoint.commit().await?;
                Ok(value)
            }
            Err(error) => {
                // As for a transaction: the body's error is the answer.
                let _ = savepoint.rollback().await;
                Err(error)
            }
        }
    }
}

impl<'t> IntoFuture for BeginSavepoint<'t> {
    type Output = Result<Savepoint<'t>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Savepoint<'t>>> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let level = Level::inside(self.outer, Holder::Guard);
            let limit = Limit::starting_now(self.limit);
            level.open("", limit, |_| Ok(())).await?;
            Ok(Savepoint {
                level,
                outer: PhantomData,
            })
        })
    }
}

/// A part of a transaction; dereferences to the [`Session`] that runs inside it.
///
/// Dropped without a commit, what it did is undone and the transaction goes on.
#[must_use = "a savepoint that is dropped is rolled back"]
#[derive(Debug)]
pub struct Savepoint<'t> {
    level: Level,
    outer: PhantomData<&'t mut Session>,
}

impl Deref for Savepoint<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.level.session()
    }
}

impl Savepoint<'_> {
    /// Sets a savepoint inside this one.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: cancelled, the inner savepoint is rolled back and this one
    /// is as before.
    pub fn savepoint(&mut self) -> BeginSavepoint<'_> {
        BeginSavepoint::new(self.level.place())
    }

    /// Keeps what the savepoint did, as part of the transaction around it.
    ///
    /// # Errors
    ///
    /// [`Error::Aborted`] where SQLite ended the transaction before.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*, unless the release had begun.
    pub async fn commit(self) -> Result<()> {
        self.level.commit(None, |_| Ok(())).await
    }

    /// Undoes what the savepoint did and waits until that has happened.
    ///
    /// # Errors
    ///
    /// [`Error::Aborted`] where SQLite ended the transaction before.
    ///
    /// # Cancel safety
    ///
    /// *Rolls back*: dropped before its answer, it rolls back all the same.
    pub async fn rollback(self) -> Result<()> {
        self.level.roll_back().await
    }
}
