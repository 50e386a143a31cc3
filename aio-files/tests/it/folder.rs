//! A folder of its own for each test, and what is open in it.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use aio_files::PathError;

pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// In this folder, to choose the file system.
    pub(crate) fn below(root: &Path) -> Self {
        Self(tempfile::tempdir_in(root).unwrap())
    }

    /// True if the page cache may be asked here, which some file systems refuse.
    pub(crate) fn answers_from_the_cache(&self) -> bool {
        use rustix::io::{ReadWriteFlags, preadv2};

        let file = fs::File::open(self.with("probe", "x")).unwrap();
        let mut byte = [0];
        let mut into = [std::io::IoSliceMut::new(&mut byte)];
        preadv2(&file, &mut into, 0, ReadWriteFlags::NOWAIT).is_ok()
    }

    /// In memory where the system has a place for that: for thousands of files.
    pub(crate) fn in_memory() -> Self {
        Self(chaos::scratch::folder())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file with this content.
    pub(crate) fn with(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A FIFO.
    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.file(name);
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        path
    }

    /// The descriptors of this process that are open in the folder.
    pub(crate) fn descriptors(&self) -> usize {
        let below = fs::canonicalize(self.path()).unwrap();
        fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .filter(|target| target.starts_with(&below))
            .count()
    }

    /// Waits until nothing is open in the folder.
    pub(crate) async fn closed(&self) {
        let closed = async {
            while self.descriptors() > 0 {
                tokio::task::yield_now().await;
            }
        };
        chaos::watchdog::future("closing the descriptors", closed).await;
    }
}

/// The verb, the path and the OS code inside an error.
pub(crate) fn inside(error: &std::io::Error) -> (&'static str, PathBuf, Option<i32>) {
    let inside = PathError::of(error).unwrap_or_else(|| panic!("no path in {error:?}"));
    (
        inside.verb(),
        inside.path().to_owned(),
        inside.raw_os_error(),
    )
}

/// Polls a future once, with nobody to wake.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A future that has been polled once: an operation that has its place in the order.
pub(crate) struct Begun<F: Future> {
    future: Pin<Box<F>>,
    first: Poll<F::Output>,
}

/// Polls a future once and keeps it, done or not.
pub(crate) fn begin<F: Future>(future: F) -> Begun<F> {
    let mut future = Box::pin(future);
    let first = poll_once(future.as_mut());
    Begun { future, first }
}

impl<F: Future> Begun<F> {
    pub(crate) async fn end(self) -> F::Output {
        match self.first {
            Poll::Ready(output) => output,
            Poll::Pending => self.future.await,
        }
    }
}
