//! `crows`: wait, timeouts, cancellation and groups.
