//! The files of the repository, or of a fixture.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the bad examples live, which the repository's own run leaves out.
const FIXTURES: &str = ".ci/chaos/fixtures/";

/// A root folder and the paths below it that count.
pub(crate) struct Tree {
    root: PathBuf,
    files: Vec<String>,
}

impl Tree {
    /// This repository, as git sees it: tracked files and new ones that are not ignored.
    pub(crate) fn repository() -> Self {
        let root = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
        let mut tree = Self::at(root);
        tree.files.retain(|file| !file.starts_with(FIXTURES));
        tree
    }

    /// The bad example of a rule.
    pub(crate) fn fixture(rule: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures")
            .join(rule);
        assert!(root.is_dir(), "{} is missing", root.display());
        Self::at(root)
    }

    fn at(root: PathBuf) -> Self {
        let mut files = match root.join(".git").exists() {
            true => by_git(&root),
            false => None,
        }
        .unwrap_or_else(|| {
            let mut files = Vec::new();
            list(&root, "", &mut files);
            files
        });
        files.sort();
        files.dedup();
        Self { root, files }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Every file, by its path from the root.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// The files below a folder (given with its slash) whose name ends so.
    pub(crate) fn below<'a>(
        &'a self,
        folder: &'a str,
        end: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        self.files()
            .filter(move |file| file.starts_with(folder) && file.ends_with(end))
    }

    /// The text of a file, or nothing if it is missing or is no text.
    pub(crate) fn text(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.root.join(file)).ok()
    }

    /// The folders of the crates that ship.
    pub(crate) fn crates(&self) -> Vec<&str> {
        self.members()
            .into_iter()
            .filter(|member| member.starts_with("aio-"))
            .collect()
    }

    /// The folders of all workspace members.
    pub(crate) fn members(&self) -> Vec<&str> {
        self.files()
            .filter_map(|file| file.strip_suffix("/Cargo.toml"))
            // Compared peers have a workspace of their own, and so have fuzz targets.
            .filter(|folder| !folder.contains("/compare") && !folder.contains("/fuzz"))
            .collect()
    }
}

fn by_git(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let names = String::from_utf8(output.stdout).ok()?;
    let there = |name: &&str| !name.is_empty() && root.join(name).symlink_metadata().is_ok();
    Some(names.split('\0').filter(there).map(str::to_owned).collect())
}

fn list(root: &Path, below: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if below.is_empty() && (name == "target" || name == ".git") {
            continue;
        }
        let path = format!("{below}{name}");
        if entry.file_type().unwrap().is_dir() {
            list(root, &format!("{path}/"), files);
        } else {
            files.push(path);
        }
    }
}
