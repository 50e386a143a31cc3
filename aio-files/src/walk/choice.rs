//! Which entries a walk gives and enters.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::overrides::{Override, OverrideBuilder};

use super::folder::Folder;
use super::rules::{Rules, Verdict, unread};

/// Whether entries are given whose names begin with a dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    Given,
    LeftOut,
}

/// Whether entries are given that git leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ignored {
    Given,
    LeftOut,
}

/// The filters, for the folder that is walked at the moment.
pub(super) struct Choice {
    globs: Override,
    rules: Option<InForce>,
    hidden: Hidden,
}

/// The rules, and the path by which they know the folder.
struct InForce {
    rules: Rules,
    folder: PathBuf,
}

impl Choice {
    /// # Errors
    ///
    /// `InvalidInput`, with the glob, if one isn't one.
    pub(super) fn new(
        root: &Path,
        globs: &[String],
        hidden: Hidden,
        ignored: Ignored,
    ) -> io::Result<Self> {
        let rules = match ignored {
            Ignored::Given => None,
            Ignored::LeftOut => {
                // A root that isn't there is told of by who opens it.
                let folder = root.canonicalize().unwrap_or_else(|_| root.to_owned());
                Some(InForce {
                    rules: Rules::above(&folder),
                    folder,
                })
            }
        };
        Ok(Self {
            globs: compiled(root, globs)?,
            rules,
            hidden,
        })
    }

    /// True if everything is given.
    pub(super) fn is_all(&self) -> bool {
        self.globs.is_empty() && self.rules.is_none() && self.hidden == Hidden::Given
    }

    /// How many folders have rules here.
    pub(super) fn mark(&self) -> usize {
        self.rules.as_ref().map_or(0, |of| of.rules.len())
    }

    /// Enters a folder, the root with no name. `shown` is its path in errors.
    pub(super) fn enter(
        &mut self,
        folder: &Folder,
        name: Option<&OsStr>,
        shown: &Path,
        mut failed: impl FnMut(io::Error),
    ) {
        if let Some(of) = &mut self.rules {
            if let Some(name) = name {
                of.folder.push(name);
            }
            let failed = |name: &str, cause| failed(unread(shown, name, cause));
            of.rules.enter(folder, &of.folder, failed);
        }
    }

    /// Leaves it, back to the mark from before.
    pub(super) fn leave(&mut self, mark: usize) {
        if let Some(of) = &mut self.rules {
            of.rules.truncate(mark);
            of.folder.pop();
        }
    }

    /// Whether an entry of the folder is given, and entered.
    ///
    /// A glob goes before the rules, and both before what is hidden: whoever
    /// names something wants it.
    pub(super) fn takes(&mut self, path: &Path, name: &OsStr, is_dir: bool) -> bool {
        // Git's own folder is never among the files that it knows. `**` doesn't mean it.
        if self.rules.is_some() && name == ".git" {
            return false;
        }
        match self.globs.matched(path, is_dir) {
            Match::None => {}
            Match::Ignore(_) => return false,
            Match::Whitelist(_) => return true,
        }
        if let Some(of) = &mut self.rules {
            of.folder.push(name);
            let verdict = of.rules.say(&of.folder, is_dir);
            of.folder.pop();
            match verdict {
                Verdict::LeftOut => return false,
                Verdict::Wanted => return true,
                Verdict::Unnamed => {}
            }
        }
        self.hidden == Hidden::Given || !name.as_encoded_bytes().starts_with(b".")
    }
}

fn compiled(root: &Path, globs: &[String]) -> io::Result<Override> {
    let invalid = |glob: &str, why: String| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{glob:?}: {why}"))
    };
    let mut builder = OverrideBuilder::new(root);
    for glob in globs {
        let said = match glob.strip_prefix('!').unwrap_or(glob).trim_end() {
            // To an ignore file these are nothing, and a comment.
            "" | "/" => return Err(invalid(glob, "the glob is empty".to_owned())),
            _ if glob.starts_with('#') => format!("\\{glob}"),
            _ => glob.clone(),
        };
        if let Err(cause) = builder.add(&said) {
            // Its message names the glob already, in the form that it was given.
            return Err(io::Error::new(io::ErrorKind::InvalidInput, cause));
        }
    }
    let all = |cause: ignore::Error| invalid(&globs.join(" "), cause.to_string());
    builder.build().map_err(all)
}
