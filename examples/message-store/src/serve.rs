//! Messages for a browser: a page, and a JSON API over HTTP.
//!
//! Read it in this order:
//!
//! - `api`: what can be asked, and what is answered
//! - `posted`: messages that are posted
//! - `problem`: what is answered to a request that fails
//! - `feed`: new messages, read once for all who wait for them
//! - `events`: new messages to one of them, none lost and none twice
//! - `page`: what the browser gets
//! - `room`: how much of messages is in memory at once
//! - `guard`: who may ask, and what each answer tells the browser
//! - `connections`: how many there may be, and how they end

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::Serve as Args;
use crate::ending::Ending;
use crate::error::{Error, Result};
use crate::output::Output;
use crate::signals::asked_to_end;
use crate::store::Store;

mod api;
mod connections;
mod events;
mod feed;
mod guard;
mod page;
mod posted;
mod problem;
mod room;

use connections::Connections;
use feed::Feed;
use room::Room;

/// How many answers there are at a time that have a page of messages, of about a
/// mebibyte.
const PAGES: usize = 32;

/// How many answers there are at a time that have one long message, which can be
/// of any length.
const LONG: usize = 2;

/// How many long messages are received at a time.
const POSTS: usize = 16;

/// What the handlers of requests share.
#[derive(Clone, Debug)]
struct Serving {
    store: Store,
    feed: Feed,
    pages: Room,
    long: Room,
    posts: Room,
    /// Streams of events end when this is cancelled.
    ending: CancellationToken,
}

/// Serves a store over HTTP until the program is interrupted or terminated:
/// either is how a server ends well.
///
/// Then it accepts nothing more, ends the streams of events, and lets the
/// requests that are under way finish, for 5 seconds at most. A second signal
/// cuts that short.
///
/// # Errors
///
/// [`Error::Listen`] where the address can't be had, and [`Error::Store`] where
/// the store can't be watched.
///
/// # Cancel safety
///
/// *Not cancel safe*: requests that are under way are cut off, each of them
/// stored or not.
pub async fn serve(store: &Store, args: &Args, mut output: Output) -> Result<Ending> {
    let refused = |source| Error::Listen {
        addr: args.addr,
        source,
    };
    let ending = CancellationToken::new();
    let most = connections::most();
    let (feed, feeding) = Feed::of(store).await?;
    let listener = TcpListener::bind(args.addr).await.map_err(refused)?;
    let addr = listener.local_addr().map_err(refused)?;

    let serving = Serving {
        store: store.clone(),
        feed,
        pages: Room::for_at_most(PAGES),
        long: Room::for_at_most(LONG),
        posts: Room::for_at_most(POSTS),
        ending: ending.clone(),
    };
    let router = api::routes().merge(page::routes()).with_state(serving);
    let router = guard::around(router, addr);
    let connections = Connections::new(router, most, ending.clone());
    connections.also(feeding.run(ending));
    tokio::select! {
        // First, so that a signal which follows the line below is caught.
        biased;
        asked = asked_to_end() => asked.map_err(refused)?,
        () = async {
            // Whoever started us may not want to know.
            let _ = output.line(&format!("listening on http://{addr}"));
            connections.accept(&listener).await;
        } => {}
    }
    drop(listener);
    connections.end(asked_to_end()).await;
    Ok(Ending::Well)
}
