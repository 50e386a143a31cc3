//! Futures that run a stream to its end: the free functions.
//!
//! Each is a method of [`AioItertools`](crate::AioItertools) as well, unless a
//! popular extension trait has a method of that name.
