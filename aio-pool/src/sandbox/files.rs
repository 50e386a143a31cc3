//! The lock on files: Landlock, with nothing allowed but what is let through.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags,
};

use super::{Lock, Place};

/// The newest that there is. Everything is to be denied, so a right that a
/// kernel does not know yet costs nothing to ask for: the crate leaves it out.
///
/// What the older kernels' Landlock does not see, the filter of system calls
/// denies: truncation before version 3, the network before 4, devices before 5,
/// signals and abstract sockets before 6.
const EVERYTHING: ABI = ABI::V10;

/// What is meant by reading. Not to execute.
fn reading() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{ReadFile | ReadDir})
}

/// What is meant by reading and writing. No devices, pipes or sockets are made.
fn writing() -> BitFlags<AccessFs> {
    reading()
        | make_bitflags!(AccessFs::{
            WriteFile | Truncate | RemoveFile | RemoveDir | MakeReg | MakeDir | MakeSym | Refer
        })
}

/// Shuts every file to this thread and its descendants, except for these.
pub(super) fn shut(read: &[Place], write: &[Place]) -> Result<Lock, String> {
    let failed = |error| format!("the sandbox cannot be described to Landlock: {error}");
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(EVERYTHING))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(EVERYTHING)))
        .and_then(|rules| rules.scope(Scope::from_all(EVERYTHING)))
        .and_then(Ruleset::create)
        .map_err(failed)?;
    for (places, access) in [(read, reading()), (write, writing())] {
        for place in places {
            let path = place.path();
            let unopened = |error: &dyn std::fmt::Display| {
                format!("the sandbox cannot let {} through: {error}", path.display())
            };
            let opened = PathFd::new(path).map_err(|error| match error {
                landlock::PathFdError::OpenCall { source, .. } => unopened(&source),
                other => unopened(&other),
            })?;
            // Asked of the descriptor, as the name may mean another by now.
            let status = rustix::fs::fstat(&opened).map_err(|error| unopened(&error))?;
            let folder = rustix::fs::FileType::from_raw_mode(status.st_mode)
                == rustix::fs::FileType::Directory;
            let access = if folder {
                access
            } else {
                access & AccessFs::from_file(EVERYTHING)
            };
            rules = rules
                .add_rule(PathBeneath::new(opened, access))
                .map_err(failed)?;
        }
    }
    let status = rules.restrict_self().map_err(failed)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Lock::Shut,
        RulesetStatus::NotEnforced => Lock::Missing(
            "Landlock is missing (Linux 5.13 or newer, built with it and started with it)"
                .to_owned(),
        ),
    })
}
