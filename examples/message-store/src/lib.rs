//! A message store on SQLite: the library behind the program `message-store`.
//!
//! Read it in this order:
//!
//! - [`cli`]: what can be typed
//! - [`run()`]: what each command does
//! - [`message`]: what a message is
//! - [`store`]: the open store, and the queries for messages
//! - [`schema`]: the database file: what is in it, and whether it is ours
//! - [`incoming`]: messages from elsewhere, kept if they are not there yet
//! - [`excerpt`]: the beginnings of messages, page by page
//! - [`search`]: words in, messages out
//! - [`since`]: the times that `--since` takes
//! - `time`: which times there are
//! - [`prompt`]: messages from a person at a terminal, or from a pipe
//! - [`output`]: messages for a person, for a terminal, for a program
//! - [`report`]: what there is to say beside the results
//! - [`mod@tail`]: messages as they come
//! - [`mod@import`]: messages from files
//! - [`source`]: the file that they are in, or standard input
//! - [`batch`]: what is read of it at a time
//! - [`mod@format`]: how messages stand in a file
//! - `mail`: how a mail is read and written
//! - [`mod@export`]: messages to a file
//! - [`mod@serve`]: messages for a browser
//! - `signals`: what asks the program to end
//! - [`ending`]: how a command ended
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

pub mod batch;
pub mod cli;
pub mod ending;
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
pub mod report;
pub mod run;
pub mod schema;
pub mod search;
pub mod serve;
mod signals;
pub mod since;
pub mod source;
pub mod store;
pub mod tail;
mod time;

pub use ending::Ending;
pub use error::{Error, Result};
pub use run::run;
