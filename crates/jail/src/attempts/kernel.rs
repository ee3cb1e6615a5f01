//! Namespaces, and facilities of the kernel that no sandbox has any business with.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use nix::libc;

use super::call::{call, reached, wait_for};
use super::{Attempt, argument};

pub(super) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("unshare", unshare),
    ("clone-user", |_| clone_user()),
    ("clone3-user", |_| clone3_user()),
    ("join-namespace", join_namespace),
    ("bpf", |_| bpf()),
    ("perf", |_| perf()),
    ("userfaultfd", |_| call(libc::SYS_userfaultfd, [USER_MODE_ONLY.into()]).map(drop)),
    ("io-uring", |_| call(libc::SYS_io_uring_setup, [1.into(), (&mut [0; 15]).into()]).map(drop)),
    ("add-key", |_| add_key()),
    ("find-key", find_key),
    ("init-module", |_| reached(call(libc::SYS_init_module, [0.into(), 0.into(), c"".into()]))),
    ("kexec", |_| reached(call(libc::SYS_kexec_load, [0.into(), 0.into(), 0.into(), 0.into()]))),
    // Without its magic numbers.
    ("reboot", |_| reached(call(libc::SYS_reboot, [0.into(), 0.into(), 0.into()]))),
    ("swapon", |_| reached(call(libc::SYS_swapon, [c"/tmp/none".into(), 0.into()]))),
    ("kernel-log", |_| call(libc::SYS_syslog, [LOG_SIZE_UNREAD.into(), 0.into(), 0.into()]).map(drop)),
    ("clock", |_| clock()),
    ("host-name", |_| call(libc::SYS_sethostname, [c"through".into(), 7.into()]).map(drop)),
    ("file-handle", |_| file_handle()),
    ("fanotify", |_| call(libc::SYS_fanotify_init, [FAN_CLASS_CONTENT.into(), 0.into()]).map(drop)),
    ("list-mounts", |_| list_mounts()),
    ("new-call", |_| {
        reached(call(NEWER_THAN_REVIEWED, [(-1).into(), 0.into(), 0.into(), 0.into(), 0.into()]))
    }),
    ("port-access", |_| foreign::port_access()),
    ("segments", |_| foreign::segments()),
    ("old-call", |_| foreign::old_call()),
];

const USER_MODE_ONLY: i32 = 1;
const LOG_SIZE_UNREAD: i32 = 9;
const FAN_CLASS_CONTENT: i32 = 4;

/// `open_tree_attr`, of Linux 6.15.
const NEWER_THAN_REVIEWED: libc::c_long = 467;

/// The session keyring of the caller.
const SESSION_KEYRING: i32 = libc::KEY_SPEC_SESSION_KEYRING;

fn unshare(arguments: &[String]) -> io::Result<()> {
    let flag = match argument(arguments, 0)? {
        "user" => libc::CLONE_NEWUSER,
        "mount" => libc::CLONE_NEWNS,
        "network" => libc::CLONE_NEWNET,
        "process" => libc::CLONE_NEWPID,
        "ipc" => libc::CLONE_NEWIPC,
        "host-name" => libc::CLONE_NEWUTS,
        _ => libc::CLONE_NEWCGROUP,
    };
    call(libc::SYS_unshare, [flag.into()]).map(drop)
}

fn clone_user() -> io::Result<()> {
    let flags = libc::CLONE_NEWUSER | libc::SIGCHLD;
    end_of(call(libc::SYS_clone, [flags.into(), 0.into(), 0.into(), 0.into(), 0.into()])?)
}

fn clone3_user() -> io::Result<()> {
    // `struct clone_args`: flags first, the exit signal fifth.
    let mut arguments = [0_u64; 11];
    arguments[0] = libc::CLONE_NEWUSER as u64;
    arguments[4] = libc::SIGCHLD as u64;
    let size = i64::try_from(size_of_val(&arguments)).unwrap_or(0);
    end_of(call(libc::SYS_clone3, [(&mut arguments).into(), size.into()])?)
}

/// Ends the child of a clone that got through, and waits for it in the parent.
fn end_of(pid: i64) -> io::Result<()> {
    match i32::try_from(pid).unwrap_or(0) {
        0 => std::process::exit(0),
        child => wait_for(child),
    }
}

/// Enters a namespace by its file: the host name's, which changes nothing.
fn join_namespace(arguments: &[String]) -> io::Result<()> {
    let namespace = File::open(argument(arguments, 0)?)?;
    call(libc::SYS_setns, [namespace.as_raw_fd().into(), 0.into()]).map(drop)
}

fn bpf() -> io::Result<()> {
    const MAP_CREATE: i32 = 0;
    const ARRAY: u64 = 2;
    // `union bpf_attr`: map type, key size, value size and entries, 32 bits each.
    let mut attributes = [ARRAY | 4 << 32, 4 | 1 << 32, 0, 0, 0, 0, 0, 0, 0];
    call(libc::SYS_bpf, [MAP_CREATE.into(), (&mut attributes).into(), 72.into()]).map(drop)
}

/// Counts this process's own time, which needs no privilege on most machines.
fn perf() -> io::Result<()> {
    const SOFTWARE: u64 = 1;
    const USER_ONLY: u64 = 1 << 5 | 1 << 6;
    // `struct perf_event_attr`: type and size in the first word, flags in the sixth.
    let mut attributes = [0_u64; 16];
    attributes[0] = SOFTWARE | 128 << 32;
    attributes[5] = USER_ONLY;
    let arguments = [(&mut attributes).into(), 0.into(), (-1).into(), (-1).into(), 0.into()];
    call(libc::SYS_perf_event_open, arguments).map(drop)
}

fn add_key() -> io::Result<()> {
    let arguments =
        [c"user".into(), c"vitrine-attempt".into(), c"x".into(), 1.into(), SESSION_KEYRING.into()];
    call(libc::SYS_add_key, arguments).map(drop)
}

/// Looks for a key of the given name in the session keyring, as it was inherited.
fn find_key(arguments: &[String]) -> io::Result<()> {
    let name = std::ffi::CString::new(argument(arguments, 0)?)?;
    let search = i64::from(libc::KEYCTL_SEARCH);
    let arguments = [search.into(), SESSION_KEYRING.into(), c"user".into(), name.as_c_str().into(), 0.into()];
    call(libc::SYS_keyctl, arguments).map(drop)
}

/// Sets the length of a tick to what it is.
fn clock() -> io::Result<()> {
    const SET_TICK: u64 = 0x4000;
    let mut state = [0_u64; 26];
    call(libc::SYS_adjtimex, [(&mut state).into()])?;
    state[0] = SET_TICK;
    call(libc::SYS_adjtimex, [(&mut state).into()]).map(drop)
}

/// Opens a folder by its handle instead of its path, as the `shocker` exploit opened the host's root.
fn file_handle() -> io::Result<()> {
    let mut handle = [0_u64; 18];
    handle[0] = 128;
    let mut mount = [0_u64; 1];
    let arguments =
        [libc::AT_FDCWD.into(), c"/tmp".into(), (&mut handle).into(), (&mut mount).into(), 0.into()];
    call(libc::SYS_name_to_handle_at, arguments)?;
    let folder = File::open("/tmp")?;
    let arguments = [folder.as_raw_fd().into(), (&mut handle).into(), libc::O_RDONLY.into()];
    call(libc::SYS_open_by_handle_at, arguments).map(drop)
}

fn list_mounts() -> io::Result<()> {
    const LISTMOUNT: libc::c_long = 458;
    // `struct mnt_id_req`: its size, the root of this namespace, and where to begin.
    let (mut request, mut found) = ([24, u64::MAX, 0], [0_u64; 8]);
    call(LISTMOUNT, [(&mut request).into(), (&mut found).into(), 8.into(), 0.into()]).map(drop)
}

#[cfg(target_arch = "x86_64")]
mod foreign {
    //! What only this architecture has.

    use std::io;

    use nix::libc;

    use super::call;

    pub(super) fn port_access() -> io::Result<()> {
        call(libc::SYS_iopl, [3.into()]).map(drop)
    }

    pub(super) fn segments() -> io::Result<()> {
        call(libc::SYS_modify_ldt, [0.into(), (&mut [0; 2]).into(), 16.into()]).map(drop)
    }

    /// A call of 32-bit programs, whose numbers mean other calls than the filter's list does.
    #[allow(unsafe_code, reason = "there is no other way to make one from a 64-bit program")]
    pub(super) fn old_call() -> io::Result<()> {
        const GETPID: i64 = 20;
        let mut result = GETPID;
        // SAFETY: this call takes no arguments and touches no memory; the kernel changes no register but the result and
        // those named.
        unsafe {
            std::arch::asm!(
                "int 0x80", inlateout("rax") result, out("r8") _, out("r9") _, out("r10") _, out("r11") _
            );
        }
        match result {
            pid if pid > 0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(i32::try_from(-error).unwrap_or(0))),
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod foreign {
    //! Nothing of this is known here.

    use std::io;

    use nix::libc;

    fn absent() -> io::Result<()> {
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    }

    pub(super) fn port_access() -> io::Result<()> {
        absent()
    }

    pub(super) fn segments() -> io::Result<()> {
        absent()
    }

    pub(super) fn old_call() -> io::Result<()> {
        absent()
    }
}
