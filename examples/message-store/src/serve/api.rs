//! The JSON API: what can be asked, and what is answered.

use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::Serving;
use super::events::events;
use super::posted::Posted;
use super::problem::Problem;
use crate::excerpt::{Excerpt, PageOf};
use crate::message::Message;
use crate::search::{BestOf, FoundExcerpt};
use crate::store::Stats;

/// How many messages an answer has where nothing is said.
const USUAL: u32 = 50;

/// How many messages an answer may have.
const MOST: u32 = 500;

/// How many characters are searched for at most.
const MOST_TYPED: usize = 500;

/// How long a search may take. Each of its words is looked for in all ways to go
/// on, in each message: with many of them, that takes minutes, and all others wait
/// that read.
const FOUND_WITHIN: Duration = Duration::from_secs(5);

/// A message with a longer text is a long one, in bytes.
const LONG: u64 = 1 << 20;

pub(super) fn routes() -> Router<Serving> {
    Router::new()
        .route("/api/messages", get(list).post(send))
        .route("/api/messages/{id}", get(message))
        .route("/api/search", get(search))
        .route("/api/stats", get(stats))
        .route("/api/events", get(events))
        .fallback(async |uri: Uri| {
            let cause = format!("there is nothing at {}", uri.path());
            Problem::new(StatusCode::NOT_FOUND, cause)
        })
        .method_not_allowed_fallback(async |uri: Uri| {
            let cause = format!("{} can't be used in that way", uri.path());
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, cause)
        })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    from: Option<String>,
    to: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    messages: Vec<Excerpt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

async fn list(
    State(serving): State<Serving>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(wanted) = query?;
    // An empty field of a form asks for nothing: no sender has an empty name.
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let page = PageOf {
        before: filled(wanted.cursor).map(read_cursor).transpose()?,
        from: filled(wanted.from),
        to: filled(wanted.to),
        limit: read_limit(wanted.limit)?,
    };
    let listed = async {
        let page = serving.store.page(&page).await?;
        Ok(Listed {
            messages: page.messages,
            next: page.next.map(cursor),
        })
    };
    serving.pages.answer(listed).await
}

async fn message(
    State(serving): State<Serving>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let number = id.parse();
    let id = number.map_err(|_| Problem::bad(format!("{id} is no number of a message")))?;
    // What has to be read of the others is known to be little.
    let octets = serving.store.octets(id).await?.unwrap_or(0);
    let room = match octets > LONG {
        true => &serving.long,
        false => &serving.pages,
    };
    room.answer(whole(&serving, id)).await
}

async fn send(
    State(serving): State<Serving>,
    Posted { new, _place }: Posted,
) -> Result<impl IntoResponse, Problem> {
    let id = serving.store.send(&new).await?;
    let message = serving.pages.answer(whole(&serving, id)).await?;
    let location = format!("/api/messages/{id}");
    let headers = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, headers, message))
}

async fn whole(serving: &Serving, id: i64) -> Result<Message, Problem> {
    let message = serving.store.get(id).await?;
    let unknown = || Problem::new(StatusCode::NOT_FOUND, format!("there is no message {id}"));
    message.ok_or_else(unknown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    #[serde(default)]
    q: String,
    limit: Option<String>,
}

#[derive(Serialize)]
struct Matches {
    found: Vec<FoundExcerpt>,
    /// Whether there are more, which are not as good.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

async fn search(
    State(serving): State<Serving>,
    query: Result<Query<Words>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Words { q, limit }) = query?;
    let limit = read_limit(limit)?;
    if q.chars().nth(MOST_TYPED).is_some() {
        let cause = format!("a search is for {MOST_TYPED} characters at most");
        return Err(Problem::bad(cause));
    }
    let found = async {
        let best = serving.store.search_as_typed(&q, limit);
        // SQLite stops when nobody waits any more.
        let best = tokio::time::timeout(FOUND_WITHIN, best).await;
        let late = |_| {
            let cause = "the search takes too long; fewer or rarer words may not";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, cause)
        };
        let BestOf { found, more } = best.map_err(late)??;
        Ok(Matches { found, more })
    };
    serving.pages.answer(found).await
}

async fn stats(State(serving): State<Serving>) -> Result<Json<Stats>, Problem> {
    Ok(Json(serving.store.stats().await?))
}

/// Where the next page begins. What it says is nobody's business but ours.
fn cursor(before: i64) -> String {
    format!("before-{before}")
}

fn read_cursor(cursor: String) -> Result<i64, Problem> {
    let number = cursor
        .strip_prefix("before-")
        .and_then(|id| id.parse().ok());
    number.ok_or_else(|| Problem::bad(format!("{cursor} is no cursor that a page has given")))
}

fn read_limit(limit: Option<String>) -> Result<u32, Problem> {
    let Some(limit) = limit else { return Ok(USUAL) };
    let number = limit
        .parse()
        .ok()
        .filter(|limit| (1..=MOST).contains(limit));
    number.ok_or_else(|| Problem::bad(format!("the limit is from 1 to {MOST}, not {limit}")))
}
