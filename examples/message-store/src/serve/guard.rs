//! Who may ask, and what each answer tells the browser.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// The page may load its own parts and talk to its own server, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
];

/// Whose requests are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Those for this very machine.
    AsLoopback,
    /// Those for any name: which ones lead here is not known.
    AsAnything,
}

/// Puts the guard before all routes, also before those that there are not.
pub(super) fn around(router: Router, addr: SocketAddr) -> Router {
    router.layer(from_fn_with_state(Asked::at(addr), guard))
}

impl Asked {
    fn at(addr: SocketAddr) -> Asked {
        // 127.0.0.1 can be written as an address of the sixth version, too.
        match addr.ip().to_canonical().is_loopback() {
            true => Asked::AsLoopback,
            false => Asked::AsAnything,
        }
    }
}

async fn guard(State(asked): State<Asked>, request: Request, next: Next) -> Response {
    let mut response = match asked == Asked::AsLoopback && !is_for_loopback(&request) {
        true => foreign().into_response(),
        false => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.extend(HEADERS);
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

fn foreign() -> Problem {
    let cause = "this server answers to localhost, 127.0.0.1 and [::1] only";
    Problem::new(StatusCode::MISDIRECTED_REQUEST, cause)
}

/// Whether a request names this machine. A page from elsewhere whose own name
/// was made to lead here (DNS rebinding) names that, and is not to read what
/// only the user of this machine may.
fn is_for_loopback(request: &Request) -> bool {
    let mut named = hosts(request.headers()).peekable();
    named.peek().is_some()
        && named.all(is_loopback)
        && request.uri().host().is_none_or(is_loopback_name)
}

fn hosts(headers: &HeaderMap) -> impl Iterator<Item = &HeaderValue> {
    headers.get_all(header::HOST).iter()
}

fn is_loopback(host: &HeaderValue) -> bool {
    Authority::try_from(host.as_bytes()).is_ok_and(|host| is_loopback_name(host.host()))
}

fn is_loopback_name(name: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse()
            .is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_is_known_however_it_is_written() {
        let at = |addr: &str| Asked::at(addr.parse().expect("an address"));
        for addr in [
            "127.0.0.1:1",
            "127.1.2.3:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(at(addr), Asked::AsLoopback, "{addr}");
        }
        for addr in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[::ffff:192.0.2.1]:1"] {
            assert_eq!(at(addr), Asked::AsAnything, "{addr}");
        }
        assert!(is_loopback_name("[::ffff:127.0.0.1]"));
    }
}
