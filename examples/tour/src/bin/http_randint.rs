//! cargo run -p tour --bin http_randint

use tour::{Failure, args};

/// STUB
#[derive(Debug, clap::Parser)]
struct Args {}

fn main() -> Result<(), Failure> {
    let Args {} = args::read();
    Ok(())
}
