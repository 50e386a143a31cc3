//! A process exits when its `main` returns, with a connection open and a
//! transaction half done, and what was acknowledged is in the file.
//!
//! It needs a `main` of its own, so it has no test harness, but answers the two
//! questions that test runners ask one.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps says what it expects"
)]

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use aio_sqlite::{Connection, Transaction, connect};

const NAME: &str = "main_returns_with_a_connection_open";
const FILE: &str = "AIO_SQLITE_EXIT_DB";

/// Never dropped: the connection is open, and in a transaction, when `main`
/// returns.
static OPEN: OnceLock<(Connection, Transaction)> = OnceLock::new();

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |option: &str| arguments.iter().any(|argument| argument == option);
    if let Some(path) = std::env::var_os(FILE) {
        return leave_open(Path::new(&path));
    }
    if asked("--list") {
        if !asked("--ignored") {
            println!("{NAME}: test");
        }
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("exit.db");
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.env(FILE, &path);
    let output = chaos::watchdog::closure("a process with a connection open", move || {
        program.output().unwrap()
    });
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"acknowledged\n", "{output:?}");
    let raw = rusqlite::Connection::open(&path).unwrap();
    let rows: i64 = raw
        .query_one("SELECT count(*) FROM t", (), |row| row.get(0))
        .unwrap();
    assert_eq!(
        rows, 2,
        "what was acknowledged, and nothing of the transaction"
    );
    println!("test {NAME} ... ok\n\ntest result: ok. 1 passed; 0 failed");
}

fn leave_open(path: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let db = connect(path).await.unwrap();
        db.execute("CREATE TABLE t(n)", ()).await.unwrap();
        db.execute("INSERT INTO t VALUES (1), (2)", ())
            .await
            .unwrap();
        let tx = db.begin().await.unwrap();
        tx.execute("DELETE FROM t", ()).await.unwrap();
        assert!(OPEN.set((db, tx)).is_ok());
    });
    println!("acknowledged");
}
