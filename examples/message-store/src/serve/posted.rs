//! Messages that are posted: JSON of a bounded size, in a bounded time.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::error::Category;

use super::problem::Problem;
use crate::message::NewMessage;

/// The longest body of a request, in bytes.
const LONGEST: usize = 1 << 20;

/// How long a body may take to arrive.
const WITHIN: Duration = Duration::from_secs(30);

/// A message that somebody wants to send.
#[derive(Debug)]
pub(super) struct Posted(pub(super) NewMessage);

/// What is said of it. A field that is not known is a mistake of whoever sends
/// it, which would otherwise be found out when it is missed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    sender: String,
    recipient: String,
    subject: Option<String>,
    body: String,
}

impl<S: Sync> FromRequest<S> for Posted {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Posted, Problem> {
        if !is_json(request.headers()) {
            let cause = "a message is posted with Content-Type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, cause));
        }
        let body = tokio::time::timeout(WITHIN, whole(request.into_body())).await;
        let late = |_| {
            let seconds = WITHIN.as_secs();
            let cause = format!("the body was not there within {seconds} seconds");
            Problem::new(StatusCode::REQUEST_TIMEOUT, cause)
        };
        read(&body.map_err(late)??).map(Posted)
    }
}

/// Reads a body to its end. What is too long is read and forgotten: a client
/// that is still writing would not see an answer.
async fn whole(mut body: Body) -> Result<Vec<u8>, Problem> {
    let mut whole = Vec::new();
    let mut length = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(Problem::bad)?;
        let data = frame.into_data().unwrap_or_default();
        length += data.len();
        match length <= LONGEST {
            true => whole.extend_from_slice(&data),
            false => whole = Vec::new(),
        }
    }
    if length > LONGEST {
        let cause = format!("the body is longer than {LONGEST} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, cause));
    }
    Ok(whole)
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = value.split(';').next().unwrap_or("");
    kind.trim().eq_ignore_ascii_case("application/json")
}

fn read(json: &[u8]) -> Result<NewMessage, Problem> {
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
