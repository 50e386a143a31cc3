//! A fresh folder, and the program run in it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use aio_sqlite::{Connection, FromRow};
use chaos::watchdog;
use tempfile::TempDir;

use crate::runtime::block_on;

/// A folder of its own for one test.
pub(crate) struct Folder(TempDir);

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Run {
        Run {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            err: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// What it printed, where all went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""));
        self.out
    }

    /// The one line of its error, where it failed without a result.
    #[track_caller]
    pub(crate) fn error(self) -> String {
        assert_eq!(
            (self.code, self.out.as_str()),
            (Some(1), ""),
            "{}",
            self.err
        );
        assert_eq!(self.err.matches('\n').count(), 1, "{}", self.err);
        self.err
    }

    /// What it says of a wrong command line.
    #[track_caller]
    pub(crate) fn usage(self) -> String {
        assert_eq!(
            (self.code, self.out.as_str()),
            (Some(2), ""),
            "{}",
            self.err
        );
        self.err
    }
}

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, to be run here.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut program = self.program_of(env!("CARGO_BIN_EXE_message-store"));
        program.args(args);
        program
    }

    /// Another program, to be run here.
    pub(crate) fn program_of(&self, name: &str) -> Command {
        let mut program = Command::new(name);
        program
            .current_dir(self.0.path())
            .env_remove("MESSAGE_STORE_DB")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        program
    }

    /// Runs the program without input.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        end(self.program(args).spawn().expect("the program starts"))
    }

    /// Runs the program with a pipe as its input.
    #[track_caller]
    pub(crate) fn pipe(&self, args: &[&str], input: impl Into<Vec<u8>>) -> Run {
        let mut child = self
            .program(args)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.into();
        // On a thread, since the program may print more than a pipe holds
        // before it reads on. It may also end without reading.
        let writer = thread::spawn(move || drop(stdin.write_all(&input)));
        let run = end(child);
        writer.join().expect("the writer ends");
        run
    }

    /// Sends a message, and returns what is printed.
    #[track_caller]
    pub(crate) fn send(&self, from: &str, to: &str, text: &str) -> String {
        self.run(&["send", "--from", from, "--to", to, "--", text])
            .ok()
    }

    /// Runs SQL on a file, behind the program's back.
    pub(crate) fn sql(&self, name: &str, script: &str) {
        self.with(name, async |db| db.execute_script(script).await);
    }

    /// Reads one value from a file.
    pub(crate) fn value<T: FromRow>(&self, name: &str, sql: &str) -> T {
        self.with(name, async |db| db.query_as(sql, ()).one().await)
    }

    /// Works on a file with aio-sqlite.
    pub(crate) fn with<T>(
        &self,
        name: &str,
        body: impl AsyncFnOnce(&mut Connection) -> aio_sqlite::Result<T>,
    ) -> T {
        self.try_with(name, body).expect("the SQL is right")
    }

    /// Works on a file with aio-sqlite, where it may be refused.
    pub(crate) fn try_with<T>(
        &self,
        name: &str,
        body: impl AsyncFnOnce(&mut Connection) -> aio_sqlite::Result<T>,
    ) -> aio_sqlite::Result<T> {
        block_on(aio_sqlite::connect(self.path(name)).with(body))
    }

    /// Makes a store of so many messages, from 10 senders in turn.
    pub(crate) fn fill(&self, messages: usize) {
        self.run(&[]).ok();
        // By one statement, so that the index is written once for all of them.
        let script = format!(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {messages})
             INSERT INTO messages(sender, recipient, body)
             SELECT 'sender ' || (n % 10), 'all', 'text ' || n FROM n"
        );
        self.sql("messages.db", &script);
    }
}

/// Waits for the end of a program, and fails if it hangs.
#[track_caller]
pub(crate) fn end(child: Child) -> Run {
    watchdog::closure("message-store", move || {
        Run::of(child.wait_with_output().expect("the program is waited for"))
    })
}
