//! What is answered to a request that fails: a status, and one line of cause.

use std::error::Error as _;
use std::fmt::Display;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::Error;
use crate::output::Visible;

/// A request that fails.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    cause: String,
}

#[derive(Serialize)]
struct Said {
    error: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, cause: impl Display) -> Problem {
        let cause = cause.to_string();
        Problem { status, cause }
    }

    pub(super) fn bad(cause: impl Display) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, cause)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // The cause may quote the request, which can hold anything.
        let error = Visible(&self.cause).to_string();
        (self.status, Json(Said { error })).into_response()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let status = match &error {
            Error::Store { source, .. } if is_for_now(source) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Problem::new(status, error)
    }
}

/// Whether the same request may well succeed later.
fn is_for_now(error: &aio_sqlite::Error) -> bool {
    use aio_sqlite::Error::{Busy, Closed, NoReader};
    error.is_locked() || matches!(error, Busy { .. } | Closed | NoReader { .. })
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Problem {
        // Its source says which field, and what is wrong with it.
        let cause = rejection.source().map(ToString::to_string);
        let cause = cause.unwrap_or_else(|| rejection.body_text());
        Problem::new(rejection.status(), cause)
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Problem {
        Problem::new(rejection.status(), rejection.body_text())
    }
}
