//! Who may use the new file. All of it blocks.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;

use super::staging::usual_permissions;
use crate::folder::{Folder, Found, Kind, Links};

/// Where the permissions come from.
#[derive(Clone, Debug)]
pub(super) enum Rights {
    /// From what has the name, or the usual ones.
    Kept,
    Given(Permissions),
}

impl Rights {
    /// Gives the file its owner and its permissions. `there` has the name now.
    pub(super) fn give(
        &self,
        file: &fs::File,
        folder: &Folder,
        name: &OsStr,
        there: Option<&Found>,
    ) -> io::Result<()> {
        let there = match there.map(|found| found.kind) {
            Some(Kind::File) => there.cloned(),
            // A link has no permissions: who opens it meets those behind it. If
            // they can't be asked for, nobody has used the name.
            Some(Kind::Link) => folder
                .look(name, Links::Followed)
                .ok()
                .flatten()
                .filter(|found| found.kind == Kind::File),
            _ => None,
        };
        let kept = match there {
            Some(found) => Some(give_away(file, &found)?),
            None => None,
        };
        let permissions = match (self, kept) {
            (Self::Given(permissions), _) => permissions.clone(),
            (Self::Kept, Some(permissions)) => permissions,
            (Self::Kept, None) => usual_permissions(folder)?,
        };
        file.set_permissions(permissions)
    }
}

/// Gives the file to the owner and group of another, as far as we may, and gives
/// the permissions that it may have then.
#[cfg(unix)]
fn give_away(file: &fs::File, like: &Found) -> io::Result<Permissions> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let own = file.metadata()?;
    let (owner, group) = (like.owner.as_raw(), like.group.as_raw());
    let mut has_owner = own.uid() == owner;
    let mut has_group = own.gid() == group;
    if !has_owner && rustix::fs::fchown(file, Some(like.owner), Some(like.group)).is_ok() {
        (has_owner, has_group) = (true, true);
    }
    if !has_group {
        has_group = rustix::fs::fchown(file, None, Some(like.group)).is_ok();
    }
    let mode = like.permissions.mode();
    Ok(Permissions::from_mode(permitted(
        mode, has_owner, has_group,
    )))
}

#[cfg(not(unix))]
fn give_away(_: &fs::File, like: &Found) -> io::Result<Permissions> {
    Ok(like.permissions.clone())
}

/// The part of a mode that lets nobody in who was not let in before: bits that
/// run a program as its owner are nobody else's to have, and another group is
/// let in no further than everybody.
#[cfg(unix)]
fn permitted(mode: u32, has_owner: bool, has_group: bool) -> u32 {
    let mut mode = mode & 0o7777;
    if !has_owner {
        mode &= !0o4000;
    }
    if !has_group {
        let everybody = mode & 0o007;
        mode &= !0o2070 | (everybody << 3);
    }
    mode
}

#[cfg(all(test, unix))]
mod tests {
    use super::permitted;

    #[test]
    fn nobody_is_let_in_by_another_owner_or_group() {
        for (mode, has_owner, has_group, then) in [
            (0o100644, true, true, 0o0644),
            (0o106755, true, true, 0o6755),
            (0o106755, false, true, 0o2755),
            (0o106755, true, false, 0o4755),
            (0o100640, true, false, 0o0600),
            (0o100664, true, false, 0o0644),
            (0o100604, true, false, 0o0604),
            (0o107777, false, false, 0o1777),
            (0o102070, false, false, 0o0000),
        ] {
            let got = permitted(mode, has_owner, has_group);
            assert_eq!(got, then, "{mode:o}: {got:o}, not {then:o}");
        }
    }
}
