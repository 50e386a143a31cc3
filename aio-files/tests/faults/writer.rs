//! The program under fault: it gives files new contents, one after the other,
//! and prints `ack N` when that of number N has been committed.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::time::Duration;

use aio_files::replace::sweep;
use aio_files::{PathError, drained, replace, temp_file, write};
use chaos::inject::Victim;

const TOLD: &str = "AIO_FILES_WRITER";

/// What an impatient program says of a replacement that it has dropped.
pub(crate) const GONE: &str = "gone";

/// What the program says before the last replacement.
pub(crate) const ENDING: &str = "ending";

/// What it says of an error, before verb, code and path.
pub(crate) const FAILED: &str = "failed";

/// What a successor says of the files that it has swept away.
pub(crate) const SWEPT: &str = "swept";

/// The name that leads to [`Target::Linked`].
pub(crate) const LINK: &str = "link";

/// How long an impatient program waits for a commit.
const PATIENCE: Duration = Duration::from_millis(30);

/// Several of these are a content.
const BUFFER: usize = 16 * 1024;

/// How the program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As a user would.
    Right,
    /// Wrong: acknowledges before the commit.
    Early,
    /// Wrong: acknowledges whatever the commit returned.
    Deaf,
    /// Wrong: writes to the file itself.
    InPlace,
    /// Wrong: does all that a commit does, but for the sync of the folder.
    FolderUnsynced,
    /// As a user whose callers go away: drops what has not been done soon.
    Impatient,
    /// Wrong: the same to the file itself, by std, so that nothing keeps the order.
    ImpatientInPlace,
    /// Sweeps away what another has left, and replaces a file.
    Successor,
}

const WAYS: [Way; 8] = [
    Way::Right,
    Way::Early,
    Way::Deaf,
    Way::InPlace,
    Way::FolderUnsynced,
    Way::Impatient,
    Way::ImpatientInPlace,
    Way::Successor,
];

/// What the content of a number is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file that is there or not.
    Plain,
    /// One behind a link, which stays.
    Linked,
    /// A file of the number's own, which may not be there before.
    New,
}

impl Target {
    pub(crate) fn of(number: u64) -> Self {
        match number % 3 {
            0 => Self::Plain,
            1 => Self::Linked,
            _ => Self::New,
        }
    }

    /// The name of the file that has the content.
    pub(crate) fn name(self, number: u64) -> String {
        match self {
            Self::Plain => "plain".to_owned(),
            Self::Linked => "linked".to_owned(),
            Self::New => format!("new-{number}"),
        }
    }
}

/// The content of a number, in which each part says whose it is.
pub(crate) fn content(number: u64) -> Vec<u8> {
    mark(number).repeat(4000).into_bytes()
}

/// A tenth of a thousandth of the content.
pub(crate) fn mark(number: u64) -> String {
    format!("<{number:08}>")
}

/// The program with its arguments, as a test starts it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer {
    pub(crate) way: Way,
    /// How many numbers it writes; none for no end.
    pub(crate) times: Option<u64>,
}

impl Writer {
    /// Every target, first when it is not there and then when it is.
    pub(crate) const fn new(way: Way) -> Self {
        Self {
            way,
            times: Some(6),
        }
    }

    pub(crate) fn command(self, folder: &Path) -> Command {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program
            .env(TOLD, "1")
            .arg(format!("{:?}", self.way))
            .arg(self.times.unwrap_or(0).to_string())
            .arg(folder);
        program
    }

    pub(crate) fn victim(self, folder: &Path) -> Victim {
        Victim::new(self.command(folder))
    }
}

/// Is the program, and never returns, if this process was started as it.
pub(crate) fn run_if_told() {
    if std::env::var_os(TOLD).is_none() {
        return;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [way, times, folder] = &arguments[..] else {
        panic!("{arguments:?}");
    };
    let way = named(way, &WAYS);
    let times = match times.parse().unwrap() {
        0 => u64::MAX,
        times => times,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(run(way, times, Path::new(folder)));
    // Waits for what an impatient writer of std's has left in its pool.
    drop(runtime);
    exit(0);
}

fn named<T: fmt::Debug + Copy>(name: &str, all: &[T]) -> T {
    let found = all.iter().find(|one| format!("{one:?}") == name);
    *found.unwrap_or_else(|| panic!("no {name:?}"))
}

async fn run(way: Way, times: u64, folder: &Path) {
    if way == Way::Successor {
        match sweep(folder).await {
            Ok(swept) => println!("{SWEPT} {swept}"),
            Err(error) => say(&error),
        }
        return one(Way::Right, folder, 0).await;
    }
    // If it can't be made, the replacement makes a file of this name, which is
    // as good for the check.
    std::os::unix::fs::symlink(Target::Linked.name(0), folder.join(LINK)).ok();
    for number in 1..times {
        one(way, folder, number).await;
    }
    println!("{ENDING}");
    let patient = match way {
        Way::Impatient => Way::Right,
        Way::ImpatientInPlace => Way::InPlace,
        way => way,
    };
    one(patient, folder, times).await;
    while let Err(error) = drained().await {
        say(&error);
    }
}

async fn one(way: Way, folder: &Path, number: u64) {
    if way == Way::Early {
        acknowledge(number);
    }
    let written = match way {
        Way::Impatient | Way::ImpatientInPlace => {
            let writing = put(way, folder, number);
            match tokio::time::timeout(PATIENCE, writing).await {
                Ok(written) => written,
                Err(_) => return println!("{GONE} {number}"),
            }
        }
        way => put(way, folder, number).await,
    };
    match written {
        Ok(()) if way == Way::Early => {}
        Ok(()) => acknowledge(number),
        Err(_) if way == Way::Deaf => acknowledge(number),
        Err(error) => say(&error),
    }
}

async fn put(way: Way, folder: &Path, number: u64) -> io::Result<()> {
    let target = Target::of(number);
    let path = folder.join(target.name(number));
    let content = content(number);
    match way {
        Way::InPlace => return write(path, content).await,
        Way::ImpatientInPlace => return std_write(path, content).await,
        Way::FolderUnsynced => {
            let file = temp_file().in_dir(folder).prefix(".aio-files-");
            let mut file = file.buffer(BUFFER).await?;
            file.write_all(&content).await?;
            file.sync_all().await?;
            return file.persist(path).await?.close().await;
        }
        _ => {}
    }
    let replace = match target {
        Target::Plain => replace(path),
        Target::Linked => replace(folder.join(LINK)).follow_link(),
        Target::New => replace(path).no_clobber(),
    };
    replace
        .buffer(BUFFER)
        .with(async |out| -> io::Result<_> { out.write_all(&content).await })
        .await
}

/// What an asynchronous program without this crate does.
async fn std_write(path: PathBuf, content: Vec<u8>) -> io::Result<()> {
    let written = tokio::task::spawn_blocking(move || fs::write(path, content));
    written.await.map_err(io::Error::other)?
}

fn acknowledge(number: u64) {
    println!("ack {number}");
}

fn say(error: &io::Error) {
    match PathError::of(error) {
        Some(inside) => println!(
            "{FAILED} {}|{}|{}",
            inside.verb(),
            inside.raw_os_error().unwrap_or(0),
            inside.path().display()
        ),
        None => println!("{FAILED} without a path: {error}"),
    }
}
