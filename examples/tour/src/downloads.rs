//! Downloads of many pictures, and what became of them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use reqwest::{Client, StatusCode, blocking};
use tokio::runtime::{Handle, Runtime};

use crate::Failure;

/// What a server can say of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There was one, and it is in its file.
    Saved,
    /// There is none.
    Nothing,
}

/// Where pictures are, and the folder they go to.
///
/// ```
/// use std::time::Duration;
/// use tour::downloads::{Found, Site};
/// use tour::flag_server::FlagServer;
///
/// # fn main() -> Result<(), tour::Failure> {
/// # let temporary = tempfile::tempdir()?;
/// # let folder = temporary.path().join("pictures");
/// let server = FlagServer::start(Duration::from_millis(1))?;
/// let runtime = tokio::runtime::Runtime::new()?;
/// let site = Site::new(server.addr(), folder.clone(), &runtime)?;
///
/// let here = reqwest::blocking::Client::new();
/// assert_eq!(site.fetch_blocking(&here, "br")?, Found::Saved);
/// let there = reqwest::Client::new();
/// assert_eq!(runtime.block_on(site.fetch(&there, "aa"))?, Found::Nothing);
/// assert!(folder.join("br.svg").exists() && !folder.join("aa.svg").exists());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Site {
    addr: SocketAddr,
    folder: PathBuf,
    runtime: Handle,
}

impl Site {
    /// Returns the site at an address, and makes its folder.
    ///
    /// # Errors
    ///
    /// When the folder can't be made.
    pub fn new(addr: SocketAddr, folder: PathBuf, runtime: &Runtime) -> Result<Site, Failure> {
        runtime.block_on(aio_files::os::create_dir_all(&folder))?;
        Ok(Site {
            addr,
            folder,
            runtime: runtime.handle().clone(),
        })
    }

    /// Fetches a picture and saves it, if there is one.
    ///
    /// # Errors
    ///
    /// When the server doesn't answer, or with something else than a picture or
    /// `404 Not Found`; and when it can't be saved.
    ///
    /// # Cancel safety
    ///
    /// *Runs on*: a picture that is being saved is saved, whole.
    pub async fn fetch(&self, client: &Client, name: &str) -> Result<Found, Failure> {
        let answer = client.get(self.url(name)).send().await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Found::Nothing);
        }
        let picture = answer.error_for_status()?.bytes().await?;
        aio_files::write(self.file(name), picture).await?;
        Ok(Found::Saved)
    }

    /// Does the same on a thread that has nothing else to do.
    ///
    /// # Errors
    ///
    /// Those of [`fetch`](Site::fetch).
    ///
    /// # Panics
    ///
    /// In a task, which must not block its thread.
    pub fn fetch_blocking(&self, client: &blocking::Client, name: &str) -> Result<Found, Failure> {
        let answer = client.get(self.url(name)).send()?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Found::Nothing);
        }
        let picture = answer.error_for_status()?.bytes()?;
        self.runtime
            .block_on(aio_files::write(self.file(name), picture))?;
        Ok(Found::Saved)
    }

    fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.addr)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.svg"))
    }
}

/// Downloads that are under way, with a bar on a terminal, or ended.
///
/// ```
/// use tour::Failure;
/// use tour::downloads::{Downloads, Found};
///
/// let mut downloads = Downloads::begin(3);
/// downloads.count(Ok(Found::Saved));
/// downloads.count(Err(Failure::of("zw", "out of ink")));
/// downloads.count(Ok(Found::Nothing));
/// assert!(downloads.to_string().starts_with("1 saved, 1 not found, 1 failed in "));
/// assert_eq!(format!("{:?}", downloads.outcome().unwrap_err()), "zw: out of ink");
/// ```
#[derive(Debug)]
pub struct Downloads {
    saved: usize,
    not_found: usize,
    failed: usize,
    first_failure: Option<Failure>,
    begun: Instant,
    took: Duration,
    bar: ProgressBar,
}

impl Downloads {
    /// Begins so many downloads: the time runs from now.
    pub fn begin(names: usize) -> Downloads {
        Downloads {
            saved: 0,
            not_found: 0,
            failed: 0,
            first_failure: None,
            begun: Instant::now(),
            took: Duration::ZERO,
            // Where standard error is no terminal, it shows nothing.
            bar: ProgressBar::new(names as u64),
        }
    }

    /// Counts what became of one. A failure is kept if it is the first.
    pub fn count(&mut self, outcome: Result<Found, Failure>) {
        match outcome {
            Ok(Found::Saved) => self.saved += 1,
            Ok(Found::Nothing) => self.not_found += 1,
            Err(failure) => {
                self.failed += 1;
                self.first_failure.get_or_insert(failure);
            }
        }
        self.took = self.begun.elapsed();
        self.bar.inc(1);
    }

    /// Takes the bar away and prints the counts, the time and the rate.
    pub fn said(self) -> Downloads {
        self.bar.finish_and_clear();
        println!("  {self}");
        self
    }

    /// Returns how many there were in a second.
    pub fn rate(&self) -> f64 {
        (self.saved + self.not_found + self.failed) as f64 / self.took.as_secs_f64()
    }

    /// Returns the first failure, if there was one.
    ///
    /// # Errors
    ///
    /// That failure.
    pub fn outcome(self) -> Result<(), Failure> {
        self.first_failure.map_or(Ok(()), Err)
    }
}

impl std::fmt::Display for Downloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} saved, {} not found", self.saved, self.not_found)?;
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        let seconds = self.took.as_secs_f64();
        write!(f, " in {seconds:.2} s: {:.1} a second", self.rate())
    }
}
