//! Namespaces, and who the sandbox's root is outside.

use std::fs::{self, File};
use std::io::{self, IoSlice, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};

use nix::libc;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::process::{Gid, Pid, Uid, WaitOptions, geteuid, getuid, waitpid};
use rustix::thread::{
    CapabilitiesSecureBits, LinkNameSpaceType, UnshareFlags, move_into_link_name_space,
    set_capabilities_secure_bits, set_thread_groups, set_thread_res_gid, set_thread_res_uid, unshare_unsafe,
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
    enter_user().map_err(LaunchError::UserNamespace)?;
    write_map("/proc/self/setgroups", "deny")?;
    write_map("/proc/self/uid_map", &format!("0 {uid} 1"))?;
    write_map("/proc/self/gid_map", &format!("0 {gid} 1"))
}

/// Enters a user namespace without maps.
#[allow(unsafe_code, reason = "unshare is unsafe for the sake of one flag")]
fn enter_user() -> Result<(), Errno> {
    // SAFETY: only unsharing the descriptor table (UnshareFlags::FILES) can break other code; it is not among the
    // flags, and this process has one thread.
    unsafe { unshare_unsafe(UnshareFlags::NEWUSER) }
}

/// Makes a user namespace whose root is the given user and group of the host, for [`enter_made_user`]. Nothing is in it yet.
///
/// It is made by a short-lived process that is that user already: what is counted inside counts for whoever has made the
/// namespace as well, up to the host's limits of that user, and the host's root would be the same one for all sandboxes.
#[allow(unsafe_code, reason = "a process that goes on in the same program needs a plain fork")]
pub(super) fn make_user(uid: u32, gid: u32) -> Result<OwnedFd, LaunchError> {
    let pair = || socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let (ours, theirs) = pair().map_err(LaunchError::Pair)?;
    // SAFETY: the launcher has one thread, so the child may go on as its parent would.
    let maker = match unsafe { libc::fork() } {
        0 => {
            drop(ours);
            be_maker(uid, &theirs)
        }
        pid => Pid::from_raw(pid).filter(|_| pid > 0),
    };
    drop(theirs);
    let maker = maker.ok_or_else(|| LaunchError::Clone(io::Error::last_os_error()))?;
    let made = take_over(maker, &ours, (uid, gid));
    drop(ours);
    // Nobody listens to it any more, and so it exits.
    let _ = waitpid(Some(maker), WaitOptions::empty());
    made
}

/// The maker's whole life: an error number when it was not let, and zero with the namespace when that is there; then until the
/// other side closes. It passes the namespace itself, as looking into another user's process takes a capability more.
fn be_maker(uid: u32, launcher: &OwnedFd) -> ! {
    let make = || -> Result<OwnedFd, Errno> {
        // Some kernels let only those make user namespaces who have a capability: becoming a user must not cost them.
        set_capabilities_secure_bits(CapabilitiesSecureBits::NO_SETUID_FIXUP)?;
        // Who makes a namespace is the effective user.
        set_thread_res_uid(getuid(), Uid::from_raw(uid), geteuid())?;
        enter_user()?;
        openat(CWD, "/proc/self/ns/user", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    };
    let (errno, made) = match make() {
        Ok(made) => (0, Some(made)),
        Err(errno) => (errno.raw_os_error(), None),
    };
    let passed: Vec<_> = made.iter().map(|made| made.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !passed.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&passed));
    }
    // Whoever is gone needs no answer, and says nothing.
    let _ = sendmsg(launcher, &[IoSlice::new(&errno.to_ne_bytes())], &mut ancillary, SendFlags::NOSIGNAL);
    let _ = rustix::io::read(launcher, &mut [0]);
    std::process::exit(0)
}

fn take_over(maker: Pid, socket: &OwnedFd, (uid, gid): (u32, u32)) -> Result<OwnedFd, LaunchError> {
    let mut errno = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    recvmsg(socket, &mut [IoSliceMut::new(&mut errno)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)
        .map_err(|error| LaunchError::Handshake(error.into()))?;
    let made = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut passed) => passed.next(),
        _ => None,
    });
    let made = made.ok_or_else(|| match i32::from_ne_bytes(errno) {
        0 => LaunchError::Handshake(io::ErrorKind::UnexpectedEof.into()),
        errno => LaunchError::UserNamespace(Errno::from_raw_os_error(errno)),
    })?;
    let maker = maker.as_raw_nonzero();
    write_map(&format!("/proc/{maker}/setgroups"), "deny")?;
    write_map(&format!("/proc/{maker}/gid_map"), &format!("0 {gid} 1"))?;
    write_map(&format!("/proc/{maker}/uid_map"), &format!("0 {uid} 1"))?;
    Ok(made)
}

/// Enters the user namespace that [`make_user`] has made.
pub(super) fn enter_made_user(made: &OwnedFd) -> Result<(), LaunchError> {
    move_into_link_name_space(made.as_fd(), Some(LinkNameSpaceType::User)).map_err(LaunchError::UserNamespace)
}

/// Instances of inotify in one sandbox: a dev server has one or two, and each tool beside it one. The host gives a user 128.
const INOTIFY_INSTANCES: u32 = 64;

/// Files and folders that are watched in one sandbox; each costs the kernel about a kilobyte. A large project has some
/// thousands, and `node_modules` is not watched.
const INOTIFY_WATCHES: u32 = 65_536;

/// Bounds what the user namespace of this process may have of inotify; `settings` is `/proc/sys` as it was before it was
/// covered. Takes a capability, and holds for good: nobody inside has it.
pub(super) fn bound_user(settings: &OwnedFd) -> Result<(), LaunchError> {
    for (name, most) in
        [("max_inotify_instances", INOTIFY_INSTANCES), ("max_inotify_watches", INOTIFY_WATCHES)]
    {
        let path = format!("user/{name}");
        match openat(settings, &path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(file) => File::from(file).write_all(most.to_string().as_bytes()),
            // A kernel without inotify.
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
        .map_err(|source| LaunchError::UserLimit { name, source })?;
    }
    Ok(())
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
