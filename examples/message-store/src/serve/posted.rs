//! Messages that are posted: JSON of a bounded size, in a bounded time.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::error::Category;

use super::Serving;
use super::problem::Problem;
use super::room::Place;
use crate::message::NewMessage;

/// The longest body of a request, in bytes.
const LONGEST: usize = 1 << 20;

/// How long a body may take to arrive.
const WITHIN: Duration = Duration::from_secs(30);

/// The longest that is read at once from all who send, in bytes.
const SHORT: usize = 16 << 10;

/// A message that somebody wants to send.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) new: NewMessage,
    /// It has one if it is long, until it is stored and answered.
    pub(super) _place: Option<Place>,
}

/// What is said of it. A field that is not known is a mistake of whoever sends
/// it, which would otherwise be found out when it is missed.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with sender, recipient and body"
)]
struct Fields {
    sender: String,
    recipient: String,
    subject: Option<String>,
    body: String,
}

impl FromRequest<Serving> for Posted {
    type Rejection = Problem;

    async fn from_request(request: Request, serving: &Serving) -> Result<Posted, Problem> {
        if !is_json(request.headers()) {
            let cause = "a message is posted with Content-Type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, cause));
        }
        let mut body = request.into_body();
        let mut json = Vec::new();
        let place = match in_time(read_up_to(SHORT, &mut body, &mut json)).await? {
            Read::All => None,
            Read::Some => {
                let place = serving.posts.place().await?;
                let read = in_time(read_up_to(LONGEST, &mut body, &mut json)).await?;
                if read == Read::Some {
                    drop((json, place));
                    in_time(forget(body)).await?;
                    let cause = format!("the body is longer than {LONGEST} bytes");
                    return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, cause));
                }
                Some(place)
            }
        };
        let new = read(&json)?;
        Ok(Posted { new, _place: place })
    }
}

async fn in_time<T>(read: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let late = |_| {
        let seconds = WITHIN.as_secs();
        let cause = format!("the body was not there within {seconds} seconds");
        Problem::new(StatusCode::REQUEST_TIMEOUT, cause)
    };
    tokio::time::timeout(WITHIN, read).await.map_err(late)?
}

/// How much of a body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    All,
    Some,
}

/// Reads a body to its end, or until it is longer than so many bytes.
async fn read_up_to(most: usize, body: &mut Body, whole: &mut Vec<u8>) -> Result<Read, Problem> {
    while whole.len() <= most {
        match part(body).await? {
            Some(part) => whole.extend_from_slice(&part),
            None => return Ok(Read::All),
        }
    }
    Ok(Read::Some)
}

/// Reads a body that is too long to its end: a client that is still writing would
/// not see an answer.
async fn forget(mut body: Body) -> Result<(), Problem> {
    while part(&mut body).await?.is_some() {}
    Ok(())
}

async fn part(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
    let frame = frame.transpose().map_err(Problem::bad)?;
    Ok(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = value.split(';').next().unwrap_or("");
    kind.trim().eq_ignore_ascii_case("application/json")
}

fn read(json: &[u8]) -> Result<NewMessage, Problem> {
    // serde would take a list for an object without names.
    let begins = json.trim_ascii_start();
    if begins.starts_with(b"[") {
        let cause = "a message is an object with sender, recipient and body";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, cause));
    }
    let fields: Fields = serde_json::from_slice(json).map_err(|error| {
        let status = match error.classify() {
            Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
            Category::Syntax | Category::Eof | Category::Io => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, error)
    })?;
    let parts = [
        ("sender", &fields.sender),
        ("recipient", &fields.recipient),
        ("body", &fields.body),
    ];
    if let Some((name, _)) = parts.iter().find(|(_, text)| text.is_empty()) {
        let cause = format!("the {name} is empty");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, cause));
    }
    Ok(NewMessage {
        // A form sends what was not filled in, too.
        subject: fields.subject.filter(|subject| !subject.is_empty()),
        ..NewMessage::new(fields.sender, fields.recipient, fields.body)
    })
}
