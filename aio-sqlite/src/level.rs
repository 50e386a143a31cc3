//! A level of a transaction: the guard inside `Transaction` and `Savepoint`.
//!
//! It is armed before the command that opens the level is sent, so a begin that
//! is cancelled at any moment rolls back, and its drop names the level, so it
//! can't reach another.

use std::sync::Arc;

use crate::error::Result;
use crate::link::{Place, next_id};
use crate::op::{Limit, OnLimit};
use crate::receipt::{Receipt, Settling, Ticket};
use crate::session::Session;
use crate::turn::{Holder, Scope};
use crate::wakes::wake;
use crate::work::Finisher;
use crate::worker::Worker;

/// Rolls its level back when it is dropped, unless the level is over.
#[derive(Debug)]
pub(crate) struct Level {
    place: Place,
    session: Session,
    outer: Scope,
    holder: Holder,
    ticket: Arc<Ticket>,
    over: bool,
}

impl Drop for Level {
    fn drop(&mut self) {
        if !self.over {
            let finisher = Finisher::RollBack(self.place.scope);
            self.place.link.finish(finisher);
        }
    }
}

impl Level {
    /// A level inside `outer`, armed and not yet open.
    pub(crate) fn inside(outer: &Place, holder: Holder) -> Level {
        let id = next_id();
        let scope = match outer.scope.transaction() {
            None => Scope::Transaction(id),
            Some(transaction) => Scope::Savepoint {
                transaction,
                savepoint: id,
            },
        };
        let place = Place {
            link: outer.link.clone(),
            scope,
        };
        Level {
            session: Session::at(place.clone()),
            place,
            outer: outer.scope,
            holder,
            ticket: Ticket::new(),
            over: false,
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// What the level, a transaction, will have come to.
    pub(crate) fn receipt(&self) -> Receipt {
        Receipt::new(self.ticket.clone())
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Opens the level and does `work` in it, in one hop. `begin` is the
    /// statement that opens a transaction.
    pub(crate) async fn open<T: Send + 'static>(
        &self,
        begin: &'static str,
        limit: Option<Limit>,
        work: impl FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let scope = self.place.scope;
        let holder = self.holder;
        let settling = Settling::new(self.ticket.clone(), wake);
        let open = move |worker: &mut Worker| {
            worker.open_level(scope, holder, begin, settling)?;
            worker.or_roll_back(scope, work)
        };
        let link = &self.place.link;
        link.run(self.outer, limit, OnLimit::Stop, open).await
    }

    /// Does `work` in the open level; where it fails, the level is over.
    pub(crate) async fn step<T: Send + 'static>(
        &self,
        limit: Option<Limit>,
        work: impl FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Place { link, scope } = self.place.clone();
        let step = move |worker: &mut Worker| worker.or_roll_back(scope, work);
        link.run(scope, limit, OnLimit::Stop, step).await
    }

    /// Does `work` in the level, then commits or releases it.
    pub(crate) async fn commit<T: Send + 'static>(
        mut self,
        limit: Option<Limit>,
        work: impl FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let scope = self.place.scope;
        let commit = move |worker: &mut Worker| {
            let done = worker.or_roll_back(scope, work)?;
            worker.commit_level(scope)?;
            Ok(done)
        };
        let link = self.place.link.clone();
        let done = link.run(scope, limit, OnLimit::Stop, commit).await?;
        self.over = true;
        Ok(done)
    }

    /// Opens the level, does `work` in it and commits it, all in one hop.
    pub(crate) async fn whole<T: Send + 'static>(
        mut self,
        begin: &'static str,
        limit: Option<Limit>,
        work: impl FnOnce(&mut Worker) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let scope = self.place.scope;
        let done = self
            .open(begin, limit, move |worker| {
                let done = work(worker)?;
                worker.commit_level(scope)?;
                Ok(done)
            })
            .await?;
        self.over = true;
        Ok(done)
    }

    /// Rolls the level back and says so.
    pub(crate) async fn roll_back(mut self) -> Result<()> {
        let scope = self.place.scope;
        let link = self.place.link.clone();
        link.run(scope, None, OnLimit::Stop, move |worker| {
            worker.roll_back_level(scope)
        })
        .await?;
        self.over = true;
        Ok(())
    }
}
