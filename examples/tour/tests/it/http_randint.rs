//! `http_randint`: the service over HTTP.
