//! Mounts and roots: the ways to change what is seen of the file system.

use std::ffi::CString;
use std::io;

use nix::libc;

use super::call::{call, in_child};
use super::{Attempt, argument};

pub(super) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("mount", mount),
    ("remount", remount),
    ("unmount", unmount),
    ("open-file-system", |_| call(libc::SYS_fsopen, [c"tmpfs".into(), 0.into()]).map(drop)),
    ("clone-tree", |_| clone_tree()),
    ("make-writable", |_| make_writable()),
    ("pivot-root", |_| pivot_root()),
    ("chroot", |_| call(libc::SYS_chroot, [c"/tmp".into()]).map(drop)),
    ("mount-as-new-user", |_| mount_as_new_user()),
    ("fresh-proc", |_| fresh_proc()),
];

const NEW_USER: i32 = libc::CLONE_NEWUSER | libc::CLONE_NEWNS;

/// Mounts a file system of the given kind, with options, over the scratch directory.
fn mount(arguments: &[String]) -> io::Result<()> {
    let kind = CString::new(argument(arguments, 0)?)?;
    let options = CString::new(argument(arguments, 1).unwrap_or_default())?;
    mount_scratch(&kind, &options)
}

fn mount_scratch(kind: &std::ffi::CStr, options: &std::ffi::CStr) -> io::Result<()> {
    let arguments = [c"none".into(), c"/tmp".into(), kind.into(), 0.into(), options.into()];
    call(libc::SYS_mount, arguments).map(drop)
}

/// Makes a mount writable by mounting it again, the old way.
fn remount(arguments: &[String]) -> io::Result<()> {
    let place = CString::new(argument(arguments, 0)?)?;
    let flags = i64::try_from(libc::MS_REMOUNT | libc::MS_BIND).unwrap_or(0);
    let arguments = [c"none".into(), place.as_c_str().into(), 0.into(), flags.into(), 0.into()];
    call(libc::SYS_mount, arguments).map(drop)
}

fn unmount(arguments: &[String]) -> io::Result<()> {
    let place = CString::new(argument(arguments, 0)?)?;
    call(libc::SYS_umount2, [place.as_c_str().into(), libc::MNT_DETACH.into()]).map(drop)
}

fn clone_tree() -> io::Result<()> {
    const CLONE: i32 = 1;
    call(libc::SYS_open_tree, [libc::AT_FDCWD.into(), c"/".into(), CLONE.into()]).map(drop)
}

/// The same as [`remount`], the new way.
fn make_writable() -> io::Result<()> {
    // `struct mount_attr`: to set, to clear, propagation, user namespace.
    let mut attributes = [0, libc::MOUNT_ATTR_RDONLY, 0, 0];
    let arguments = [libc::AT_FDCWD.into(), c"/".into(), 0.into(), (&mut attributes).into(), 32.into()];
    call(libc::SYS_mount_setattr, arguments).map(drop)
}

fn pivot_root() -> io::Result<()> {
    std::env::set_current_dir("/tmp")?;
    call(libc::SYS_pivot_root, [c".".into(), c".".into()]).map(drop)
}

/// Whoever makes a user namespace is root in it, and may mount in it.
fn mount_as_new_user() -> io::Result<()> {
    call(libc::SYS_unshare, [NEW_USER.into()])?;
    mount_scratch(c"tmpfs", c"")
}

/// A `/proc` without covers. Beside the filter, the kernel itself refuses it while the old one is covered.
fn fresh_proc() -> io::Result<()> {
    call(libc::SYS_unshare, [(NEW_USER | libc::CLONE_NEWPID).into()])?;
    in_child(|| mount_scratch(c"proc", c""))
}
