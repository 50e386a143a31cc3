//! The service over HTTP: `GET /randint/1/6` is answered by `4`, and what asks for
//! no number by status 400 and why.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::{PAUSE, Range, listen};
use crate::Failure;
use crate::visitors::Visitors;

/// The service at its address, where requests already wait.
#[derive(Debug)]
pub struct HttpService {
    listener: TcpListener,
    addr: SocketAddr,
    visitors: Visitors,
}

impl HttpService {
    /// Takes an address for the service; port 0 stands for any that is free.
    ///
    /// # Errors
    ///
    /// Where the address can't be had, such as one that is taken.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, which is what wakes it when a client comes.
    pub fn bind(addr: SocketAddr) -> Result<HttpService, Failure> {
        let (listener, addr) = listen(addr).map_err(|error| Failure::of(addr, error))?;
        Ok(HttpService {
            listener,
            addr,
            visitors: Visitors::default(),
        })
    }

    /// Its address, with the port that it got.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Says where it listens, and serves until Ctrl-C, or until for so long nobody
    /// has asked for anything.
    ///
    /// # Errors
    ///
    /// Where signals can't be caught.
    ///
    /// # Cancel safety
    ///
    /// *Not cancel safe*, as [`run`](HttpService::run) is not.
    pub async fn serve(self, idle: Duration) -> Result<(), Failure> {
        // Before the line: whoever has read it may already interrupt.
        let mut interrupts = signal(SignalKind::interrupt())?;
        println!("listening on http://{}", self.addr);
        let visitors = self.visitors.clone();
        tokio::select! {
            () = self.run() => {} // it never ends by itself
            () = visitors.none_for(idle) => println!("no request for {} s", idle.as_secs()),
            _ = interrupts.recv() => println!("interrupted"),
        }
        Ok(())
    }

    /// Answers requests. There is no end to that: drop it. Where the system lets no
    /// further client in, axum tries again after a second.
    ///
    /// # Cancel safety
    ///
    /// *Not cancel safe*: nobody is let in any more. Requests that are under way have
    /// tasks of their own, and go on for as long as the runtime does.
    pub async fn run(self) {
        // A result only for the sake of its type: there is no error either.
        axum::serve(self.listener, routes(self.visitors)).await.ok();
    }
}

fn routes(visitors: Visitors) -> Router {
    let what = "GET /randint/{low}/{high}: a whole number, at least low and at most high\n";
    Router::new()
        .route("/", get(move || async move { what }))
        .route("/randint/{low}/{high}", get(randint))
        .fallback((
            StatusCode::NOT_FOUND,
            "nothing is here; / says what there is\n",
        ))
        .layer(from_fn_with_state(visitors, visit))
}

/// Counts whoever has asked, until there is an answer.
async fn visit(State(visitors): State<Visitors>, request: Request, next: Next) -> Response {
    let _here = visitors.enter();
    next.run(request).await
}

async fn randint(
    Path((low, high)): Path<(String, String)>,
) -> Result<String, (StatusCode, String)> {
    let range = Range::between(&low, &high)
        .map_err(|refused| (StatusCode::BAD_REQUEST, format!("{refused}\n")))?;
    sleep(PAUSE).await;
    Ok(format!("{}\n", range.pick()))
}
