//! The walk itself, one name at a time, on a job's thread.
//!
//! Its stack is a list and not calls, the path is one buffer that grows and
//! shrinks, and few folders are open at once: a tree may be as deep as it likes.
//! A folder that had to be closed is found again from the one below it, and is
//! taken only if it is the same.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::choice::Choice;
use super::entry::{Entry, FileType, Reached, Skips};
use super::folder::{Folder, Identity, Links, More, Purpose, Scratch};
use super::item::{Item, Step, failed, found_it, item, joined, loops};
use super::level::Level;
use super::names::{Found, Names};
use super::root::{above_names, folders_above, root_and_target};
use super::{Contents, Devices, Options, Order};
use crate::error::PathError;

/// Asks for the rest of a folder to be left out, by the folder's number.
#[derive(Clone, Debug, Default)]
pub(super) struct Skip(Arc<AtomicU64>);

impl Skip {
    pub(super) fn ask(&self, folder: u64) {
        // Nothing else goes by it: what is given too late is dropped there.
        self.0.store(folder, Ordering::Relaxed);
    }

    fn asked(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) struct Descent {
    options: Options,
    root: Arc<Path>,
    skip: Skip,
    skipped: u64,
    /// `None` before it has begun.
    choice: Option<Choice>,
    levels: Vec<Level>,
    /// The path of the innermost level.
    path: PathBuf,
    /// The folder to enter next.
    next: Option<Entering>,
    /// What comes before anything else.
    waiting: VecDeque<Item>,
    /// All levels before this one are closed.
    oldest_open: usize,
    /// The folders above the root, where links may lead back to.
    above: Vec<(Identity, PathBuf)>,
    device: Option<u64>,
    folders: u64,
    /// The least depth that was looked at since the item before.
    least_depth: usize,
    scratch: Scratch,
    spare: Vec<Names>,
}

struct Entering {
    /// `None` is the root.
    found: Option<Found>,
    reached: Reached,
    number: u64,
    entry: Option<Entry>,
}

impl Descent {
    pub(super) fn new(root: Arc<Path>, options: Options, skip: Skip) -> Self {
        Self {
            options,
            path: above_names(&root).to_owned(),
            root,
            skip,
            skipped: 0,
            choice: None,
            levels: Vec::new(),
            next: None,
            waiting: VecDeque::new(),
            oldest_open: 0,
            above: Vec::new(),
            device: None,
            folders: 0,
            least_depth: usize::MAX,
            scratch: Scratch::new(),
            spare: Vec::new(),
        }
    }

    /// Looks at one name, or opens or leaves one folder.
    pub(super) fn step(&mut self) -> Step {
        let mut step = self.step_of_any_depth();
        if let Step::Found(item) = &mut step {
            item.depth = item.depth.min(self.least_depth);
            self.least_depth = usize::MAX;
        }
        step
    }

    fn step_of_any_depth(&mut self) -> Step {
        if let Some(item) = self.waiting.pop_front() {
            return Step::Found(item);
        }
        let Some(mut choice) = self.choice.take() else {
            return self.begin();
        };
        let step = self.step_by(&mut choice);
        self.choice = Some(choice);
        step
    }

    fn step_by(&mut self, choice: &mut Choice) -> Step {
        let asked = self.skip.asked();
        if asked != self.skipped {
            self.skipped = asked;
            self.leave_out(asked, choice);
        }
        if let Some(entering) = self.next.take() {
            return self.enter(entering, choice);
        }
        let Some(level) = self.levels.last_mut() else {
            return Step::End;
        };
        if let Some(found) = level.names.next() {
            return self.look(found, choice);
        }
        if let Some(cause) = level.failed.take() {
            return self.failed_here("read", cause);
        }
        match level.more {
            More::MayCome => {
                level.names.clear();
                level.read(&mut self.scratch);
                Step::Went
            }
            More::None => self.leave(choice),
        }
    }

    /// Looks at the root.
    fn begin(&mut self) -> Step {
        let root = Arc::clone(&self.root);
        let failed = |cause| Item {
            depth: 0,
            result: Err(PathError::new("walk", &root, cause).into_io()),
        };
        let of = &self.options;
        let choice = match Choice::new(above_names(&root), &of.globs, of.hidden, of.ignored) {
            Ok(choice) => choice,
            Err(cause) => {
                // Nothing comes of it but the error.
                self.choice = Choice::new(&root, &[], of.hidden, super::Ignored::Given).ok();
                return Step::Found(failed(cause));
            }
        };
        self.choice = Some(choice);
        let target = match root_and_target(&root, self.options.links) {
            Ok(seen) => seen,
            Err(cause) => return Step::Found(failed(cause)),
        };
        let (seen, reached, is_folder) = target;
        if self.options.links == Links::Followed {
            self.above = folders_above(&root);
        }
        let entry = Entry {
            path: root.to_path_buf(),
            depth: 0,
            file_type: seen.file_type,
            reached,
            number: seen.identity.number,
            folder: 0,
            skips: Skips::Siblings,
        };
        self.take_up(entry, None, is_folder)
    }

    /// Looks at a name of the innermost folder.
    fn look(&mut self, found: Found, choice: &mut Choice) -> Step {
        let depth = self.levels.len();
        self.least_depth = self.least_depth.min(depth);
        let level = &self.levels[depth - 1];
        let name = level.names.name(found);
        let mut file_type = found.file_type;
        let mut number = found.number;
        let mut reached = Reached::Directly;
        let follows = self.options.links == Links::Followed;
        if file_type == FileType::Unknown || (follows && file_type.is_symlink()) {
            let seen = level.folder().and_then(|folder| {
                let seen = folder.look(name, Links::Refused)?;
                match follows && seen.file_type.is_symlink() {
                    true => Ok((folder.look(name, Links::Followed)?, Reached::ByLink)),
                    false => Ok((seen, Reached::Directly)),
                }
            });
            match seen {
                Ok((seen, by)) => {
                    file_type = seen.file_type;
                    number = seen.identity.number;
                    reached = by;
                    if by == Reached::ByLink
                        && file_type.is_dir()
                        && let Some(ancestor) = self.ancestor(seen.identity)
                    {
                        let path = joined(&self.path, name);
                        return match choice.takes(&path, name, true) {
                            true => Step::Found(loops(depth, path, &ancestor)),
                            false => Step::Went,
                        };
                    }
                }
                Err(cause) => {
                    let path = joined(&self.path, name);
                    return match choice.takes(&path, name, file_type.is_dir()) {
                        true => Step::Found(failed(depth, "stat", path, cause)),
                        false => Step::Went,
                    };
                }
            }
        }
        let path = joined(&self.path, name);
        if !choice.is_all() && !choice.takes(&path, name, file_type.is_dir()) {
            return Step::Went;
        }
        let entry = Entry {
            path,
            depth,
            file_type,
            reached,
            number,
            folder: level.number,
            skips: Skips::Siblings,
        };
        self.take_up(entry, Some(found), file_type.is_dir())
    }

    /// Gives an entry that was chosen, and enters it if it is a folder.
    fn take_up(&mut self, mut entry: Entry, found: Option<Found>, is_folder: bool) -> Step {
        let depth = entry.depth;
        let given = (self.options.min_depth..=self.options.max_depth).contains(&depth);
        if given
            && let Some(keep) = &self.options.keep
            && !keep(&entry)
        {
            return Step::Went;
        }
        let entered = is_folder && depth < self.options.max_depth;
        self.folders += u64::from(is_folder);
        let number = self.folders;
        let reached = entry.reached;
        let first = self.options.contents == Contents::First;
        if is_folder && !first {
            entry.folder = number;
            entry.skips = Skips::Contents;
        }
        let (now, later) = match entered && first {
            true => (None, Some(entry)),
            false => (Some(entry), None),
        };
        if entered {
            self.next = Some(Entering {
                found,
                // A link as the root is followed in any case.
                reached: match found {
                    None => Reached::ByLink,
                    Some(_) => reached,
                },
                number,
                entry: later.filter(|_| given),
            });
        }
        now.filter(|_| given).map_or(Step::Went, found_it)
    }

    /// Opens the folder that was given last.
    fn enter(&mut self, entering: Entering, choice: &mut Choice) -> Step {
        if self.levels.len() - self.oldest_open >= self.options.max_open {
            self.close_oldest();
        }
        let depth = self.levels.len();
        let opened = match entering.found {
            None => Folder::at(&self.root, Purpose::Listing),
            Some(found) => {
                let level = &self.levels[depth - 1];
                let name = level.names.name(found);
                let links = entering.reached.links();
                level
                    .folder()
                    .and_then(|folder| folder.open(name, links, Purpose::Listing))
            }
        };
        let inspected = opened.and_then(|folder| self.inspect(folder, entering.reached));
        let name = entering
            .found
            .map(|found| self.levels[depth - 1].names.name(found));
        self.path.extend(name);
        let step = match inspected {
            Ok(Inspected::Enter(folder, identity)) => {
                let mark = choice.mark();
                let waiting = &mut self.waiting;
                choice.enter(&folder, name, &self.path, |error| {
                    waiting.push_back(Item {
                        depth: depth + 1,
                        result: Err(error),
                    });
                });
                let mut level = Level {
                    folder: Some(folder),
                    identity,
                    reached: entering.reached,
                    names: self.spare.pop().unwrap_or_default(),
                    more: More::MayCome,
                    failed: None,
                    number: entering.number,
                    mark,
                    entry: entering.entry,
                };
                match self.options.order {
                    Order::AsRead => level.read(&mut self.scratch),
                    Order::ByName => {
                        level.read_all(&mut self.scratch);
                        level.names.sort();
                    }
                }
                self.levels.push(level);
                return Step::Went;
            }
            Ok(Inspected::Elsewhere) => Step::Went,
            Ok(Inspected::Loop(ancestor)) => {
                Step::Found(loops(depth, self.path.clone(), &ancestor))
            }
            Err(cause) => Step::Found(failed(depth + 1, "open", self.path.clone(), cause)),
        };
        if entering.found.is_some() {
            self.path.pop();
        }
        self.waiting.extend(entering.entry.map(item));
        step
    }

    /// Whether a folder that was opened is one to walk.
    fn inspect(&mut self, folder: Folder, reached: Reached) -> io::Result<Inspected> {
        let follows = self.options.links == Links::Followed;
        if !follows && self.options.devices == Devices::All {
            return Ok(Inspected::Enter(folder, None));
        }
        let identity = folder.identity()?;
        let device = *self.device.get_or_insert(identity.device);
        if self.options.devices == Devices::RootsOnly && identity.device != device {
            return Ok(Inspected::Elsewhere);
        }
        // Asked of what is open, and not of what the link was when it was seen.
        if reached == Reached::ByLink
            && let Some(ancestor) = self.ancestor(identity)
        {
            return Ok(Inspected::Loop(ancestor));
        }
        Ok(Inspected::Enter(folder, Some(identity)))
    }

    /// The path of the folder around here that this is, if it is one.
    fn ancestor(&self, identity: Identity) -> Option<PathBuf> {
        let mut paths = self.path.ancestors();
        for level in self.levels.iter().rev() {
            let path = paths.next()?;
            if level.identity == Some(identity) {
                return Some(path.to_owned());
            }
        }
        let above = self.above.iter().find(|(other, _)| *other == identity)?;
        Some(above.1.clone())
    }

    /// Goes back up from a folder that has nothing more.
    fn leave(&mut self, choice: &mut Choice) -> Step {
        let Some(level) = self.pop(choice) else {
            return Step::End;
        };
        match level {
            Some(entry) => found_it(entry),
            None => Step::Went,
        }
    }

    /// Removes the innermost level, and gives its entry if that comes now.
    #[expect(
        clippy::option_option,
        reason = "no level, and a level without an entry to give"
    )]
    fn pop(&mut self, choice: &mut Choice) -> Option<Option<Entry>> {
        let mut level = self.levels.pop()?;
        choice.leave(level.mark);
        if !self.levels.is_empty() {
            self.path.pop();
        }
        self.oldest_open = self.oldest_open.min(self.levels.len());
        if let Some(above) = self.levels.last()
            && above.folder.is_none()
        {
            let found = self.find_again(&level);
            let index = self.levels.len() - 1;
            self.levels[index].folder = found;
            self.oldest_open = self.oldest_open.min(index);
        }
        if self.spare.len() < 16 {
            level.names.clear();
            self.spare.push(mem::take(&mut level.names));
        }
        Some(level.entry)
    }

    /// Leaves a folder out, or what is left of it, if the walk is in it.
    fn leave_out(&mut self, number: u64, choice: &mut Choice) {
        if let Some(entering) = self.next.take_if(|entering| entering.number == number) {
            self.waiting.extend(entering.entry.map(item));
            return;
        }
        let Some(index) = self.levels.iter().position(|level| level.number == number) else {
            return;
        };
        self.next = None;
        while self.levels.len() > index + 1 {
            // Entries of folders inside of it are left out too.
            drop(self.pop(choice));
        }
        let level = &mut self.levels[index];
        level.names.clear();
        level.more = More::None;
        level.failed = None;
    }

    /// Reads the outermost open folder to its end, and closes it.
    fn close_oldest(&mut self) {
        let level = &mut self.levels[self.oldest_open];
        level.read_all(&mut self.scratch);
        if level.identity.is_none() {
            level.identity = level.folder().and_then(Folder::identity).ok();
        }
        level.folder = None;
        self.oldest_open += 1;
    }

    /// Opens what is now the innermost level again, to open others from it.
    fn find_again(&self, below: &Level) -> Option<Folder> {
        let (index, level) = (self.levels.len() - 1, self.levels.last()?);
        let is_it =
            |folder: &Folder| level.identity.is_some() && folder.identity().ok() == level.identity;
        if below.reached == Reached::Directly
            && let Some(folder) = &below.folder
            && let Ok(above) = folder.above()
            && is_it(&above)
        {
            return Some(above);
        }
        if !level.names.are_left() {
            return None;
        }
        // From the root down, over folders that are what they were.
        let mut paths: Vec<&Path> = self.path.ancestors().take(index).collect();
        paths.reverse();
        let mut folder = Folder::at(&self.root, Purpose::Passing).ok()?;
        for (path, pair) in paths.iter().zip(self.levels.windows(2)) {
            let (level, next) = (&pair[0], &pair[1]);
            if level.identity.is_some() && folder.identity().ok() != level.identity {
                return None;
            }
            let name = path.file_name()?;
            folder = folder
                .open(name, next.reached.links(), Purpose::Passing)
                .ok()?;
        }
        is_it(&folder).then_some(folder)
    }

    fn failed_here(&self, verb: &'static str, cause: io::Error) -> Step {
        Step::Found(failed(self.levels.len(), verb, self.path.clone(), cause))
    }
}

enum Inspected {
    Enter(Folder, Option<Identity>),
    /// On another device, and not to be entered.
    Elsewhere,
    Loop(PathBuf),
}
