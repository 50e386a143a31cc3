//! `generators`: values out and in.
