//! Namespaces, and who the sandbox's root is outside.

use std::fs;
use std::io;

use nix::libc;
use rustix::io::Errno;
use rustix::process::{Gid, Pid, Uid};
use rustix::thread::{
    UnshareFlags, set_thread_groups, set_thread_res_gid, set_thread_res_uid, unshare_unsafe,
};

use super::LaunchError;
use crate::walls::{Wall, stands};

/// The namespaces beside that of mounts, without which there is no root to enter.
const NAMESPACES: [(Wall, libc::c_int); 5] = [
    (Wall::ProcessNamespace, libc::CLONE_NEWPID),
    (Wall::NetworkNamespace, libc::CLONE_NEWNET),
    (Wall::IpcNamespace, libc::CLONE_NEWIPC),
    (Wall::HostNameNamespace, libc::CLONE_NEWUTS),
    (Wall::CgroupNamespace, libc::CLONE_NEWCGROUP),
];

/// Clones this process into new mount, process, network, IPC, UTS and cgroup namespaces. Returns the child's id to the launcher and `None` to the child, which is
/// a child of the launcher's parent.
#[allow(unsafe_code, reason = "libc has no wrapper for a clone that continues on the same stack")]
pub(super) fn clone_into_namespaces() -> Result<Option<Pid>, LaunchError> {
    let standing = NAMESPACES.iter().filter(|(wall, _)| stands(*wall));
    let namespaces = standing.fold(libc::CLONE_NEWNS, |flags, (_, flag)| flags | flag);
    // The exit signal stays zero: with CLONE_PARENT the child inherits the launcher's, which is SIGCHLD.
    let arguments = libc::clone_args {
        flags: (namespaces | libc::CLONE_PARENT) as u64,
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: 0,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    };
    // SAFETY: `arguments` is a complete `clone_args` that outlives the call. Without CLONE_VM and with no stack given
    // this is a fork. The launcher has one thread, so the child's copy of memory holds no lock that another thread
    // held; libc's cached thread id is stale in the child, which starts no thread and soon executes a new program.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>()) };
    match i32::try_from(pid) {
        Ok(pid) if pid >= 0 => Ok(Pid::from_raw(pid)),
        _ => Err(LaunchError::Clone(io::Error::last_os_error())),
    }
}

/// Enters a user namespace in which this user is root. Groups are denied: an unprivileged map allows nothing else.
pub(super) fn enter_user_as_myself() -> Result<(), LaunchError> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    enter_user()?;
    write_map("/proc/self/setgroups", "deny")?;
    write_map("/proc/self/uid_map", &format!("0 {uid} 1"))?;
    write_map("/proc/self/gid_map", &format!("0 {gid} 1"))
}

/// Enters a user namespace without maps.
#[allow(unsafe_code, reason = "unshare is unsafe for the sake of one flag")]
pub(super) fn enter_user() -> Result<(), LaunchError> {
    // SAFETY: only unsharing the descriptor table (UnshareFlags::FILES) can break other code; it is not among the
    // flags, and this process has one thread.
    unsafe { unshare_unsafe(UnshareFlags::NEWUSER) }.map_err(LaunchError::UserNamespace)
}

/// Maps root in the user namespace of `pid` to the given user and group of the host, and denies `setgroups` there.
pub(super) fn write_maps(pid: Pid, uid: u32, gid: u32) -> Result<(), LaunchError> {
    let pid = pid.as_raw_nonzero();
    write_map(&format!("/proc/{pid}/setgroups"), "deny")?;
    write_map(&format!("/proc/{pid}/gid_map"), &format!("0 {gid} 1"))?;
    write_map(&format!("/proc/{pid}/uid_map"), &format!("0 {uid} 1"))
}

fn write_map(path: &str, content: &str) -> Result<(), LaunchError> {
    fs::write(path, content).map_err(|source| LaunchError::WriteMap { path: path.to_owned(), source })
}

/// Leaves every supplementary group of the host's root.
pub(super) fn leave_groups() -> Result<(), LaunchError> {
    set_thread_groups(&[]).map_err(LaunchError::Groups)
}

/// Takes on the mapped identity; until now the process was the host's root, seen from inside as nobody.
pub(super) fn become_inner_root() -> Result<(), LaunchError> {
    let become_root = || -> Result<(), Errno> {
        set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT)?;
        set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)
    };
    become_root().map_err(LaunchError::Identity)
}
