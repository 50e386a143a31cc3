//! Folders and all that is below them, as a stream of entries.
//!
//! [`walk`](crate::walk()) is the door; [`Walk`] says what is wanted.

mod choice;
mod descent;
mod entries;
mod entry;
mod folder;
mod item;
mod level;
mod names;
mod root;
mod rules;

use std::fmt;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use self::choice::{Hidden, Ignored};
use self::folder::Links;

pub use self::entries::Entries;
pub use self::entry::{Entry, FileType};

/// Walks a folder, and all that is below it.
///
/// `.stream()` gives [`Entries`], each as soon as it is found; `.await` gives all
/// of them, or the first error. A folder comes before what is in it, and the
/// root is the first entry. A root that is a file is the only one.
///
/// The names are read on another thread, which runs some thousand entries ahead
/// and then waits, so a tree of any size needs little memory; a tree of any depth
/// needs few descriptors ([`max_open`](Walk::max_open)).
///
/// # What is opened
///
/// Links are given and not followed, unless [`follow_links`](Walk::follow_links)
/// says so; only the root itself may be a link. Each folder is opened from the
/// one that it is in, by its name alone, and the kernel refuses a link there. So
/// whoever swaps folders for links while the walk is at work gets an error item
/// into it, but can't lead it elsewhere. Two things are outside of that promise:
/// another file system that is mounted below the root is part of the tree, and a
/// folder that is open when it is moved away is read to its end, with its old
/// path in the entries.
///
/// # Errors
///
/// The stream goes on after an error: a folder that can't be opened or has
/// vanished, a link that leads nowhere or back to a folder around it, an ignore
/// file that can't be read are one item each, with verb and path. A root that
/// isn't there and a glob that isn't one (`InvalidInput`) are the only item.
///
/// # Cancel safety
///
/// Cancel safe: nothing was changed. The walk ends soon after.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # std::fs::write(folder.path().join("main.rs"), "fn main() {}")?;
/// # std::fs::write(folder.path().join("notes"), "")?;
/// # let folder = folder.path();
/// let mut sources = aio_files::walk(folder).gitignore().glob("*.rs").stream();
/// while let Some(entry) = sources.next().await.transpose()? {
///     if entry.is_file() {
///         println!("{}", entry.path().display());
///     }
/// }
///
/// let all = aio_files::walk(folder).min_depth(1).sorted().await?;
/// assert_eq!(all[0].file_name(), "main.rs");
/// # Ok(())
/// # }
/// ```
#[doc(alias = "walkdir")]
#[doc(alias = "scandir")]
pub fn walk(root: impl AsRef<Path>) -> Walk {
    Walk {
        root: root.as_ref().into(),
        options: Options {
            links: Links::Refused,
            min_depth: 0,
            max_depth: usize::MAX,
            max_open: 10,
            order: Order::AsRead,
            contents: Contents::After,
            devices: Devices::All,
            hidden: Hidden::Given,
            ignored: Ignored::Given,
            globs: Vec::new(),
            keep: None,
        },
    }
}

/// The builder of [`walk`](crate::walk()): `.stream()` it, or `.await` all entries.
///
/// # Cancel safety
///
/// Cancel safe: nothing was changed. The walk ends soon after.
#[must_use = "nothing is walked until it is awaited or streamed"]
#[derive(Clone)]
pub struct Walk {
    root: Arc<Path>,
    options: Options,
}

/// What is wanted of a walk.
#[derive(Clone)]
struct Options {
    links: Links,
    min_depth: usize,
    max_depth: usize,
    max_open: usize,
    order: Order,
    contents: Contents,
    devices: Devices,
    hidden: Hidden,
    ignored: Ignored,
    globs: Vec<String>,
    keep: Option<Keep>,
}

type Keep = Arc<dyn Fn(&Entry) -> bool + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    AsRead,
    ByName,
}

/// When a folder's contents come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contents {
    After,
    First,
}

/// Which devices are entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Devices {
    All,
    RootsOnly,
}

impl Walk {
    /// Follows links: a link's entry is what it leads to, under the link's path.
    ///
    /// A link that leads back to a folder around it is an error, `ELOOP`, that
    /// names the link as [`PathError::path`](crate::PathError::path) and the
    /// folder as [`PathError::to`](crate::PathError::to), and isn't entered. One
    /// that leads nowhere is an error as well. What links lead to may be anywhere,
    /// and a folder to which two of them lead is walked twice.
    pub fn follow_links(mut self) -> Self {
        self.options.links = Links::Followed;
        self
    }

    /// Gives no entry that is fewer than `depth` names below the root; 1 leaves out
    /// the root. More than the largest depth, and there are none.
    pub fn min_depth(mut self, depth: usize) -> Self {
        self.options.min_depth = depth;
        self
    }

    /// Neither gives nor opens what is more than `depth` names below the root: 1 is
    /// the root and what is in it.
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.options.max_depth = depth;
        self
    }

    /// Keeps at most so many folders open; 10 unless told otherwise, at least 2.
    ///
    /// Where a tree is deeper, the outermost are read to their ends and closed,
    /// so their names take memory instead, and opened again when their turn
    /// comes. One that was moved away by then gives an error for each folder that
    /// it has left. Ignore files are opened beside that, one at a time.
    pub fn max_open(mut self, folders: usize) -> Self {
        self.options.max_open = folders.max(2);
        self
    }

    /// Gives the entries of each folder in the order of their names' bytes, for
    /// which the whole folder is read first.
    pub fn sorted(mut self) -> Self {
        self.options.order = Order::ByName;
        self
    }

    /// Gives what is in a folder before the folder, as a removal wants it.
    pub fn contents_first(mut self) -> Self {
        self.options.contents = Contents::First;
        self
    }

    /// Gives, and doesn't enter, folders on which another file system is mounted.
    pub fn same_file_system(mut self) -> Self {
        self.options.devices = Devices::RootsOnly;
        self
    }

    /// Leaves out names that begin with a dot, and what is in such folders; not
    /// the root, and not what a [`glob`](Self::glob) or a rule with `!` names.
    pub fn skip_hidden(mut self) -> Self {
        self.options.hidden = Hidden::LeftOut;
        self
    }

    /// Leaves out what git leaves out, and what `.ignore` files name.
    ///
    /// Rules come from `.ignore`, `.gitignore` and `.git/info/exclude`, below the
    /// root and in the folders above it, and from the user's global file of git,
    /// in this order of rank, the inner before the outer. Those of git count
    /// within a repository alone. `.git` itself is left out, also where a glob
    /// matches. Other hidden names are given, as git does; with
    /// [`skip_hidden`](Self::skip_hidden) it is what ripgrep does.
    ///
    /// Braces mean themselves in git's files below the root and above it, and
    /// alternatives in `.ignore`, as for ripgrep.
    /// A line that is no glob is passed over, as git does; a file of rules that
    /// can't be read, or has more than 16 MiB, is an error item. Below the root,
    /// one that is a link is passed over, and the excludes of a linked worktree
    /// aren't looked up, since both may lead out of the tree.
    pub fn gitignore(mut self) -> Self {
        self.options.ignored = Ignored::LeftOut;
        self
    }

    /// Leaves out files that don't match; with `!` in front, leaves out what
    /// matches. May be used many times, and the last glob that matches decides.
    ///
    /// A glob is a line of a `.gitignore` at the root with the opposite meaning:
    /// `*.rs` matches at any depth, `/src/*.rs` below the root alone, `!target/`
    /// leaves out folders of that name and all that is in them. Folders are given
    /// and entered unless a `!` matches. What a glob names is given even if
    /// [`gitignore`](Self::gitignore) or [`skip_hidden`](Self::skip_hidden)
    /// would leave it out, but not if they leave out the folder that it is in.
    ///
    /// One that isn't a glob makes the walk an error, `InvalidInput`, that names it.
    pub fn glob(mut self, glob: impl Into<String>) -> Self {
        self.options.globs.push(glob.into());
        self
    }

    /// Leaves out entries for which `keep` is false, and doesn't enter them.
    ///
    /// It is called on the walk's thread, for entries that would be given: not for
    /// those above [`min_depth`](Self::min_depth), nor for what other filters leave
    /// out. Used twice, both must be true. If it panics, the walk ends with an
    /// error.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::create_dir_all(folder.path().join("node_modules/x"))?;
    /// let entries = aio_files::walk(folder.path())
    ///     .filter_entry(|entry| entry.file_name() != "node_modules")
    ///     .await?;
    /// assert_eq!(entries.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn filter_entry(mut self, keep: impl Fn(&Entry) -> bool + Send + Sync + 'static) -> Self {
        self.options.keep = Some(match self.options.keep.take() {
            None => Arc::new(keep),
            Some(before) => Arc::new(move |entry| before(entry) && keep(entry)),
        });
        self
    }

    /// The entries as a stream. Nothing is opened before it is polled.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropped, the walk ends after a batch.
    pub fn stream(self) -> Entries {
        Entries::new(self.root, self.options)
    }

    async fn run(self) -> io::Result<Vec<Entry>> {
        let mut entries = self.stream();
        let mut all = Vec::new();
        while let Some(entry) = entries.next().await {
            all.push(entry?);
        }
        Ok(all)
    }
}

impl IntoFuture for Walk {
    type Output = io::Result<Vec<Entry>>;
    type IntoFuture = WalkFuture;

    fn into_future(self) -> WalkFuture {
        WalkFuture {
            running: Box::pin(self.run()),
        }
    }
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = &self.options;
        f.debug_struct("Walk")
            .field("root", &self.root)
            .field("links", &of.links)
            .field("depths", &(of.min_depth..=of.max_depth))
            .field("max_open", &of.max_open)
            .field("order", &of.order)
            .field("contents", &of.contents)
            .field("devices", &of.devices)
            .field("hidden", &of.hidden)
            .field("ignored", &of.ignored)
            .field("globs", &of.globs)
            .finish_non_exhaustive()
    }
}

/// The future of `walk(…).await`.
#[must_use = "futures do nothing unless awaited"]
pub struct WalkFuture {
    running: Pin<Box<dyn Future<Output = io::Result<Vec<Entry>>> + Send + Sync>>,
}

impl Future for WalkFuture {
    type Output = io::Result<Vec<Entry>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.running.as_mut().poll(cx)
    }
}

impl fmt::Debug for WalkFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WalkFuture").finish_non_exhaustive()
    }
}
