//! `sync`: locks, events, semaphores, conditions, queues.
