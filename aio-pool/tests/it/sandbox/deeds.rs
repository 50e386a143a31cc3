//! What tasks try in a cage, and what came of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use aio_pool::task;
use rustix::process::{getppid, test_kill_process};
use serde::{Deserialize, Serialize};

/// "Operation not permitted": the filter's answer to what it knows.
pub(super) const EPERM: i32 = 1;
/// "Permission denied": Landlock's answer.
pub(super) const EACCES: i32 = 13;
/// "Function not implemented": the filter's answer to what it does not know.
pub(super) const ENOSYS: i32 = 38;

/// Something that a process outside can do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Deed {
    Open(String),
    /// On a thread that is started for it.
    OpenLater(String),
    /// By the blocking threads of the runtime.
    OpenAside(String),
    List(String),
    Ask(String),
    Create(String),
    /// Opened to be read, it would be emptied.
    Empty(String),
    Append(String),
    MakeFolder(String),
    Rename(String, String),
    Remove(String),
    /// Its rights, through a descriptor that is open.
    ForbidToWrite(String),
    ConnectTcp(std::net::SocketAddr),
    ConnectToName(String),
    BindUdp,
    PairDatagrams,
    Spawn,
    SignalTheProgram,
}

impl Deed {
    pub(super) async fn done(self) -> io::Result<()> {
        match self {
            Self::Open(path) => File::open(path).and_then(|mut file| file.read(&mut [0]).map(drop)),
            Self::OpenLater(path) => std::thread::spawn(|| File::open(path).map(drop))
                .join()
                .expect("no panic"),
            Self::OpenAside(path) => tokio::task::spawn_blocking(|| File::open(path).map(drop))
                .await
                .expect("no panic"),
            Self::List(path) => fs::read_dir(path).map(drop),
            Self::Ask(path) => fs::metadata(path).map(drop),
            Self::Create(path) => File::create(path).and_then(|mut file| file.write_all(b"new")),
            Self::Empty(path) => raw(
                libc::SYS_openat,
                [
                    libc::AT_FDCWD as usize,
                    std::ffi::CString::new(path)?.as_ptr() as usize,
                    (libc::O_RDONLY | libc::O_TRUNC) as usize,
                    0,
                    0,
                ],
            ),
            Self::Append(path) => OpenOptions::new()
                .append(true)
                .open(path)
                .and_then(|mut file| file.write_all(b"more")),
            Self::MakeFolder(path) => fs::create_dir(path),
            Self::Rename(from, to) => fs::rename(from, to),
            Self::Remove(path) => fs::remove_file(path),
            Self::ForbidToWrite(path) => File::open(path).and_then(|file| {
                let mut rights = file.metadata()?.permissions();
                rights.set_readonly(true);
                file.set_permissions(rights)
            }),
            Self::ConnectTcp(address) => TcpStream::connect(address).map(drop),
            Self::ConnectToName(name) => {
                UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?).map(drop)
            }
            Self::BindUdp => UdpSocket::bind("127.0.0.1:0").map(drop),
            Self::PairDatagrams => UnixDatagram::pair().map(drop),
            Self::Spawn => Command::new("true").status().map(drop),
            Self::SignalTheProgram => {
                test_kill_process(getppid().expect("a parent")).map_err(Into::into)
            }
        }
    }
}

/// What kept it from being done.
pub(super) fn errno(done: io::Result<()>) -> Option<i32> {
    done.err().map(|error| error.raw_os_error().unwrap_or(-1))
}

/// A system call that no safe function of ours makes.
pub(super) fn raw(call: i64, arguments: [usize; 5]) -> io::Result<()> {
    let [a, b, c, d, e] = arguments;
    #[expect(unsafe_code, reason = "past the library, as an attacker would")]
    // SAFETY: pointers among the arguments are null or live until it returns,
    // and no call here changes memory.
    let answer = unsafe { libc::syscall(call, a, b, c, d, e) };
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

task! {
    pub(super) async fn do_all(deeds: Vec<Deed>) -> Vec<Option<i32>> {
        let mut errors = Vec::new();
        for deed in deeds {
            errors.push(errno(deed.done().await));
        }
        errors
    }
}

task! {
    pub(super) async fn call_all(calls: Vec<(i64, [usize; 5])>) -> Vec<Option<i32>> {
        calls.into_iter().map(|(call, arguments)| errno(raw(call, arguments))).collect()
    }
}

task! {
    /// Becomes another program. Comes back only if it cannot.
    pub(super) async fn execute() -> Option<i32> {
        errno(Err(Command::new("true").exec()))
    }
}

task! {
    /// Threads, timers, pipes, memory, a clock and chance.
    pub(super) async fn live() -> u64 {
        let (mut near, mut far) = tokio::net::UnixStream::pair().expect("a pair");
        let written = tokio::io::AsyncWriteExt::write_all(&mut near, &[7; 8]);
        written.await.expect("room");
        let read = tokio::io::AsyncReadExt::read_u64(&mut far).await.expect("eight bytes");
        let aside = tokio::task::spawn_blocking(|| vec![1_u8; 20 << 20].len() as u64);
        let aside = aside.await.expect("no panic");
        // not a wait: it is a timer in the cage that is tried.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let later = std::thread::Builder::new().name("later".to_owned());
        let later = later.spawn(|| std::collections::HashMap::from([(1, 2_u64)])[&1]);
        println!("{:?} {:?}", std::time::SystemTime::now(), std::thread::available_parallelism());
        read + aside + later.expect("a thread").join().expect("no panic")
    }
}
