//! The few mount calls that a root is made of, each with what it was for in its error.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::libc;
use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_bind,
    mount_bind_recursive, mount_change, move_mount, open_tree,
};

use super::LaunchError;
use crate::walls::{Wall, stands};

/// What every file system of a sandbox is mounted with: no privileged programs, no devices.
pub(super) const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// The same for what the sandbox can write to.
pub(super) fn plain_writable() -> MountFlags {
    if stands(Wall::PlainMounts) { PLAIN } else { MountFlags::empty() }
}

/// Stops mounts from travelling to and from the namespace this one was copied from.
pub(super) fn make_private() -> Result<(), LaunchError> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|source| LaunchError::Mount { what: "/ as private".to_owned(), source })
}

/// A file system in memory.
pub(super) fn tmpfs(at: &str, flags: MountFlags, options: &str) -> Result<(), LaunchError> {
    special("tmpfs", at, flags, options)
}

/// A file system without a source.
pub(super) fn special(kind: &str, at: &str, flags: MountFlags, options: &str) -> Result<(), LaunchError> {
    let what = || format!("{kind} on {at}");
    let data = CString::new(options)
        .map_err(|_| LaunchError::Mount { what: what(), source: rustix::io::Errno::INVAL })?;
    mount(kind, at, kind, flags, data.as_c_str())
        .map_err(|source| LaunchError::Mount { what: what(), source })
}

/// Read-only directories, topmost first, seen as one; `top` makes it writable. All are relative to the working
/// directory: the kernel shows them inside as they are written here, and the host's paths are nobody's business there.
pub(super) fn overlay(
    at: &str,
    lowers: &[String],
    top: Option<&str>,
    in_user: bool,
) -> Result<(), LaunchError> {
    let mut options = format!("lowerdir={}", lowers.join(":"));
    if let Some(top) = top {
        options += &format!(",upperdir={top}/upper,workdir={top}/work");
    }
    if in_user {
        // Extended attributes of the `trusted` kind are for the host's root only.
        options += ",userxattr";
    }
    let read_only = if top.is_none() { MountFlags::RDONLY } else { MountFlags::empty() };
    special("overlay", at, PLAIN | read_only, &options)
}

/// The directory or file `source` at `at`, with the flags it has there.
pub(super) fn bind(source: &Path, at: &str) -> Result<(), LaunchError> {
    mount_bind(source, at)
        .map_err(|error| LaunchError::Mount { what: format!("{} on {at}", source.display()), source: error })
}

/// The directory `source` with all that is mounted beneath it.
pub(super) fn bind_all(source: &Path, at: &str) -> Result<(), LaunchError> {
    mount_bind_recursive(source, at)
        .map_err(|error| LaunchError::Mount { what: format!("{} on {at}", source.display()), source: error })
}

/// Overlays take lowers whose owners were mapped since Linux 5.19.
const OWNERS_IN_OVERLAYS: (u32, u32) = (5, 19);

/// Whether an overlay can be made of what [`bind_as_owned`] mounts.
pub(super) fn overlays_take_owners() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= OWNERS_IN_OVERLAYS
}

/// The directory `source` at `at`, where owners are others than on the disk: whoever has the id there that somebody has
/// inside the namespace `user` is who they are outside of it. Not every file system can.
pub(super) fn bind_as_owned(source: &Path, at: &str, user: &OwnedFd) -> io::Result<()> {
    let tree = open_tree(CWD, source, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)?;
    let userns_fd = user.as_raw_fd().unsigned_abs().into();
    let mapped =
        libc::mount_attr { attr_set: libc::MOUNT_ATTR_IDMAP, attr_clr: 0, propagation: 0, userns_fd };
    set_attributes(tree.as_fd(), c"", libc::AT_EMPTY_PATH, &mapped)?;
    Ok(move_mount(&tree, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// How a mount is restricted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restriction {
    /// No privileged programs, no devices.
    Plain,
    /// The same, and read-only.
    ReadOnly,
}

/// Restricts a mount further. Adds to the flags it has, which a remount would have to repeat exactly.
pub(super) fn restrict(at: &str, restriction: Restriction) -> Result<(), LaunchError> {
    let failed = |source| LaunchError::Restrict { path: at.to_owned(), source };
    let path = CString::new(at).map_err(|error| failed(error.into()))?;
    let plain = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    let attributes = libc::mount_attr {
        attr_set: match restriction {
            Restriction::Plain => plain,
            Restriction::ReadOnly => plain | libc::MOUNT_ATTR_RDONLY,
        },
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    set_attributes(CWD, &path, 0, &attributes).map_err(failed)
}

#[allow(unsafe_code, reason = "no crate here wraps mount_setattr")]
fn set_attributes(
    folder: BorrowedFd<'_>,
    path: &CStr,
    flags: libc::c_int,
    attributes: &libc::mount_attr,
) -> io::Result<()> {
    // SAFETY: `path` is NUL-terminated and `attributes` is a complete `mount_attr`; both outlive the call, which only
    // reads them, and `folder` is open for as long.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            folder.as_raw_fd(),
            path.as_ptr(),
            flags,
            &raw const *attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
