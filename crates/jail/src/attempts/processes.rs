//! Other processes, the guest among them; and what a process may be and do itself.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use nix::libc;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::call::{call, reached};
use super::{Attempt, argument, number};

pub(super) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("trace-me", |_| ptrace(libc::PTRACE_TRACEME, 0)),
    ("trace", |arguments| ptrace(libc::PTRACE_SEIZE, number(arguments, 0)?)),
    ("read-memory", read_memory),
    ("take-socket", take_socket),
    ("signal", |arguments| call(libc::SYS_kill, [number::<i32>(arguments, 0)?.into(), 0.into()]).map(drop)),
    ("slow-down", slow_down),
    ("see-process", see_process),
    ("shared-memory", |arguments| {
        call(libc::SYS_shmget, [number::<i32>(arguments, 0)?.into(), 0.into(), 0.into()]).map(drop)
    }),
    ("message-queue", |arguments| {
        call(libc::SYS_msgget, [number::<i32>(arguments, 0)?.into(), 0.into()]).map(drop)
    }),
    ("become-user", |_| call(libc::SYS_setuid, [1000.into()]).map(drop)),
    ("leave-groups", |_| call(libc::SYS_setgroups, [0.into(), 0.into()]).map(drop)),
    ("give-away", |_| give_away()),
    ("real-time", |_| real_time()),
    ("priority", |_| call(libc::SYS_setpriority, [0.into(), 0.into(), (-20).into()]).map(drop)),
    ("raise-limit", |_| raise_limit()),
    ("spare-me", |_| fs::write("/proc/self/oom_score_adj", "-1000")),
    ("capabilities", |_| capabilities()),
];

fn ptrace(request: libc::c_uint, pid: i32) -> io::Result<()> {
    call(libc::SYS_ptrace, [i64::from(request).into(), pid.into(), 0.into(), 0.into()]).map(drop)
}

/// Reads a byte where nothing is: the kernel says so only after it has allowed to look.
fn read_memory(arguments: &[String]) -> io::Result<()> {
    let pid: i32 = number(arguments, 0)?;
    let mut byte = [0_u64; 1];
    let (mut here, mut there) = ([byte.as_mut_ptr() as u64, 1], [8_u64, 1]);
    let arguments = [pid.into(), (&mut here).into(), 1.into(), (&mut there).into(), 1.into(), 0.into()];
    reached(call(libc::SYS_process_vm_readv, arguments))
}

/// Takes a socket out of another process: in the guest, one of those that lead to the server.
#[allow(unsafe_code, reason = "the call is made by number")]
fn take_socket(arguments: &[String]) -> io::Result<()> {
    const DESCRIPTORS: i32 = 32;
    let process = call(libc::SYS_pidfd_open, [number::<i32>(arguments, 0)?.into(), 0.into()])?;
    let mut last = io::Error::from_raw_os_error(libc::EBADF);
    for descriptor in 0..DESCRIPTORS {
        match call(libc::SYS_pidfd_getfd, [process.into(), descriptor.into(), 0.into()]) {
            Ok(taken) => {
                // SAFETY: the kernel has just made this descriptor for this process; nothing else owns it.
                let taken = unsafe { OwnedFd::from_raw_fd(i32::try_from(taken).unwrap_or(-1)) };
                if rustix::net::sockopt::socket_type(taken.as_fd()).is_ok() {
                    return Ok(());
                }
            }
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn slow_down(arguments: &[String]) -> io::Result<()> {
    let pid: i32 = number(arguments, 0)?;
    call(libc::SYS_setpriority, [0.into(), pid.into(), 19.into()]).map(drop)
}

/// Whether the process of this number is the one of this name.
fn see_process(arguments: &[String]) -> io::Result<()> {
    let seen = fs::read_to_string(format!("/proc/{}/comm", argument(arguments, 0)?))?;
    match seen.trim() == argument(arguments, 1)? {
        true => Ok(()),
        false => Err(io::Error::from_raw_os_error(libc::ESRCH)),
    }
}

fn give_away() -> io::Result<()> {
    File::create("/tmp/given")?;
    std::os::unix::fs::chown("/tmp/given", Some(1), Some(1))
}

fn real_time() -> io::Result<()> {
    // `struct sched_param`: one number of 32 bits.
    let mut parameters = [1_u64; 1];
    call(libc::SYS_sched_setscheduler, [0.into(), libc::SCHED_FIFO.into(), (&mut parameters).into()])
        .map(drop)
}

fn raise_limit() -> io::Result<()> {
    let now = getrlimit(Resource::Nofile);
    let more = now.maximum.map(|maximum| maximum + 1);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: now.current, maximum: more })?)
}

/// Whether this process, which root has just executed, has any capability.
fn capabilities() -> io::Result<()> {
    let status = fs::read_to_string("/proc/self/status")?;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:\t"));
    match effective.and_then(|set| u64::from_str_radix(set, 16).ok()) {
        Some(0) | None => Err(io::Error::from_raw_os_error(libc::EPERM)),
        Some(_) => Ok(()),
    }
}
