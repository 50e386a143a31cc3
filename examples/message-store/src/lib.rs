//! A message store on SQLite: the library behind the program `message-store`.
//!
//! Read it in this order:
//!
//! - [`cli`]: what can be typed
//! - [`run()`]: what each command does
//! - [`message`]: what a message is
//! - [`store`]: the open store, and the queries for messages
//! - [`excerpt`]: the beginnings of messages, page by page
//! - [`schema`]: the database file: what is in it, and whether it is ours
//! - [`search`]: words in, messages out
//! - [`since`]: the times that `--since` takes
//! - [`prompt`]: messages from a person at a terminal, or from a pipe
//! - [`output`]: messages for a person, for a terminal, for a program
//! - [`mod@tail`]: messages as they come
//! - [`mod@import`]: messages from files, by [`source`] and [`mod@format`]
//! - [`incoming`]: which of them are there already
//! - [`mod@export`]: messages to a file
//! - [`mod@serve`]: messages for a browser
//! - [`error`]: why a command failed
//!
//! ```
//! use message_store::message::NewMessage;
//! use message_store::store::{Access, Filter, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("messages.db");
//! let store = Store::open(&path, Access::Create).await?;
//! let new = NewMessage::new("Bob", "Alice", "I need your help.");
//! assert_eq!(store.send(&new).await?, 1);
//!
//! let mut messages = store.list(&Filter::default());
//! while let Some(message) = messages.next().await {
//!     println!("{}", message?.body);
//! }
//! store.close().await?;
//! # Ok(())
//! # }
//! ```

pub mod cli;
pub mod error;
pub mod excerpt;
pub mod export;
pub mod format;
pub mod import;
pub mod incoming;
mod mail;
pub mod message;
pub mod output;
pub mod prompt;
pub mod run;
pub mod schema;
pub mod search;
pub mod serve;
mod signals;
pub mod since;
pub mod source;
pub mod store;
pub mod tail;

pub use error::{Error, Result};
pub use run::{Ending, run};
