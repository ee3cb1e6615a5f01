//! `/dev`: the harmless devices of the host, and nothing else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::mount::MountFlags;

use super::LaunchError;
use super::mounts::{self, Restriction};
use crate::walls::{Wall, stands};

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// Fills `dev`, with shared memory taken from the directory `shared_memory`. There are no terminals.
pub(super) fn mount(dev: &str, shared_memory: &str) -> Result<(), LaunchError> {
    if !stands(Wall::PrivateDevices) {
        return mounts::bind_all(Path::new("/dev"), dev);
    }
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mounts::tmpfs(dev, flags, "size=64k,nr_inodes=64,mode=755")?;
    let make = |path: &str, result: std::io::Result<()>| {
        result.map_err(|source| LaunchError::Make { path: path.to_owned(), source })
    };
    for device in DEVICES {
        let at = format!("{dev}/{device}");
        make(&at, fs::write(&at, ""))?;
        mounts::bind(&Path::new("/dev").join(device), &at)?;
    }
    for (name, target) in LINKS {
        let at = format!("{dev}/{name}");
        make(&at, symlink(target, &at))?;
    }
    let at = format!("{dev}/shm");
    make(&at, fs::create_dir(&at))?;
    mounts::restrict(dev, Restriction::ReadOnly)?;
    mounts::bind(Path::new(shared_memory), &at)
}
