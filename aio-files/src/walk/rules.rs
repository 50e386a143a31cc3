//! What git leaves out: the ignore files that are in force where a walk is.
//!
//! Those below the root are opened from their folder's descriptor, and not
//! through links, so that a hostile tree can't have a file outside of it read.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::folder::{Folder, Links, Purpose};
use crate::error::PathError;

/// The most bytes that an ignore file may have.
const MOST: u64 = 16 << 20;

/// What the rules say of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    LeftOut,
    /// A rule that begins with `!` names it.
    Wanted,
    Unnamed,
}

/// The rules of the folders from the outermost to the one that is walked.
pub(super) struct Rules {
    folders: Vec<OfFolder>,
    global: Gitignore,
}

/// The rules that one folder has.
struct OfFolder {
    /// From `.ignore`, which is nobody's but ours and ripgrep's, and goes first.
    own: Gitignore,
    /// From `.gitignore`.
    git: Gitignore,
    /// From `.git/info/exclude`.
    exclude: Gitignore,
    repository: Repository,
}

/// Whether a folder is the top of a repository. Rules of git end there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repository {
    Top,
    No,
}

/// What braces mean in a file of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Braces {
    /// One of several, which is what they are for ripgrep.
    Alternatives,
    /// Themselves, as for git.
    Literal,
}

impl Rules {
    /// Those that are in force above a root, and everywhere.
    pub(super) fn above(root: &Path) -> Self {
        let (global, _) = Gitignore::global();
        let mut rules = Self {
            folders: Vec::new(),
            global,
        };
        let above: Vec<&Path> = root.ancestors().skip(1).collect();
        for path in above.into_iter().rev() {
            // Not ours to complain about: what is above may be closed to us.
            if let Ok(folder) = Folder::at(path, Purpose::Passing) {
                rules.enter(&folder, path, |_, _| ());
            }
        }
        rules
    }

    /// How many folders have rules.
    pub(super) fn len(&self) -> usize {
        self.folders.len()
    }

    /// Goes back to where so many had.
    pub(super) fn truncate(&mut self, len: usize) {
        self.folders.truncate(len);
    }

    /// Takes up the rules of a folder, and tells of those that can't be read.
    pub(super) fn enter(
        &mut self,
        folder: &Folder,
        path: &Path,
        mut failed: impl FnMut(&str, io::Error),
    ) {
        let mut read = |folder: &Folder, name: &str, shown: &str, braces| {
            let rules = match folder.content(name, MOST) {
                Ok(None) => Ok(Gitignore::empty()),
                Ok(Some(content)) => parsed(path, &content, braces),
                Err(cause) => Err(cause),
            };
            rules.unwrap_or_else(|cause| {
                failed(shown, cause);
                Gitignore::empty()
            })
        };
        let own = read(folder, ".ignore", ".ignore", Braces::Alternatives);
        let git = read(folder, ".gitignore", ".gitignore", Braces::Literal);
        let mut exclude = Gitignore::empty();
        let mut repository = Repository::No;
        if folder.has(".git") {
            repository = Repository::Top;
            // A file there points to a repository elsewhere, which isn't ours to open.
            let inside = |folder: &Folder, name: &str| {
                folder.open(name.as_ref(), Links::Refused, Purpose::Passing)
            };
            if let Ok(info) = inside(folder, ".git").and_then(|git| inside(&git, "info")) {
                exclude = read(&info, "exclude", ".git/info/exclude", Braces::Literal);
            }
        } else if folder.has(".jj") {
            repository = Repository::Top;
        }
        let here = OfFolder {
            own,
            git,
            exclude,
            repository,
        };
        if !here.is_empty() {
            self.folders.push(here);
        }
    }

    /// What they say of an absolute path without links.
    pub(super) fn say(&self, path: &Path, is_dir: bool) -> Verdict {
        let innermost = self.folders.iter().rev();
        let own = named(innermost.clone().map(|folder| &folder.own), path, is_dir);
        if own != Verdict::Unnamed {
            return own;
        }
        // Outside of a repository git's files say nothing.
        let Some(top) = innermost
            .clone()
            .position(|folder| folder.repository == Repository::Top)
        else {
            return Verdict::Unnamed;
        };
        let inside = innermost.take(top + 1);
        let of_git = inside.clone().map(|folder| &folder.git);
        let excludes = inside.map(|folder| &folder.exclude);
        let everywhere = std::iter::once(&self.global);
        for rules in [
            named(of_git, path, is_dir),
            named(excludes, path, is_dir),
            named(everywhere, path, is_dir),
        ] {
            if rules != Verdict::Unnamed {
                return rules;
            }
        }
        Verdict::Unnamed
    }
}

impl OfFolder {
    fn is_empty(&self) -> bool {
        self.own.is_empty()
            && self.git.is_empty()
            && self.exclude.is_empty()
            && self.repository == Repository::No
    }
}

/// What the first of these that names the path says.
fn named<'a>(all: impl Iterator<Item = &'a Gitignore>, path: &Path, is_dir: bool) -> Verdict {
    for rules in all {
        match rules.matched(path, is_dir) {
            Match::None => {}
            Match::Ignore(_) => return Verdict::LeftOut,
            Match::Whitelist(_) => return Verdict::Wanted,
        }
    }
    Verdict::Unnamed
}

/// A line whose braces mean themselves.
fn without_alternatives(line: &str) -> Cow<'_, str> {
    if !line.contains(['{', '}']) {
        return line.into();
    }
    let mut literal = String::with_capacity(line.len() + 2);
    let mut escaped = false;
    // Where a class began, in which nothing need be escaped.
    let mut class = None;
    for (at, letter) in line.char_indices() {
        match (letter, class) {
            _ if escaped => {}
            ('{' | '}', None) => literal.push('\\'),
            ('[', None) => class = Some(at),
            // Behind its start, and behind what turns it round, it is a member.
            (']', Some(began)) if !matches!(&line[began + 1..at], "" | "!" | "^") => class = None,
            _ => {}
        }
        escaped = letter == '\\' && !escaped && class.is_none();
        literal.push(letter);
    }
    literal.into()
}

/// The rules of a file. A line that is no glob, or no text, is passed over, as
/// git does.
fn parsed(folder: &Path, content: &[u8], braces: Braces) -> io::Result<Gitignore> {
    let mut builder = GitignoreBuilder::new(folder);
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    for line in content.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Ok(line) = str::from_utf8(line) {
            drop(match braces {
                Braces::Alternatives => builder.add_line(None, line),
                Braces::Literal => builder.add_line(None, &without_alternatives(line)),
            });
        }
    }
    let invalid = |cause| io::Error::new(io::ErrorKind::InvalidData, cause);
    builder.build().map_err(invalid)
}

/// The error of an ignore file that can't be read.
pub(super) fn unread(folder: &Path, name: &str, cause: io::Error) -> io::Error {
    let path: PathBuf = folder.join(name);
    PathError::new("read", &Arc::from(path), cause).into_io()
}
