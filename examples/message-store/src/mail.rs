//! Mail: how an mbox is taken apart, its mails are read in other processes, and
//! messages become mails again.

mod date;
mod encoded;
mod envelope;
#[cfg(feature = "faults")]
mod faults;
mod mime;
mod parse;
pub(crate) mod split;
pub(crate) mod workers;
pub(crate) mod write;
