//! Bytes for the wire and for the codec.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aio_pool::__fuzz::bytes(bytes));
