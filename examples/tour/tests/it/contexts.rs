//! `contexts`: what is sent, and what is not.
