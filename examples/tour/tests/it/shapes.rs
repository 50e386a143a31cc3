//! `shapes`: each crate by three doors.
