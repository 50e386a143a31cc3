//! SQLite for tokio applications: as pleasant as Python's aiosqlite, over
//! rusqlite, on threads of its own.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> aio_sqlite::Result<()> {
//! let db = aio_sqlite::open(":memory:").await?; // or a path
//! db.execute("CREATE TABLE messages(id INTEGER PRIMARY KEY, sender, body)", ()).await?;
//!
//! // await
//! let done = db.execute("INSERT INTO messages(sender, body) VALUES (?1, ?2)", ("Bob", "hi")).await?;
//! assert_eq!(done.last_insert_rowid, 1);
//!
//! // iterate
//! let mut rows = db.query_as::<(i64, String)>("SELECT id, body FROM messages", ()).stream();
//! while let Some(row) = rows.next().await {
//!     let (id, body) = row?;
//!     println!("#{id}: {body}");
//! }
//! # drop(rows);
//!
//! // guard: commits when the body is Ok, rolls back when it is Err, dropped or panics
//! db.begin()
//!     .with(async |tx| -> aio_sqlite::Result<_> {
//!         tx.execute("UPDATE messages SET body = 'hello' WHERE id = 1", ()).await
//!     })
//!     .await?;
//! db.close().await
//! # }
//! ```
//!
//! - [`open`] gives a [`Database`]: one connection that writes and several that
//!   read, over a write-ahead log. Writes that come together share a commit,
//!   and queries that wait together a read transaction.
//! - [`connect`] opens a [`Connection`]: one SQLite connection on one thread,
//!   every operation in the order it was called.
//! - [`Session`] is what can be done on both: `execute`, `execute_many`,
//!   `execute_stream`, `execute_script`, `batch`, `query`, `query_as`. A
//!   [`Transaction`] and a [`Savepoint`] dereference to it too.
//! - [`Row`] and [`FromRow`] take rows apart; [`Rows`] is the stream of them.
//! - [`migrate`] brings a file to the schema that the program expects.
//! - [`Database::write`] and [`Database::read`] give a closure a rusqlite
//!   connection inside a transaction; [`Connection::call`] and
//!   [`Database::call`] the connection itself.
//!
//! # When not to use it
//!
//! In a program without an async runtime rusqlite alone is simpler. For a
//! server's database that several machines write to, SQLite is the wrong
//! engine. It has one writer at a time, however many connections there are.
//!
//! # Cancellation
//!
//! Dropping a future stops what it asked for: a queued operation never runs, a
//! running one is interrupted inside SQLite, also while it waits for another
//! process's lock, and nothing else on the connection notices. A write outside
//! a transaction has then happened whole or not at all. A transaction guard
//! that is dropped, at any moment, is rolled back before anything else runs on
//! the connection. `.timeout(d)` on an operation does the same at a limit that
//! counts from its first poll, waiting included. Each item states its verdict
//! under *Cancel safety*, and [`Transaction::receipt`] tells afterwards what a
//! cancelled commit came to.
//!
//! # Differences from aiosqlite
//!
//! | aiosqlite | here |
//! |---|---|
//! | `async with connect(p) as db` | `connect(p).with(async \|db\| …)` |
//! | `db.execute(…)` returns a cursor | `execute` returns what was done, `query` rows |
//! | `executemany`, `executescript` | `execute_many` (all or nothing), `execute_script` |
//! | `fetchall`, `fetchone`, `async for` | `.await`, `.one()` or `.optional()`, `.stream()` |
//! | implicit transactions, `commit()` on the connection | each statement commits by itself; `begin()` gives a guard |
//! | `row_factory` | `query_as::<T>` with [`FromRow`], `deserialize::<T>` with serde |
//!
//! # Features
//!
//! | feature | adds | brings in |
//! |---|---|---|
//! | `bundled` (default) | SQLite compiled in | a C compiler at build time |
//! | `serde` | `Query::deserialize`, `named` | serde |
//! | `foreign-changes` | live queries see the commits of other processes | notify |

#[cfg(feature = "foreign-changes")]
mod abroad;
mod attached;
mod authorizer;
pub mod batch;
#[cfg(feature = "foreign-changes")]
mod bell;
mod budget;
mod bulk;
mod by_text;
mod call;
mod callers;
mod change;
mod change_log;
pub mod changes;
mod chunk;
mod closures;
mod columns;
mod connect;
mod connection;
mod crew;
mod cursor;
mod database;
mod deadline;
mod engine;
mod error;
mod execute;
mod flows;
mod footprint;
#[cfg(feature = "foreign-changes")]
mod foreign;
mod from_row;
mod group;
mod handlers;
mod handoff;
mod journal;
mod lend;
mod level;
mod link;
mod list;
mod look;
mod marks;
mod member;
pub mod migrate;
mod nesting;
mod observers;
mod observing;
mod op;
mod open;
pub mod options;
mod overheard;
pub mod params;
mod patience;
mod pipe;
mod pool;
mod publish;
mod query;
mod reader;
mod reads;
mod receipt;
mod recorder;
mod reentry;
mod routes;
pub mod row;
mod rows;
mod savepoint;
mod selects;
#[cfg(feature = "serde")]
mod serde;
mod session;
mod sets;
mod shared_read;
mod spin;
mod tables;
mod touched;
pub mod transaction;
mod turn;
mod unfit;
mod wakes;
mod wal_race;
pub mod watch;
mod work;
mod worker;

/// The builders that the methods return: inert until they are awaited,
/// streamed or entered with `.with`.
pub mod builders {
    pub use crate::batch::Batch;
    pub use crate::bulk::{ExecuteMany, ExecuteStream};
    pub use crate::call::Call;
    pub use crate::changes::WatchChanges;
    pub use crate::closures::{Read, Write};
    pub use crate::connect::Connect;
    pub use crate::execute::{Execute, ExecuteScript};
    pub use crate::open::Open;
    pub use crate::query::Query;
    pub use crate::savepoint::BeginSavepoint;
    pub use crate::transaction::Begin;
    pub use crate::watch::Watch;
}

pub use connect::connect;
pub use connection::Connection;
pub use database::Database;
pub use engine::Done;
pub use error::{Error, Result};
pub use from_row::FromRow;
pub use open::open;
pub use params::Params;
pub use row::Row;
pub use rows::Rows;
/// The version of rusqlite that [`Connection::call`] and [`Error::code`] speak.
pub use rusqlite;
pub use rusqlite::types::{Value, ValueRef};
pub use savepoint::Savepoint;
#[cfg(feature = "serde")]
pub use serde::named;
pub use session::Session;
pub use transaction::Transaction;

/// The README's examples are compiled and run like the ones above.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
