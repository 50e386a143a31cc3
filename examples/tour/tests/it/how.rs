//! `how`: six ways to wait.
