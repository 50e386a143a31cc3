//! cargo run -p tour --bin how

use tour::{Failure, args};

/// STUB
#[derive(Debug, clap::Parser)]
struct Args {}

fn main() -> Result<(), Failure> {
    let Args {} = args::read();
    Ok(())
}
