//! The page that the browser gets.

use axum::Router;

use super::Serving;

pub(super) fn routes() -> Router<Serving> {
    Router::new()
}
