//! Behaviour of the crate through its public interface.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps says what it expects"
)]

mod access; // what a database may do with its file
mod cancel; // what is left when a future is dropped
mod changes; // committed changes
mod changes_model; // committed changes against the tables
mod child; // a test that plays another process too
mod closing; // close, last handle, exit
mod corrupt; // damaged files
mod database; // where statements go, streams beside queries
mod database_cuts; // what is left when its futures are dropped
mod errors; // bad input is a clear error
mod execute; // statements without rows
#[cfg(feature = "foreign-changes")]
mod foreign; // commits of other processes
#[cfg(feature = "foreign-changes")]
mod foreign_late; // and what keeps their news back
mod group; // writes that share a commit
mod hostile; // users who break the rules of a database
mod interrupts; // work that is stopped in its middle
mod limits; // full disks, permissions, many callers, stalled readers
mod migrate; // each step whole, once, in order
mod neighbours; // users of one connection beside each other
mod queries; // statements with rows
mod random_writes; // what the models are tested with
mod reentry; // calls that would wait for themselves
mod runtimes; // every kind of runtime, and auto traits
mod selects; // queries that share a read transaction
#[cfg(feature = "serde")]
mod serde; // rows and parameters by serde
mod transactions; // the guards
mod two_processes; // several processes with one file
mod values; // parameters in, columns out
mod wakes; // callers that are woken together
mod watch; // live queries
mod watch_attached; // live queries on attached databases
mod watch_closures; // live queries and what closures write
mod watch_crowd; // observers that come and go while many write
mod watch_model; // live queries against asking again
mod watch_schema; // live queries while the schema changes
mod watch_undone; // live queries and what is undone inside a transaction
mod watch_virtual; // live queries on virtual tables
mod watched; // what tests of live queries start from
mod world; // what most tests start from
