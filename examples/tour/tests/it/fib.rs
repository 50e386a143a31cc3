//! `fib`: computing on threads and in processes.
