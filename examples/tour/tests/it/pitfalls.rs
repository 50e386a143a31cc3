//! `pitfalls`: stalls and their remedies.
