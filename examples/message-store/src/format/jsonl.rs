//! STUB jsonl
