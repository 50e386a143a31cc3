//! Power cuts: a program writes to a real file system, and its power is cut.
//!
//! A kill leaves what was written to the kernel; a power cut takes what no sync
//! has brought to the disk. The file system is a real ext4 or xfs on a loop
//! device. Its own shutdown request stops it at a random time without flushing
//! its log; then it is mounted again, recovers, and is looked at. Only what was
//! acknowledged *before* the cut counts. It needs root.
//!
//! ```no_run
//! use chaos::power::{self, FileSystem};
//!
//! if power::skips() {
//!     return;
//! }
//! let report = power::cuts("writer", FileSystem::Ext4).run(
//!     |folder| {
//!         let mut program = std::process::Command::new("writer");
//!         program.arg(folder);
//!         program
//!     },
//!     |after| after.acks.iter().filter(|ack| !after.folder.join(ack.to_string()).exists()).count(),
//! );
//! assert_eq!(report.lost, 0);
//! ```

mod disk;

use std::fmt;
use std::fs;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::acks;
use crate::dice::Dice;
use crate::inject::Victim;
use crate::process::{Gathered, Process};
use crate::skip;
use crate::watchdog::LIMIT;
use disk::Disk;

/// How many cuts a test makes when `AIO_CUTS` does not say another number.
const CUTS: usize = 5;

/// The length of a disk, of which only what is written takes room. No xfs is shorter.
const SIZE: u64 = 300 << 20;

/// The cut comes so long after the first acknowledgement.
const EARLIEST: Duration = Duration::from_millis(10);
const LATEST: Duration = Duration::from_millis(120);

/// What is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// The usual one of Debian.
    Ext4,
    /// The usual one of Red Hat.
    Xfs,
}

impl FileSystem {
    /// All of them.
    pub const ALL: [FileSystem; 2] = [FileSystem::Ext4, FileSystem::Xfs];

    /// Its name for `mount`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FileSystem::Ext4 => "ext4",
            FileSystem::Xfs => "xfs",
        }
    }

    /// The program that makes one.
    fn maker(self) -> (&'static str, [&'static str; 2]) {
        match self {
            FileSystem::Ext4 => ("mkfs.ext4", ["-q", "-F"]),
            FileSystem::Xfs => ("mkfs.xfs", ["-q", "-f"]),
        }
    }
}

/// Why there are no cuts here.
#[derive(Debug, Clone)]
enum Lacking {
    /// Something that can be installed.
    Tool(String),
    /// A right or a device.
    Right(String),
}

/// Says whether the power can't be cut here, and if so says why on standard error.
///
/// # Panics
/// Under `AIO_REQUIRE_ALL`, when a program is missing that root could install.
/// Rights and devices can't be installed, so that a lack of those only skips.
#[must_use]
pub fn skips() -> bool {
    static LACKING: OnceLock<Option<Lacking>> = OnceLock::new();
    match LACKING.get_or_init(lacking) {
        None => return false,
        Some(Lacking::Tool(why)) => skip::because(why),
        Some(Lacking::Right(why)) => skip::say(why),
    }
    true
}

fn lacking() -> Option<Lacking> {
    if !rustix::process::geteuid().is_root() {
        return Some(Lacking::Right("a power cut needs root".into()));
    }
    for kind in FileSystem::ALL {
        let (maker, _) = kind.maker();
        if !disk::is_installed(maker) {
            return Some(Lacking::Tool(format!("a power cut needs {maker}")));
        }
    }
    let tried = apart(|| {
        FileSystem::ALL
            .into_iter()
            .try_for_each(|kind| Disk::new(kind)?.cut())
    });
    tried
        .err()
        .map(|error| Lacking::Right(format!("no power cuts: {error}")))
}

/// Runs a closure on a thread with mounts of its own.
fn apart<T: Send>(run: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            disk::enter_namespace()?;
            run()
        });
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Starts the power cuts of a program; the name is printed.
#[must_use = "nothing is cut before `.run(…)`"]
pub fn cuts(name: impl Into<String>, file_system: FileSystem) -> Cuts {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    Cuts {
        name: name.into(),
        file_system,
        times: number("AIO_CUTS").map_or(CUTS, |times| times as usize),
        seed: number("AIO_SEED").unwrap_or_else(|| u64::from(std::process::id())),
        syncs: Syncs::Made,
    }
}

/// Power cuts to be made: a builder that does nothing before [`run`](Cuts::run).
#[derive(Debug, Clone)]
#[must_use = "nothing is cut before `.run(…)`"]
pub struct Cuts {
    name: String,
    file_system: FileSystem,
    times: usize,
    seed: u64,
    syncs: Syncs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syncs {
    Made,
    Feigned,
}

/// What is there after a power cut, for the check.
#[derive(Debug)]
#[non_exhaustive]
pub struct After {
    /// The folder that the program was given, on the recovered file system.
    pub folder: PathBuf,
    /// What had been acknowledged before the cut.
    pub acks: Vec<u64>,
    /// The number of the cut, from 1.
    pub cut: usize,
}

/// What came of all cuts; displayed as the line that is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    name: String,
    file_system: FileSystem,
    seed: u64,
    /// How many cuts were made.
    pub cuts: usize,
    /// How many acknowledgements came before them.
    pub acks: usize,
    /// How many of those the check found lost.
    pub lost: usize,
    /// How many cuts lost something.
    pub losing: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cuts={} acks={} lost={} losing={} seed={} fs={} op={}",
            self.cuts,
            self.acks,
            self.lost,
            self.losing,
            self.seed,
            self.file_system.name(),
            self.name
        )
    }
}

impl Cuts {
    /// Says how many cuts are made; default: `AIO_CUTS` of the environment, or 5.
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Says from which seed the times of the cuts come; default: `AIO_SEED`, or
    /// the number of the process.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Answers the program's syncs without making them: the control, which must lose.
    pub fn without_sync(mut self) -> Self {
        self.syncs = Syncs::Feigned;
        self
    }

    /// Makes the cuts. Each starts the program with a folder of its own, in which
    /// it writes and acknowledges until its power is cut.
    ///
    /// The check says how many acknowledgements were lost, and panics about
    /// what may not be there at all. The program and the check must stay below
    /// the calling thread: what is mounted is seen by the threads and processes
    /// that they start, and by nobody else.
    ///
    /// # Panics
    /// With the check's own panic; when the program ends before the cut, or
    /// acknowledges nothing; when the system refuses a step.
    pub fn run(
        self,
        program: impl Fn(&Path) -> Command + Send,
        check: impl Fn(&After) -> usize + Send,
    ) -> Report {
        let report = apart(|| self.make(program, check)).unwrap_or_else(|error| {
            panic!("{} on {}: {error}", self.name, self.file_system.name())
        });
        println!("{report}");
        report
    }

    fn make(
        &self,
        program: impl Fn(&Path) -> Command,
        check: impl Fn(&After) -> usize,
    ) -> io::Result<Report> {
        let mut disk = Disk::new(self.file_system)?;
        let mut dice = Dice::new(self.seed);
        let mut report = Report {
            name: self.name.clone(),
            file_system: self.file_system,
            seed: self.seed,
            cuts: 0,
            acks: 0,
            lost: 0,
            losing: 0,
        };
        while report.cuts < self.times {
            report.cuts += 1;
            let folder = disk.path().join(report.cuts.to_string());
            fs::create_dir(&folder)?;
            disk.sync()?;
            let span = (LATEST - EARLIEST).as_micros() as u64;
            let wait = EARLIEST + Duration::from_micros(dice.below(span));
            let acks = self.cut(&disk, program(&folder), wait)?;
            disk.restart()?;
            let after = After {
                folder,
                acks,
                cut: report.cuts,
            };
            let lost = check(&after);
            report.acks += after.acks.len();
            report.lost += lost;
            report.losing += usize::from(lost > 0);
            fs::remove_dir_all(&after.folder)?;
        }
        Ok(report)
    }

    /// One cut: returns what was acknowledged before it.
    fn cut(&self, disk: &Disk, program: Command, wait: Duration) -> io::Result<Vec<u64>> {
        let what = format!("{program:?}");
        let writer = match self.syncs {
            Syncs::Made => Writer::Plain(Process::spawn(program)?),
            Syncs::Feigned => Writer::Injected(Victim::new(program).without_sync().start()?),
        };
        let begun = writer
            .stdout()
            .wait_for(LIMIT, |said| !acks::read(said).is_empty());
        // Not a wait for anything: the time is what is random about the cut.
        std::thread::sleep(wait);
        // First what was acknowledged, then the cut: the other way round, what is
        // acknowledged between the two would count, and be lost rightly.
        let acks = acks::read(&writer.stdout().so_far());
        let ended = writer.stdout().is_over();
        disk.cut()?;
        let (stdout, stderr) = writer.end()?;
        assert!(
            begun && !ended,
            "{what} {} before its power was cut\n{}{}",
            if begun {
                "ended"
            } else {
                "acknowledged nothing"
            },
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr),
        );
        Ok(acks)
    }
}

/// The program, under the injector or not.
enum Writer {
    Plain(Process),
    Injected(crate::inject::Running),
}

impl Writer {
    fn stdout(&self) -> &Gathered {
        match self {
            Writer::Plain(process) => &process.stdout,
            Writer::Injected(running) => running.gathered(),
        }
    }

    /// Kills it, and waits until it has let go of the disk.
    fn end(self) -> io::Result<(Vec<u8>, Vec<u8>)> {
        match self {
            Writer::Plain(mut process) => {
                process.kill();
                let ended = process.wait_within(LIMIT)?;
                ended.ok_or(io::ErrorKind::TimedOut)?;
                Ok(process.output())
            }
            Writer::Injected(mut running) => {
                running.kill();
                let run = running.wait();
                Ok((run.stdout, run.stderr))
            }
        }
    }
}
