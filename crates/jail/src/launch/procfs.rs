//! `/proc`: the sandbox's own processes, and of the rest only what programs ask for in good faith.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::MountFlags;

use super::LaunchError;
use super::mounts::{self, Restriction};
use crate::walls::{Wall, stands};

/// What stays visible beside the processes. Everything else, and whatever a newer kernel adds, is covered. `sys` is
/// read-only. Processes are not hidden from each other (`hidepid`): all of them belong to the one sandbox, and the
/// guest finds what a command left behind by looking here.
const VISIBLE: [&str; 8] =
    ["cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "sys", "uptime", "version"];

/// Mounts a fresh `/proc` and covers most of it with the empty file and directory in `masks`. Returns its `sys` as it is
/// beneath the cover, for the launcher's own settings.
pub(super) fn mount(proc: &str, masks: &str) -> Result<OwnedFd, LaunchError> {
    mounts::special("proc", proc, mounts::PLAIN | MountFlags::NOEXEC, "")?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let settings = openat(CWD, format!("{proc}/sys"), flags, Mode::empty())
        .map_err(|error| LaunchError::ListProc(error.into()))?;
    cover(proc, masks).map(|()| settings)
}

fn cover(proc: &str, masks: &str) -> Result<(), LaunchError> {
    if !stands(Wall::CoveredProc) {
        return Ok(());
    }
    for entry in fs::read_dir(proc).map_err(LaunchError::ListProc)? {
        let entry = entry.map_err(LaunchError::ListProc)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().map_err(LaunchError::ListProc)?;
        let is_process = name.bytes().all(|byte| byte.is_ascii_digit());
        if is_process || kind.is_symlink() || VISIBLE.contains(&name.as_str()) {
            continue;
        }
        let mask = if kind.is_dir() { "directory" } else { "file" };
        mounts::bind(&Path::new(masks).join(mask), &format!("{proc}/{name}"))?;
    }
    let sys = format!("{proc}/sys");
    mounts::bind(Path::new(&sys), &sys)?;
    mounts::restrict(&sys, Restriction::ReadOnly)
}
