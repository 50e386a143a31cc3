//! A message store on SQLite, for the terminal: the library behind the program
//! `message-store`.
//!
//! Read it in this order:
//!
//! - [`cli`]: what can be typed
//! - [`run()`]: what each command does
//! - [`store`]: messages, and the queries for them
//! - [`schema`]: the database file: what is in it, and whether it is ours
//! - [`since`]: the times that `--since` takes
//! - [`prompt`]: messages from a person at a terminal, or from a pipe
//! - [`output`]: messages for a person, for a terminal, for a program
//! - [`error`]: why a command failed
//!
//! ```
//! use message_store::store::{Access, Filter, NewMessage, Store};
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
//! # drop(messages);
//! store.close().await?;
//! # Ok(())
//! # }
//! ```

pub mod cli;
pub mod error;
pub mod output;
pub mod prompt;
pub mod run;
pub mod schema;
pub mod since;
pub mod store;

pub use error::{Error, Result};
pub use run::run;
