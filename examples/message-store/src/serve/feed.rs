//! New messages, read once for all who wait for them.

use std::sync::Arc;
use std::time::Duration;

use aio_sqlite::watch::Live;
use axum::response::sse::Event;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::excerpt::Excerpt;
use crate::store::Store;

/// How many messages are kept for those who are slower than others: 64 MiB at
/// the very most. Who is slower still reads what it misses from the store.
const KEPT: usize = 1024;

/// What is longer is not kept, in bytes: names can be of any length.
const LONGEST: usize = 64 << 10;

/// How many messages are read at a time.
pub(super) const AT_A_TIME: u32 = 64;

/// After so long it is read again what could not be read.
const AGAIN: Duration = Duration::from_secs(1);

/// The number of the last message.
const NEWEST: &str = "SELECT ifnull(max(id), 0) FROM messages";

/// A message as it is told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) id: i64,
    pub(super) event: Event,
}

/// What those hear who wait.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// A message.
    Told(Told),
    /// There is one that is too long to be kept: it is in the store.
    Long,
    /// Numbers above this one are given again.
    Back(i64),
}

impl Told {
    pub(super) fn of(excerpt: &Excerpt) -> Result<Told, axum::Error> {
        let id = excerpt.message.id;
        let event = Event::default()
            .event("message")
            .id(id.to_string())
            .json_data(excerpt)?;
        Ok(Told { id, event })
    }
}

/// Where new messages are told.
#[derive(Clone, Debug)]
pub(super) struct Feed(Sender<Arc<News>>);

/// The task that tells them.
#[derive(Debug)]
pub(super) struct Feeding {
    store: Store,
    newest: Live<i64>,
    told: i64,
    to: Sender<Arc<News>>,
}

impl Feed {
    /// Begins to watch a store: from now on each commit of any process is seen,
    /// and tells itself, so that nothing has to be asked again and again.
    pub(super) async fn of(store: &Store) -> Result<(Feed, Feeding)> {
        let mut newest = store.db().watch_as(NEWEST, ()).stream();
        let told = match newest.next().await {
            Some(rows) => last(&rows.map_err(|error| store.failed(error))?),
            None => 0,
        };
        let (to, _) = broadcast::channel(KEPT);
        let feed = Feed(to.clone());
        let feeding = Feeding {
            store: store.clone(),
            newest,
            told,
            to,
        };
        Ok((feed, feeding))
    }

    /// Returns the number of the last message that is there.
    pub(super) async fn newest(store: &Store) -> Result<i64> {
        let newest = store.db().query_as(NEWEST, ()).one().await;
        newest.map_err(|error| store.failed(error))
    }

    /// Returns what is told from now on, in the order in which it was stored.
    pub(super) fn listen(&self) -> Receiver<Arc<News>> {
        self.0.subscribe()
    }
}

impl Feeding {
    /// Tells all new messages until the server ends.
    pub(super) async fn run(mut self, ending: CancellationToken) {
        ending.run_until_cancelled(self.tell_all()).await;
    }

    async fn tell_all(&mut self) {
        let mut is_read = true;
        loop {
            let rows = self.newest.next();
            let rows = match is_read {
                true => rows.await,
                // The next commit may be far away, and need not be a message.
                false => match timeout(AGAIN, rows).await {
                    Ok(rows) => rows,
                    Err(_) => {
                        is_read = self.read_on().await.is_ok();
                        continue;
                    }
                },
            };
            is_read = match rows {
                Some(Ok(rows)) => self.tell(last(&rows)).await.is_ok(),
                Some(Err(_)) => false,
                None => return,
            };
        }
    }

    /// Tells what could not be read before.
    async fn read_on(&mut self) -> Result<()> {
        let newest = Feed::newest(&self.store).await?;
        self.tell(newest).await
    }

    /// Tells the messages up to the newest.
    async fn tell(&mut self, mut newest: i64) -> Result<()> {
        if newest < self.told {
            // It may have been read before what has been told since.
            newest = Feed::newest(&self.store).await?;
        }
        // The last messages were deleted, and their numbers are given again.
        if newest < self.told {
            self.told = newest;
            let _ = self.to.send(Arc::new(News::Back(newest)));
        }
        while self.told < newest {
            if self.to.receiver_count() == 0 {
                // Who comes later reads the store first.
                self.told = newest;
                break;
            }
            let excerpts = self.store.stored_after(self.told, AT_A_TIME).await?;
            if excerpts.is_empty() {
                break;
            }
            for excerpt in excerpts {
                self.told = excerpt.message.id;
                if let Ok(told) = Told::of(&excerpt) {
                    let news = match excerpt.octets() <= LONGEST {
                        true => News::Told(told),
                        false => News::Long,
                    };
                    // That all have gone away meanwhile is no error.
                    let _ = self.to.send(Arc::new(news));
                }
            }
            // Those who are told are to hear it before there is more.
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

fn last(rows: &[i64]) -> i64 {
    rows.first().copied().unwrap_or(0)
}
