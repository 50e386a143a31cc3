//! A package outside the workspace, built and run as its owner would.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A package that is removed at the end, with the repository beside it as `aio`.
///
/// Its dependencies have the versions that the workspace was tested with, and
/// nothing is fetched.
#[derive(Debug)]
pub struct Package {
    parent: PathBuf,
    target: PathBuf,
}

impl Package {
    /// Makes a package without a source file. It is built in `alone`, beside what
    /// the workspace builds, so that all packages share what they have in common;
    /// `target_tmpdir` is the caller's `env!("CARGO_TARGET_TMPDIR")`.
    ///
    /// # Panics
    /// When it can't be written.
    #[must_use]
    pub fn new(name: &str, target_tmpdir: &str) -> Self {
        // One crate may be followed by several tests of this process at a time.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let unique = format!("alone-{name}-{}-{number}", std::process::id());
        let package = Self {
            parent: std::env::temp_dir().join(unique),
            target: Path::new(target_tmpdir).join("../alone"),
        };
        fs::create_dir_all(package.folder()).expect("a temporary folder");
        symlink(root(), package.parent.join("aio")).expect("a new link");
        package.write(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"{name}-alone\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"
            ),
        );
        let lock = fs::read_to_string(root().join("Cargo.lock")).expect("a Cargo.lock");
        package.write("Cargo.lock", &lock);
        package
    }

    /// Makes the package that lies in a folder of `.ci/chaos/fixtures`.
    ///
    /// # Panics
    /// When it can't be copied.
    #[must_use]
    pub fn fixture(name: &str, target_tmpdir: &str) -> Self {
        let package = Self::new(name, target_tmpdir);
        let from = root().join(".ci/chaos/fixtures").join(name);
        copy(&from, &package.folder());
        package
    }

    /// Where the package is.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.parent.join("app")
    }

    /// Writes a file of the package.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.folder().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder of the package");
        fs::write(path, text).expect("a file of the package");
    }

    /// The shell that runs a line as printed, in the package.
    #[must_use]
    pub fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", line])
            .current_dir(self.folder())
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", &self.target);
        shell
    }

    /// Runs a line as printed, and returns its output.
    ///
    /// # Panics
    /// When it fails.
    pub fn sh(&self, line: &str) -> String {
        succeeded(line, &self.shell(line).output().expect("a shell"))
    }
}

/// What a line that succeeded has printed.
///
/// # Panics
/// When it has not.
pub fn succeeded(line: &str, output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "`{line}` ends with {}\n{stdout}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}

impl Drop for Package {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.parent).ok();
    }
}

/// The repository.
///
/// # Panics
/// When it is gone.
#[must_use]
pub fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .expect("the repository that this was built in")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a temporary folder");
    for entry in fs::read_dir(from).expect("a fixture") {
        let entry = entry.expect("a file of a fixture");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("its kind").is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy of a file");
        }
    }
}
