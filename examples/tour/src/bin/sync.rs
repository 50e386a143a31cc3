//! cargo run -p tour --bin sync

use tour::{Failure, args};

/// STUB
#[derive(Debug, clap::Parser)]
struct Args {}

fn main() -> Result<(), Failure> {
    let Args {} = args::read();
    Ok(())
}
