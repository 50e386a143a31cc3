//! STUB serve
use crate::cli::Serve as Args;
use crate::error::Result;
use crate::output::Output;
use crate::run::Ending;
use crate::store::Store;

/// STUB
///
/// # Errors
/// # Cancel safety
pub async fn serve(_: &Store, _: &Args, _: Output) -> Result<Ending> {
    Ok(Ending::Well)
}
