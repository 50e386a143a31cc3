//! The page that the browser gets: its parts as they are in `page/`, and nothing
//! from elsewhere.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use super::Serving;

/// The parts of the page. They are in the program, so that they fit its API; as
/// with all answers, no browser keeps them (`no-store`).
const PARTS: [(&str, &str, &str); 7] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/page.css", CSS, include_str!("page/page.css")),
    ("/page.js", JAVASCRIPT, include_str!("page/page.js")),
    ("/search.js", JAVASCRIPT, include_str!("page/search.js")),
    ("/row.js", JAVASCRIPT, include_str!("page/row.js")),
    ("/note.js", JAVASCRIPT, include_str!("page/note.js")),
    ("/ask.js", JAVASCRIPT, include_str!("page/ask.js")),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

pub(super) fn routes() -> Router<Serving> {
    PARTS
        .into_iter()
        .fold(Router::new(), |router, (path, kind, text)| {
            router.route(path, get(async move || ([(CONTENT_TYPE, kind)], text)))
        })
}
