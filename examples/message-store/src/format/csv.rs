//! CSV: a message is a row, and the first row names the columns.

/// The columns that there must be.
const NEEDED: [&str; 3] = ["sender", "recipient", "body"];

/// Whether a name, as it stands in a file, is that of a column that must be there.
pub(super) fn is_needed(name: &[u8]) -> bool {
    let name = name.trim_ascii();
    let name = name.strip_prefix(b"\"").unwrap_or(name);
    let name = name.strip_suffix(b"\"").unwrap_or(name);
    NEEDED
        .iter()
        .any(|needed| name.eq_ignore_ascii_case(needed.as_bytes()))
}

/// The format.
#[derive(Clone, Copy, Debug)]
pub struct Csv;

#[async_trait::async_trait]
impl super::Format for Csv {
    fn read(&self, _: crate::source::Source) -> super::Batches {
        Box::pin(aio_itertools::iter([]))
    }

    async fn write(
        &self,
        _: crate::store::Listing<crate::message::Message>,
        _: &mut aio_files::replace::AtomicFile,
    ) -> crate::error::Result<u64> {
        Ok(0)
    }
}
