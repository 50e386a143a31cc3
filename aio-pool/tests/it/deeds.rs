//! The tasks by which the tests do harm, and what they need to see that none
//! came of it.

use std::fmt;
use std::io::{ErrorKind, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use aio_pool::{Exit, task};
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::forge::own_socket;
use crate::line;

/// How a process ends itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    Abort,
    Segfault,
    StackOverflow,
    Exit(i32),
    Kill,
    OutOfMemory,
}

impl Way {
    pub(crate) const ALL: [Self; 7] = [
        Self::Abort,
        Self::Segfault,
        Self::StackOverflow,
        Self::Exit(0),
        Self::Exit(42),
        Self::Kill,
        Self::OutOfMemory,
    ];

    /// What is seen of it from outside.
    pub(crate) fn exit(self) -> Exit {
        match self {
            // Rust answers an overflow and an allocation that fails by aborting.
            Self::Abort | Self::StackOverflow | Self::OutOfMemory => Exit::Signal(6),
            Self::Segfault => Exit::Signal(11),
            Self::Exit(code) => Exit::Code(code),
            Self::Kill => Exit::Signal(9),
        }
    }

    pub(crate) fn die(self) -> ! {
        match self {
            Self::Abort => std::process::abort(),
            Self::Segfault => segfault(),
            Self::StackOverflow => {
                hush();
                std::hint::black_box(deeper(1));
            }
            Self::Exit(code) => std::process::exit(code),
            Self::Kill => kill_process(getpid(), Signal::KILL).expect("an end"),
            Self::OutOfMemory => {
                hush();
                let little = Some(1 << 20);
                let limit = Rlimit {
                    current: little,
                    maximum: little,
                };
                setrlimit(Resource::As, limit).expect("a lower limit");
                std::hint::black_box(vec![7_u8; 1 << 30]);
            }
        }
        loop {
            std::thread::park();
        }
    }
}

/// What Rust says about such an end is right, and would only be noise here.
fn hush() {
    let nowhere = std::fs::OpenOptions::new().write(true).open("/dev/null");
    rustix::stdio::dup2_stderr(nowhere.expect("/dev/null")).expect("a stderr");
}

fn segfault() -> ! {
    let nowhere = std::ptr::without_provenance_mut::<u8>(16);
    #[expect(unsafe_code, reason = "a wild write is what is to be survived")]
    // SAFETY: none. The first page is never mapped, so the kernel ends this
    // process in this instruction.
    unsafe {
        nowhere.write_volatile(1);
    }
    unreachable!("memory at address 16")
}

#[expect(
    unconditional_recursion,
    reason = "without end is what it is called for"
)]
fn deeper(level: u64) -> u64 {
    let here = std::hint::black_box([level; 64]);
    deeper(level + 1) + here[7]
}

task! {
    pub(crate) async fn die(way: Way) {
        way.die()
    }
}

task! {
    /// Leaves something behind in its worker that kills it once the test hangs up.
    pub(crate) async fn arm(way: Way, line: String) -> u32 {
        let mut stream = line::call(&line);
        std::thread::spawn(move || {
            // It says nothing, so whatever this is, it is the end.
            let _ = stream.read(&mut [0]);
            way.die()
        });
        std::process::id()
    }
}

task! {
    /// Leaves something behind in its worker that kills it once it has grown by
    /// so many bytes. The pages of code that come with its answer do not count.
    pub(crate) async fn arm_for_growth(way: Way, bytes: u64) -> u32 {
        let start = status("RssAnon:");
        std::thread::spawn(move || {
            while status("RssAnon:") < start + bytes {
                std::hint::spin_loop();
            }
            way.die()
        });
        std::process::id()
    }
}

task! {
    /// Leaves something behind in its worker that kills it once more is on its
    /// way to the parent than a short answer.
    pub(crate) async fn arm_for_output(way: Way) -> u32 {
        let socket = own_socket();
        std::thread::spawn(move || {
            while unread(&socket) < 64 << 10 {
                std::hint::spin_loop();
            }
            way.die()
        });
        std::process::id()
    }
}

task! {
    /// Leaves something behind in its worker that kills it while it ends.
    pub(crate) async fn arm_at_exit(way: Way) -> u32 {
        ARMED.set(way).expect("nobody else has");
        #[expect(unsafe_code, reason = "no safe function runs code at the exit of a process")]
        // SAFETY: the function is static, and unwinds nowhere.
        let armed = unsafe { libc::atexit(die_armed) };
        assert_eq!(armed, 0, "no room");
        std::process::id()
    }
}

static ARMED: OnceLock<Way> = OnceLock::new();

extern "C" fn die_armed() {
    match ARMED.get() {
        // An exit within an exit is none.
        Some(Way::Exit(code)) => {
            #[expect(unsafe_code, reason = "no safe function ends a process at once")]
            // SAFETY: it takes a number and does not come back.
            unsafe {
                libc::_exit(*code)
            }
        }
        Some(way) => way.die(),
        None => {}
    }
}

/// So many bytes of memory hold what the other end has not read.
fn unread(socket: &UnixStream) -> i32 {
    let mut bytes = 0;
    #[expect(unsafe_code, reason = "no safe function asks a socket this")]
    // SAFETY: the descriptor is open, and the request writes one `int`.
    let asked = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    assert_eq!(asked, 0, "{}", std::io::Error::last_os_error());
    bytes
}

task! {
    /// Comes to no await, and dies once the test hangs up.
    pub(crate) async fn compute_until_told(way: Way, line: String) {
        let mut stream = line::call(&line);
        stream.set_nonblocking(true).expect("a socket");
        while pending(&mut stream) {
            std::hint::spin_loop();
        }
        way.die()
    }
}

/// Says that a task has begun, and waits until the test hangs up.
pub(crate) async fn until_told(line: &str) {
    let stream = line::call(line);
    stream.set_nonblocking(true).expect("a socket");
    let mut stream = tokio::net::UnixStream::from_std(stream).expect("a runtime");
    let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0]).await;
}

task! {
    /// Waits until the test hangs up, and says where.
    pub(crate) async fn finish_when_told(line: String) -> u32 {
        until_told(&line).await;
        std::process::id()
    }
}

fn pending(stream: &mut UnixStream) -> bool {
    stream
        .read(&mut [0])
        .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

task! {
    /// Lets its neighbours run so often.
    pub(crate) async fn give_way(times: u64) {
        for _ in 0..times {
            tokio::task::yield_now().await;
        }
    }
}

/// What a chore is about.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Chore {
    Nothing,
    /// Asleep for so many microseconds.
    Nap(u64),
    /// Busy for so many microseconds.
    Compute(u64),
    /// Its own error.
    Refuse,
    Panic,
    Die(Way),
}

/// The error of a chore: which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused(pub(crate) u64);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chore {} is refused", self.0)
    }
}

impl std::error::Error for Refused {}

task! {
    /// Does it, and says which it was, whatever the answer is; its ballast
    /// comes back.
    pub(crate) async fn do_chore(number: u64, chore: Chore, ballast: Blob) -> Result<(u64, Blob), Refused> {
        match chore {
            Chore::Nothing => {}
            Chore::Nap(micros) => {
                // not a wait: what the task is about
                tokio::time::sleep(Duration::from_micros(micros)).await;
            }
            Chore::Compute(micros) => {
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_micros(micros) {
                    std::hint::spin_loop();
                }
            }
            Chore::Refuse => return Err(Refused(number)),
            // Without the hook, which would print each of some hundred.
            Chore::Panic => std::panic::resume_unwind(Box::new(number.to_string())),
            Chore::Die(way) => way.die(),
        }
        Ok((number, ballast))
    }
}

/// Many bytes that cross as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl Blob {
    /// No two pieces of it are the same, as far as pieces of any power of two go.
    pub(crate) fn patterned(bytes: usize) -> Self {
        let block: Vec<u8> = (0..251_u8).cycle().take(251 * 257).collect();
        let mut blob = block.repeat(bytes / block.len() + 1);
        blob.truncate(bytes);
        Self(blob)
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Blob;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

task! {
    /// Where it was taken, and whether it is as it was made.
    pub(crate) async fn take_blob(blob: Blob) -> (u32, bool) {
        let whole = blob == Blob::patterned(blob.0.len());
        (std::process::id(), whole)
    }
}

task! {
    pub(crate) async fn give_blob(bytes: usize) -> Blob {
        Blob::patterned(bytes)
    }
}

task! {
    pub(crate) async fn return_blob(blob: Blob) -> Blob {
        blob
    }
}

/// The bytes of this process that are in memory.
pub(crate) fn resident() -> u64 {
    status("VmRSS:")
}

/// The same, without what it shares with a file.
pub(crate) fn anonymous() -> u64 {
    status("RssAnon:")
}

/// The most that it ever had there, or since [`forget_peak`].
pub(crate) fn peak() -> u64 {
    status("VmHWM:")
}

pub(crate) fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("a process of our own");
}

fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("its state");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kilobytes
        .and_then(|number| number.parse::<u64>().ok())
        .expect("a number")
        << 10
}

/// A number and what it stands for.
pub(crate) type Descriptors = Vec<(i32, String)>;

/// What this process has open.
pub(crate) fn descriptors() -> Descriptors {
    descriptors_of("self")
}

/// What a process has open; it is named as in `/proc`.
pub(crate) fn descriptors_of(process: &str) -> Descriptors {
    let list = std::fs::read_dir(format!("/proc/{process}/fd")).expect("descriptors");
    let mut descriptors: Descriptors = list
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            let target = std::fs::read_link(entry.path()).ok()?;
            Some((number, target.display().to_string()))
        })
        // What the list itself is read from.
        .filter(|(_, target)| !target.ends_with("/fd"))
        .collect();
    descriptors.sort_unstable();
    descriptors
}

/// The living workers of a process.
pub(crate) fn workers_of(parent: u32) -> Vec<u32> {
    children_of(parent)
        .into_iter()
        .filter(|child| {
            // One that is dead has no arguments any more.
            let words = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&words).contains("--aio-pool-worker=")
        })
        .collect()
}

/// The children of all threads of a process, dead ones too.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    std::fs::read_dir(format!("/proc/{parent}/task"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| {
            let pids = list.split_whitespace();
            pids.map(|pid| pid.parse().expect("a pid"))
                .collect::<Vec<u32>>()
        })
        .collect()
}

/// Waits for something that nobody tells, while the runtime goes on.
pub(crate) async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(
            begun.elapsed() < chaos::watchdog::LIMIT,
            "never came: {what}"
        );
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
}

/// Waits until a process has ended: dead, if not reaped.
pub(crate) async fn ended(pid: u32) {
    until("the end of a process", || !is_alive(pid)).await;
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().unwrap_or_default();
    !state.is_empty() && !state.starts_with(['Z', 'X'])
}

/// A program of its own: this executable, told by a variable to be another.
const PROGRAM: &str = "AIO_POOL_TEST_DEED";

pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.env(PROGRAM, name);
    command
}

/// A child of a test, which does not outlive it.
pub(crate) struct Kept(pub(crate) Child);

impl Drop for Kept {
    fn drop(&mut self) {
        // It has ended, or the test has failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The name of the program that this process is to be.
pub(crate) fn told() -> Option<String> {
    std::env::var(PROGRAM).ok()
}

pub(crate) fn is_worker() -> bool {
    std::env::args().any(|argument| argument.starts_with("--aio-pool-worker="))
}
