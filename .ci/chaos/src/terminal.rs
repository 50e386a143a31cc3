//! A terminal with a person at it, for programs that behave otherwise there.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

use crate::watchdog;

/// A terminal: what a program shows on it, and the keys under a person's fingers.
#[derive(Debug)]
pub struct Terminal {
    keys: File,
    shown: Receiver<Vec<u8>>,
    screen: String,
    /// The program's side; once it is gone, the program's exit hangs up.
    other: Option<File>,
}

#[expect(clippy::new_without_default, reason = "it asks the system for one")]
impl Terminal {
    /// A terminal that no program has yet.
    ///
    /// # Panics
    /// When the system has none.
    pub fn new() -> Terminal {
        // Programs of other tests must not keep it open.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keys = openpt(flags).expect("a terminal");
        grantpt(&keys).expect("a terminal of ours");
        unlockpt(&keys).expect("an unlocked terminal");
        let other = ioctl_tiocgptpeer(&keys, flags).expect("its other side");
        let keys = File::from(keys);
        let mut reader = keys.try_clone().expect("a second handle");
        let (show, shown) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // At the hang-up Linux answers EIO.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if show.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal {
            keys,
            shown,
            screen: String::new(),
            other: Some(other.into()),
        }
    }

    /// The terminal as a program's input or output.
    ///
    /// # Panics
    /// When there are no descriptors left.
    pub fn side(&self) -> Stdio {
        let other = self
            .other
            .as_ref()
            .expect("the terminal is not yet left alone");
        other.try_clone().expect("a handle for the program").into()
    }

    /// Starts a program with the terminal as input, output and error.
    ///
    /// # Panics
    /// When the program does not start.
    pub fn start(&self, program: &mut Command) -> std::process::Child {
        program
            .env("TERM", "xterm")
            .stdin(self.side())
            .stdout(self.side())
            .stderr(self.side())
            .spawn()
            .expect("the program starts")
    }

    /// Types these keys.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn press(&mut self, keys: &str) {
        self.keys
            .write_all(keys.as_bytes())
            .expect("the terminal listens");
    }

    /// Waits until a text has appeared.
    ///
    /// # Panics
    /// When it has not within [`watchdog::LIMIT`].
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        while !self.screen.contains(text) {
            match self.shown.recv_timeout(watchdog::LIMIT) {
                Ok(bytes) => self.screen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("no {text:?} on the screen: {:?}", self.screen),
            }
        }
    }

    /// Waits until the program is gone, and returns all that it has shown, with
    /// the terminal's `\r\n` as `\n`.
    ///
    /// # Panics
    /// When the program goes on for [`watchdog::LIMIT`] without a sign.
    #[track_caller]
    pub fn screen(mut self) -> String {
        self.other = None;
        loop {
            match self.shown.recv_timeout(watchdog::LIMIT) {
                Ok(bytes) => self.screen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Disconnected) => return self.screen.replace("\r\n", "\n"),
                Err(RecvTimeoutError::Timeout) => panic!("no end: {:?}", self.screen),
            }
        }
    }
}
