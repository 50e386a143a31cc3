//! STUB mbox
