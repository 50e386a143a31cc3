//! What the programs of the tour share, and parts of them that are too long for their
//! files.
//!
//! The programs themselves are in `src/bin`, each for one idea, and short enough
//! to be read at once. `examples/README.md` says in which order.
//!
//! | module | what it is | used by |
//! |---|---|---|
//! | [`args`] | the command line, and an error in it as one line | all |
//! | [`Failure`] | any other error as one line | all but `crows`, `generators`, `chess` |
//! | [`hatch`] | values in and out of an `async fn`, as by Python's `yield` | `generators` |
//! | [`event_loop`] | an event loop of ten lines | `how` |
//! | [`stages`] | three steps, as callbacks and as an `async fn` | `how` |
//! | [`meeting`] | Event, Condition and Queue | `sync` |
//! | [`stall`] | how long a task keeps the others waiting | `pitfalls` |
//! | [`rival`] | somebody else, who holds a lock | `pitfalls` |
//! | [`message_context`] | a context manager of one's own | `contexts` |
//! | [`costs`] | the bytes of a task and of a thread | `spinner` |
//! | [`runs`] | how often work was done in a time, each time with the same result | `fib` |
//! | [`flag_server`] | a slow server of pictures | `flags` |
//! | [`downloads`] | a picture fetched, and what became of many | `flags` |
//! | [`randint`] | random numbers over TCP, and over HTTP | `randint_server`, `randint_clients`, `http_randint` |
//! | [`visitors`] | the clients that a service has now | `randint_server`, `http_randint` |
//! | [`descriptors`] | as many connections as are needed | `flags`, `randint_server`, `randint_clients`, `http_randint` |
//! | [`comparison`] | two ways at several sizes, as a table and as a chart | `randint_clients` |

pub mod args;
pub mod comparison;
pub mod costs;
pub mod descriptors;
pub mod downloads;
pub mod event_loop;
mod failure;
pub mod flag_server;
pub mod hatch;
pub mod meeting;
pub mod message_context;
pub mod randint;
pub mod rival;
pub mod runs;
pub mod stages;
pub mod stall;
pub mod visitors;

pub use failure::Failure;
