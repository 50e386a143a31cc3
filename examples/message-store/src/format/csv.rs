//! STUB csv
