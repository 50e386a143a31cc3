//! Downloads of many pictures, and what became of them.

use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use reqwest::{Client, Response, StatusCode, blocking};
use tokio::runtime::{Handle, Runtime};

use crate::Failure;

/// How long a picture is waited for: longer than the program can be told that its own
/// server takes.
const PATIENCE: Duration = Duration::from_secs(15);

/// The most bytes that are taken for a picture.
const LARGEST: usize = 1 << 20;

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
    patience: Duration,
    /// Whether a picture was waited for in vain, so that no other is.
    is_silent: AtomicBool,
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
            patience: PATIENCE,
            is_silent: AtomicBool::new(false),
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
        let asked = client.get(self.url(name)).timeout(self.patience()?);
        let answer = self.heard(asked.send().await)?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Found::Nothing);
        }
        let picture = self.heard(whole(answer.error_for_status()?).await)?;
        not_too_large(&picture)?;
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
        let asked = client.get(self.url(name)).timeout(self.patience()?);
        let answer = self.heard(asked.send())?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Found::Nothing);
        }
        let mut picture = Vec::new();
        let answer = answer.error_for_status()?;
        answer.take(LARGEST as u64 + 1).read_to_end(&mut picture)?;
        not_too_large(&picture)?;
        self.runtime
            .block_on(aio_files::write(self.file(name), picture))?;
        Ok(Found::Saved)
    }

    /// How long the next picture is waited for, by a site that has answered so far.
    fn patience(&self) -> Result<Duration, Failure> {
        if self.is_silent.load(Ordering::Relaxed) {
            return Err(Failure::of(self.addr, "it has left another unanswered"));
        }
        Ok(self.patience)
    }

    /// Takes note of an answer that did not come in time.
    fn heard<T>(&self, answer: reqwest::Result<T>) -> reqwest::Result<T> {
        answer.inspect_err(|error| {
            if error.is_timeout() {
                self.is_silent.store(true, Ordering::Relaxed);
            }
        })
    }

    fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.addr)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.svg"))
    }
}

/// A picture as it comes, or more of it than any has.
async fn whole(mut answer: Response) -> reqwest::Result<Vec<u8>> {
    let mut picture = Vec::new();
    while picture.len() <= LARGEST
        && let Some(part) = answer.chunk().await?
    {
        picture.extend_from_slice(&part);
    }
    Ok(picture)
}

fn not_too_large(picture: &[u8]) -> Result<(), Failure> {
    match picture.len() {
        0..=LARGEST => Ok(()),
        _ => Err(Failure::of(
            "a picture",
            format_args!("it has more than {LARGEST} bytes"),
        )),
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// What becomes of two pictures, on a thread and as a task, of a site that says this
    /// to each request, again and again, or nothing.
    fn of_a_site_that_says(head: &'static str, more: &'static [u8]) -> Vec<String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut clients = Vec::new();
            for client in listener.incoming().map(Result::unwrap) {
                let mut said = client.try_clone().unwrap();
                clients.push(client);
                thread::spawn(move || {
                    let _request = said.read(&mut [0; 1000]);
                    let _gone = said.write_all(head.as_bytes());
                    while !more.is_empty() && said.write_all(more).is_ok() {}
                });
            }
        });
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let client = || Client::builder().no_proxy().build().unwrap();
        let blocking = blocking::Client::builder().no_proxy().build().unwrap();
        let mut said = Vec::new();
        for on_a_thread in [true, false] {
            let mut site = Site::new(addr, folder.path().into(), &runtime).unwrap();
            site.patience = Duration::from_millis(300);
            for name in ["br", "in"] {
                let found = match on_a_thread {
                    true => site.fetch_blocking(&blocking, name),
                    false => runtime.block_on(site.fetch(&client(), name)),
                };
                said.push(format!("{:?}", found.unwrap_err()));
            }
        }
        said
    }

    #[test]
    fn a_site_that_says_nothing_is_waited_for_once() {
        let begun = Instant::now();
        let said = of_a_site_that_says("", b"");
        for two in said.chunks(2) {
            assert!(two[0].contains("timed out"), "{said:?}");
            assert!(
                two[1].ends_with("it has left another unanswered"),
                "{said:?}"
            );
        }
        assert!(begun.elapsed() >= Duration::from_millis(600));
    }

    #[test]
    fn a_picture_without_an_end_is_left_alone() {
        let said = of_a_site_that_says("HTTP/1.1 200 OK\r\n\r\n", &[b'9'; 1 << 16]);
        assert_eq!(said, ["a picture: it has more than 1048576 bytes"; 4]);
    }
}
