//! `randint_clients`: threads beside tasks as its clients.
