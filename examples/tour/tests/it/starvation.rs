//! `starvation`: who keeps the loop.
