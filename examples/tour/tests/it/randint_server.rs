//! `randint_server`: the service over TCP.
