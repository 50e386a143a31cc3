//! The tasks that the tests call.

use std::fmt;
use std::future::pending;

use aio_pool::{Context, Never, Task, register, task};
use serde::de::Error as _;
use serde::ser::{Error as _, SerializeTuple as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::sync::Barrier;

use crate::line;

task! {
    /// Where this runs.
    pub(crate) async fn pid() -> u32 {
        std::process::id()
    }
}

task! {
    pub(crate) async fn nothing() {}
}

task! {
    pub(crate) async fn echo(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }
}

task! {
    pub(crate) async fn weigh(name: String, weights: Vec<u32>, unit: Option<char>) -> String {
        let sum: u32 = weights.iter().sum();
        // A `return` in the body leaves the task, not the program.
        let Some(unit) = unit else { return format!("{name}: {sum}") };
        format!("{name}: {sum} {unit}")
    }
}

/// An error of a task, with a value in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Overflow {
    pub(crate) at: u32,
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "overflow at {}", self.at)
    }
}

impl std::error::Error for Overflow {}

task! {
    pub(crate) async fn fib(n: u32) -> Result<u128, Overflow> {
        let (mut a, mut b) = (0_u128, 1_u128);
        for at in 0..n {
            (a, b) = (b, a.checked_add(b).ok_or(Overflow { at })?);
        }
        Ok(a)
    }
}

task! {
    /// The angle brackets at the end are one token.
    pub(crate) async fn nested(n: Vec<Option<u8>>) -> Result<Vec<Option<u8>>, Option<Vec<u8>>> {
        if n.is_empty() { Err(Some(vec![1])) } else { Ok(n) }
    }
}

task! {
    pub(crate) async fn panics(message: String) -> Vec<Option<u8>> {
        panic!("{message}")
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the bomb");
    }
}

task! {
    /// What it throws panics when it is dropped.
    pub(crate) async fn throws_a_bomb() {
        std::panic::panic_any(Bomb)
    }
}

task! {
    /// Panics when it is cancelled.
    pub(crate) async fn holds_a_bomb(line: String) {
        let _bomb = Bomb;
        let _line = line::call(&line);
        pending::<()>().await;
    }
}

task! {
    /// Comes back once `n` of its kind run in the same worker at the same time.
    pub(crate) async fn meet(n: usize) -> u32 {
        static MEETING: std::sync::OnceLock<Barrier> = std::sync::OnceLock::new();
        MEETING.get_or_init(|| Barrier::new(n)).wait().await;
        std::process::id()
    }
}

task! {
    /// Says that it has begun, and never ends.
    pub(crate) async fn hold(line: String) {
        let _line = line::call(&line);
        pending::<()>().await;
    }
}

task! {
    /// Says that it has begun, and never comes to an await.
    pub(crate) async fn spin(line: String) {
        let _line = line::call(&line);
        loop {
            std::hint::spin_loop();
        }
    }
}

task! {
    /// Comes to no await for so many milliseconds, then says where it ran.
    pub(crate) async fn compute(milliseconds: u64) -> u32 {
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_millis(milliseconds) {
            std::hint::spin_loop();
        }
        std::process::id()
    }
}

task! {
    /// Moves its worker to the group that another worker leads. That of the
    /// program would do as well, but may lie outside this namespace of processes.
    pub(crate) async fn leave_group(leader: u32) {
        let group = i32::try_from(leader).expect("a process id");
        let group = rustix::process::Pid::from_raw(group);
        rustix::process::setpgid(None, group).expect("the same session");
    }
}

task! {
    pub(crate) async fn exit(code: i32) {
        std::process::exit(code)
    }
}

task! {
    pub(crate) async fn abort() {
        std::process::abort()
    }
}

task! {
    /// Starts a process that outlives the task, and says which.
    pub(crate) async fn leave_behind() -> u32 {
        let child = std::process::Command::new("sleep").arg("1000").spawn();
        child.expect("sleep is everywhere").id()
    }
}

task! {
    /// The pid of a worker of a worker, which keeps its own pool open.
    pub(crate) async fn nested_pool(line: String) -> u32 {
        let pool = aio_pool::start().workers(1).await.expect("a pool in a worker");
        let pid = pool.call::<pid>(()).await.expect("its answer");
        tokio::spawn(pool.call::<spin>(line).into_future());
        std::mem::forget(pool);
        pid
    }
}

task! {
    /// How deep pools in tasks go, and what is said there.
    pub(crate) async fn dig(depth: u32) -> (u32, String) {
        // Far above what must stop it, far below what would hurt.
        if depth > 6 {
            return (depth, "no end".to_owned());
        }
        let pool = match aio_pool::start().workers(1).await {
            Ok(pool) => pool,
            Err(error) => return (depth, error.to_string()),
        };
        let deeper = Box::pin(pool.call::<dig>(depth + 1).into_future());
        deeper.await.expect("an answer")
    }
}

task! {
    /// Does again what `main` has done.
    pub(crate) async fn init_again() {
        aio_pool::init();
    }
}

task! {
    /// Says what stdin is.
    pub(crate) async fn stdin_is() -> String {
        let target = std::fs::read_link("/proc/self/fd/0").expect("a stdin");
        target.display().to_string()
    }
}

/// Serde code that refuses where it is told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Picky {
    Fine,
    NotWritten,
    NotRead,
}

impl Serialize for Picky {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fine => serializer.serialize_u8(0),
            Self::NotRead => serializer.serialize_u8(1),
            Self::NotWritten => Err(S::Error::custom("it will not be written")),
        }
    }
}

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(Self::Fine),
            _ => Err(D::Error::custom("it will not be read")),
        }
    }
}

task! {
    pub(crate) async fn take_picky(picky: Picky) -> u32 {
        let _ = picky;
        std::process::id()
    }
}

task! {
    pub(crate) async fn give_picky(readable: bool) -> Picky {
        if readable { Picky::NotWritten } else { Picky::NotRead }
    }
}

/// Written without recursion, and read with a stack frame for each level.
#[derive(Debug)]
pub(crate) struct Deep(pub(crate) usize);

#[derive(Debug, Deserialize)]
struct Level(Option<Box<Self>>);

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut levels = serializer.serialize_tuple(self.0 + 1)?;
        for _ in 0..self.0 {
            levels.serialize_element(&1_u8)?;
        }
        levels.serialize_element(&0_u8)?;
        levels.end()
    }
}

impl<'de> Deserialize<'de> for Deep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut level = Level::deserialize(deserializer)?;
        let mut levels = 0;
        while let Some(next) = level.0 {
            (level, levels) = (*next, levels + 1);
        }
        Ok(Self(levels))
    }
}

task! {
    pub(crate) async fn take_deep(deep: Deep) -> usize {
        deep.0
    }
}

task! {
    pub(crate) async fn give_deep(levels: usize) -> Deep {
        Deep(levels)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Untagged {
    Word(String),
    Number(u32),
}

task! {
    pub(crate) async fn untagged(value: Untagged) -> bool {
        matches!(value, Untagged::Number(_))
    }
}

/// So many bytes, made only while they are written.
#[derive(Debug)]
pub(crate) struct Bulk(pub(crate) usize);

impl Serialize for Bulk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&vec![7; self.0])
    }
}

impl<'de> Deserialize<'de> for Bulk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(|bytes| Self(bytes.len()))
    }
}

task! {
    pub(crate) async fn take_bulk(bulk: Bulk) -> usize {
        bulk.0
    }
}

task! {
    pub(crate) async fn give_bulk(bytes: usize) -> Bulk {
        Bulk(bytes)
    }
}

/// A task by hand, with a name of its own.
pub(crate) enum Shout {}

impl Task for Shout {
    const NAME: &'static str = "tests/shout";
    type Input = String;
    type Output = String;
    type Error = Never;

    async fn run(_: Context, text: String) -> Result<String, Never> {
        Ok(text.to_uppercase())
    }
}

register!(Shout);

/// A task that nobody registered.
pub(crate) enum Stranger {}

impl Task for Stranger {
    const NAME: &'static str = "tests/stranger";
    type Input = ();
    type Output = ();
    type Error = Never;

    async fn run(_: Context, (): ()) -> Result<(), Never> {
        Ok(())
    }
}
