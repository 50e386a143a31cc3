//! New messages to one who waits for them: none is lost, and none told twice.

use std::convert::Infallible;
use std::time::Duration;

use async_stream::stream;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;

use super::Serving;
use super::feed::{AT_A_TIME, Feed, News, Told};
use super::problem::Problem;

/// After so long without a message a comment is sent, so that nothing on the way
/// takes the connection for dead, and a peer that is gone is found out.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    after: Option<String>,
}

/// Tells each message that is stored behind the one of a number; without a
/// number, behind those that are there when the answer begins.
///
/// A browser that was cut off says in `Last-Event-ID` what it has seen.
pub(super) async fn events(
    State(serving): State<Serving>,
    query: Result<Query<Since>, QueryRejection>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let Query(Since { after }) = query?;
    let seen = match headers.get("last-event-id") {
        Some(seen) => Some(String::from_utf8_lossy(seen.as_bytes()).into_owned()),
        None => after,
    };
    let seen = seen.map(|seen| {
        let id = seen.parse::<i64>();
        id.map_err(|_| Problem::bad(format!("{seen} is no number of a message to begin after")))
    });
    let seen = seen.transpose()?;
    // First of all, so that what is stored while the store is read is told here.
    let mut news = serving.feed.listen();
    let mut last = match seen {
        Some(seen) => seen,
        None => Feed::newest(&serving.store).await?,
    };
    let mut missed = serving.store.stored_after(last, AT_A_TIME).await?;
    let stream = stream! {
        loop {
            // Where nothing is missed any more, what is told is heard, until it
            // is told faster than it is sent on.
            while missed.is_empty() {
                let told = tokio::select! {
                    () = serving.ending.cancelled() => return,
                    told = news.recv() => told,
                };
                match told {
                    Ok(news) => match &*news {
                        News::Told(told) if told.id <= last => {}
                        News::Told(told) => {
                            last = told.id;
                            yield Ok::<Event, Infallible>(told.event.clone());
                        }
                        News::Back(newest) => last = last.min(*newest),
                        News::Long => break,
                    },
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return,
                }
            }
            for excerpt in missed {
                if serving.ending.is_cancelled() {
                    return;
                }
                let Ok(told) = Told::of(&excerpt) else { return };
                last = told.id;
                yield Ok(told.event);
            }
            // A stream that ends is asked for again, from where it was.
            let read = serving.store.stored_after(last, AT_A_TIME).await;
            let Ok(read) = read else { return };
            missed = read;
        }
    };
    let events = Sse::new(stream).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE));
    Ok(([(CACHE_CONTROL, "no-store")], events))
}
