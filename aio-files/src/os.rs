//! Files and folders by their paths: what `std::fs` and Python's `aiofiles.os` have.
//!
//! Each function is one hop to a thread, and `std::fs`' answer. In names that
//! differ Python's are found by the search of this documentation: `lstat`,
//! `makedirs`, `scandir`.
//!
//! | to | use |
//! |---|---|
//! | ask about a path | [`metadata`], [`symlink_metadata`], [`exists`], [`is_file`], [`is_dir`], [`is_symlink`], [`is_mount`], [`same_file`], [`access`], [`statvfs`] |
//! | list a folder | [`read_dir`], [`list_dir`] |
//! | create | [`create_dir`], [`create_dir_all`], [`hard_link`], [`symlink`], [`copy`] |
//! | move | [`rename`], [`renames`] |
//! | remove | [`remove_file`], [`remove_dir`], [`remove_dirs`], [`remove_dir_all`] |
//! | change | [`set_permissions`], [`set_times`] |
//! | find out where it is | [`read_link`], [`canonicalize`], [`absolute`], [`current_dir`] |
//!
//! # Order
//!
//! What changes a path is over before the next operation of this crate on that
//! path begins, also when it is cancelled. Operations on a whole folder
//! ([`rename`], [`renames`], [`remove_dir`], [`remove_dirs`],
//! [`remove_dir_all`]) are ordered with everything below it. Of two paths both
//! are claimed at once, so no two operations wait for each other.
//!
//! # Errors
//!
//! Every error is an `io::Error` of the system's kind, with a
//! [`PathError`](crate::PathError) inside: the verb, the path or both paths, and
//! the OS code. The verbs are `stat`, `access`, `list`, `create`, `link`,
//! `symlink`, `copy`, `rename`, `remove`, `chmod`, `utimes`, `readlink` and
//! `resolve`.

mod access;
mod copy;
mod entries;
mod entry;
mod file_system;
mod folders;
mod links;
mod listing;
mod moves;
mod permissions;
mod places;
mod same;
mod status;
mod times;

#[cfg(unix)]
pub use access::{Access, access};
pub use copy::copy;
pub use entries::{Entries, ReadDir, ReadDirFuture, list_dir, read_dir};
pub use entry::Entry;
#[cfg(unix)]
pub use file_system::{FileSystem, statvfs};
pub use folders::{create_dir, create_dir_all, remove_dir, remove_dir_all, remove_dirs};
#[cfg(unix)]
pub use links::symlink;
pub use links::{hard_link, read_link};
pub use moves::{remove_file, rename, renames};
pub use permissions::set_permissions;
pub use places::{absolute, canonicalize, current_dir};
#[cfg(unix)]
pub use same::{is_mount, same_file};
pub use status::{exists, is_dir, is_file, is_symlink, metadata, symlink_metadata};
pub use times::{Times, set_times};
