//! The filter that decides in the kernel which system calls the supervisor sees.

use std::mem::offset_of;

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW,
    SECCOMP_RET_ERRNO, SECCOMP_RET_USER_NOTIF, seccomp_data, sock_filter,
};

use super::calls::{CALLS, CHANGING};

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xC000_00B7;

/// Builds the filter. It must be built before the fork, since it allocates.
pub(super) fn program() -> Vec<sock_filter> {
    let mut program = vec![
        load(offset_of!(seccomp_data, arch)),
        skip_unless_equal(ARCH, 1),
        skip(1),
        // Calls of another architecture would have other numbers.
        answer(SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
        load(offset_of!(seccomp_data, nr)),
        // What is written through a ring is no system call, so there is no ring.
        skip_unless_equal(libc::SYS_io_uring_setup as u32, 1),
        answer(SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    ];
    for call in CALLS {
        match call.flags {
            None => program.extend([
                skip_unless_equal(call.number as u32, 1),
                answer(SECCOMP_RET_USER_NOTIF),
            ]),
            Some(argument) => program.extend([
                skip_unless_equal(call.number as u32, 4),
                load(low_half(argument)),
                skip_unless_any(CHANGING, 1),
                answer(SECCOMP_RET_USER_NOTIF),
                answer(SECCOMP_RET_ALLOW),
            ]),
        }
    }
    program.push(answer(SECCOMP_RET_ALLOW));
    program
}

/// Where the lower four bytes of an argument are.
fn low_half(argument: usize) -> usize {
    let at = offset_of!(seccomp_data, args) + argument * size_of::<u64>();
    match cfg!(target_endian = "little") {
        true => at,
        false => at + size_of::<u32>(),
    }
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

fn load(offset: usize) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, offset as u32, 0, 0)
}

fn skip_unless_equal(value: u32, instructions: u8) -> sock_filter {
    instruction(BPF_JMP | BPF_JEQ | BPF_K, value, 0, instructions)
}

fn skip_unless_any(bits: u32, instructions: u8) -> sock_filter {
    instruction(BPF_JMP | BPF_JSET | BPF_K, bits, 0, instructions)
}

fn skip(instructions: u32) -> sock_filter {
    instruction(BPF_JMP | libc::BPF_JA, instructions, 0, 0)
}

fn answer(value: u32) -> sock_filter {
    instruction(BPF_RET | BPF_K, value, 0, 0)
}
