//! How much of messages is in memory at once, however many clients ask for them
//! and however slowly they read.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// An answer of so many bytes needs no room of its own once it is made: what the
/// system takes of it in one piece is not much less.
const SHORT: usize = 64 << 10;

/// How long to wait for room.
const WITHIN: Duration = Duration::from_secs(30);

/// Room for some things at a time.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

/// A place in it, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

impl Room {
    pub(super) fn for_at_most(things: usize) -> Room {
        Room(Arc::new(Semaphore::new(things)))
    }

    /// Waits for a place, in turn.
    pub(super) async fn place(&self) -> Result<Place, Problem> {
        let place = tokio::time::timeout(WITHIN, self.0.clone().acquire_owned()).await;
        match place {
            Ok(Ok(place)) => Ok(Place(place)),
            Ok(Err(_)) | Err(_) => {
                let cause = "too many others send or ask for much at once";
                Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, cause))
            }
        }
    }

    /// Makes an answer when there is a place for it, which it has until it is
    /// sent.
    pub(super) async fn answer<T: Serialize>(
        &self,
        made: impl Future<Output = Result<T, Problem>>,
    ) -> Result<Response, Problem> {
        let place = self.place().await?;
        let json = serde_json::to_vec(&made.await?);
        let json = json.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error))?;
        let body = match json.len() <= SHORT {
            true => Bytes::from(json),
            false => Bytes::from_owner(Placed {
                json,
                _place: place,
            }),
        };
        let headers = [(header::CONTENT_TYPE, "application/json")];
        Ok((headers, Body::from(body)).into_response())
    }
}

/// Bytes that give their place back with the last part of them.
struct Placed {
    json: Vec<u8>,
    _place: Place,
}

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        &self.json
    }
}
