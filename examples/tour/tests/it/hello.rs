//! `hello`: await, gather and tasks.
