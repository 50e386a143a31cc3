//! The lock on system calls: a list of those that there are in the cage.
//!
//! A list of what is denied would be shorter and wrong with the next kernel:
//! `io_uring` opened files past every such list. A list of what is allowed goes
//! wrong with the next C library, which uses calls that are newer than the list.
//! So what the list does not know does not exist (ENOSYS), as on an older
//! kernel, and a library that runs on older kernels has another way. What is
//! known and denied is denied by that name (EPERM), so that a task which opens a
//! file reads "Operation not permitted".
//!
//! Hence two filters. The kernel runs both and takes the stricter answer; of two
//! error codes, that of the filter which was installed last.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::Lock;

mod names;

/// What of files Landlock is to decide. The filter sees no paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// Nothing: the filter alone keeps every file shut.
    Nothing,
    /// Which files are read.
    ToRead,
    /// Which files are read, and which written, created and removed.
    ToWrite,
}

/// A call with the conditions of which one must hold; always, if there is none.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What a call's argument must be, by its number.
#[derive(Debug, Clone, Copy)]
enum Must {
    /// A 32-bit argument with this value. The kernel ignores its upper half, and
    /// so must the filter.
    Be(u8, u32),
    /// A 32-bit argument that has this value in these bits.
    Have(u8, u32, u32),
    /// A 32-bit argument below this value.
    BeBelow(u8, u32),
    /// A pointer to nothing.
    BeNull(u8),
}

/// Leaves this thread and its descendants with what a task needs.
pub(super) fn allow(opening: Opening) -> Lock {
    match filters(opening).and_then(|(strict, known)| {
        seccompiler::apply_filter(&strict)?;
        // Last, so that it is its ENOSYS that is said.
        seccompiler::apply_filter(&known)
    }) {
        Ok(()) => Lock::Shut,
        Err(error) => Lock::Missing(format!(
            "seccomp is missing (a kernel that is built with its filters, and a container that \
             leaves it alone): {error}"
        )),
    }
}

fn filters(opening: Opening) -> Result<(BpfProgram, BpfProgram), Error> {
    let allowed = allowed(opening)?;
    let mut known: Rules = allowed.keys().map(|&call| (call, Vec::new())).collect();
    known.extend(names::DENIED.iter().map(|&call| (call, Vec::new())));
    Ok((
        program(allowed, libc::EPERM)?,
        program(known, libc::ENOSYS)?,
    ))
}

/// Allows what is listed. Everything else is this error.
fn program(rules: Rules, otherwise: i32) -> Result<BpfProgram, Error> {
    let program = SeccompFilter::new(
        rules,
        SeccompAction::Errno(otherwise.unsigned_abs()),
        SeccompAction::Allow,
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?;
    Ok(program.try_into()?)
}

fn allowed(opening: Opening) -> Result<Rules, Error> {
    let mut rules: Rules = names::ALWAYS
        .iter()
        .map(|&call| (call, Vec::new()))
        .collect();
    for (call, one_of) in conditions(std::process::id()) {
        rules.insert(
            call,
            one_of.into_iter().map(rule).collect::<Result<_, _>>()?,
        );
    }
    if opening != Opening::Nothing {
        rules.extend(names::OF_PATHS.iter().map(|&call| (call, Vec::new())));
        for (call, flags) in names::OPEN {
            let one_of = ways_to_open(*flags, opening);
            rules.insert(
                *call,
                one_of.into_iter().map(rule).collect::<Result<_, _>>()?,
            );
        }
    }
    if opening == Opening::ToWrite {
        rules.extend(names::OF_CHANGES.iter().map(|&call| (call, Vec::new())));
    }
    Ok(rules)
}

fn rule(musts: Vec<Must>) -> Result<SeccompRule, Error> {
    let conditions = musts.into_iter().map(|must| match must {
        Must::Be(argument, value) => {
            SeccompCondition::new(argument, Length::Dword, Is::Eq, value.into())
        }
        Must::Have(argument, bits, value) => SeccompCondition::new(
            argument,
            Length::Dword,
            Is::MaskedEq(bits.into()),
            value.into(),
        ),
        Must::BeBelow(argument, bound) => {
            SeccompCondition::new(argument, Length::Dword, Is::Lt, bound.into())
        }
        Must::BeNull(argument) => SeccompCondition::new(argument, Length::Qword, Is::Eq, 0),
    });
    Ok(SeccompRule::new(conditions.collect::<Result<_, _>>()?)?)
}

/// Flags are bits, whatever the sign of their type.
const fn bits(flags: i32) -> u32 {
    flags.cast_unsigned()
}

/// A Landlock before version 3 does not see a file emptied by opening it to be
/// read, so that is denied here.
fn ways_to_open(flags: u8, opening: Opening) -> Vec<Vec<Must>> {
    const MODE: u32 = bits(libc::O_ACCMODE);
    const EMPTIES: u32 = bits(libc::O_TRUNC);
    const CREATES: u32 = bits(libc::O_CREAT);
    const READ: u32 = bits(libc::O_RDONLY);
    match opening {
        Opening::Nothing => Vec::new(),
        Opening::ToRead => vec![vec![Must::Have(flags, MODE | EMPTIES | CREATES, READ)]],
        Opening::ToWrite => vec![
            vec![Must::Have(flags, MODE | EMPTIES, READ)],
            vec![Must::Have(flags, MODE, bits(libc::O_WRONLY))],
            vec![Must::Have(flags, MODE, bits(libc::O_RDWR))],
        ],
    }
}

/// Calls that are allowed in some forms.
fn conditions(pid: u32) -> Vec<(i64, Vec<Vec<Must>>)> {
    const THREAD: u32 = bits(libc::CLONE_VM | libc::CLONE_SIGHAND | libc::CLONE_THREAD);
    const NAMESPACES: u32 = bits(
        libc::CLONE_NEWNS
            | libc::CLONE_NEWCGROUP
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUSER
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWNET,
    );
    /// The part of a socket's type that is no flag.
    const KIND: u32 = 0xf;
    let one_of = |argument, values: &[u32]| -> Vec<Vec<Must>> {
        values
            .iter()
            .map(|&value| vec![Must::Be(argument, value)])
            .collect()
    };
    vec![
        // Threads, and no processes. The newer clone3 hides its flags from a
        // filter; it does not exist here, and then the C library calls this.
        (
            libc::SYS_clone,
            vec![vec![Must::Have(0, THREAD | NAMESPACES, THREAD)]],
        ),
        // A stream only: a datagram socket, paired or not, sends to any name.
        (
            libc::SYS_socketpair,
            vec![vec![
                Must::Be(0, bits(libc::AF_UNIX)),
                Must::Have(1, KIND, bits(libc::SOCK_STREAM)),
            ]],
        ),
        (libc::SYS_sendto, vec![vec![Must::BeNull(4)]]),
        // To itself: that is how a process aborts.
        (libc::SYS_kill, one_of(0, &[pid])),
        (libc::SYS_tgkill, one_of(0, &[pid])),
        // Not F_SETOWN and F_SETSIG, which have the kernel signal others.
        (libc::SYS_fcntl, one_of(1, &names::OF_FCNTL)),
        // Not TIOCSTI, which types into the terminal behind stdout.
        (libc::SYS_ioctl, one_of(1, &names::OF_IOCTL)),
        (libc::SYS_prctl, one_of(0, &names::OF_PRCTL)),
        // To ask for its own limits, not to change any.
        (
            libc::SYS_prlimit64,
            [0, pid]
                .into_iter()
                .map(|own| vec![Must::Be(0, own), Must::BeNull(2)])
                .collect(),
        ),
        // Not the two that have root break the memory of the machine.
        (
            libc::SYS_madvise,
            vec![vec![Must::BeBelow(2, bits(libc::MADV_HWPOISON))]],
        ),
        (libc::SYS_sched_setaffinity, one_of(0, &[0])),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_listed_twice() {
        let conditional = conditions(1).into_iter().map(|(call, _)| call);
        let mut calls: Vec<i64> = names::ALWAYS.iter().copied().chain(conditional).collect();
        let count = calls.len();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), count);
        assert!(!names::DENIED.iter().any(|call| calls.contains(call)));
        let all = allowed(Opening::ToWrite).unwrap();
        let of_files = names::OF_PATHS.len() + names::OF_CHANGES.len() + names::OPEN.len();
        assert_eq!(all.len(), count + of_files, "and none is both");
        let opened = all.keys().filter(|call| !calls.contains(call));
        for call in opened {
            assert!(
                names::DENIED.contains(call),
                "call {call} has no name to be denied by"
            );
        }
    }

    #[test]
    fn filters_of_all_kinds_are_short_enough_for_the_kernel() {
        for opening in [Opening::Nothing, Opening::ToRead, Opening::ToWrite] {
            let (strict, known) = filters(opening).unwrap();
            assert!(strict.len() < 4096 && known.len() < 4096);
        }
    }
}
