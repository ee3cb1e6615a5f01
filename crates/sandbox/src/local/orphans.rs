//! What a server that was killed leaves behind, and how the next one finds it.
//!
//! Normally nothing is left but empty control groups: a guest whose server is gone exits, and the kernel ends its
//! process namespace with everything in it. A note per sandbox, with its first process and that process's start time,
//! serves those that could not (frozen ones) on machines without control groups.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::cgroup::Cgroups;
use crate::driver::{DriverError, OrphanReport};

/// Notes that a sandbox exists, with `pid` as its first process, and where its freezer is told to let go.
pub(super) fn note(path: &Path, pid: i32, freezer: Option<&Path>) -> io::Result<()> {
    let freezer = freezer.map(|file| format!("{}\n", file.display())).unwrap_or_default();
    fs::write(path, format!("{pid} {}\n{freezer}", identity_of(pid)?))
}

/// Removes everything.
pub(super) fn remove(notes: &Path, cgroups: &Cgroups) -> Result<OrphanReport, DriverError> {
    let mut alive = BTreeSet::new();
    let mut leftovers = 0;
    for entry in fs::read_dir(notes)? {
        let entry = entry?;
        if kill_noted(&entry.path()) {
            alive.insert(entry.file_name().to_string_lossy().into_owned());
        }
        fs::remove_file(entry.path())?;
        leftovers += 1;
    }
    for group in cgroups.leftovers() {
        if group.is_populated() {
            alive.insert(group.id().to_owned());
        }
        let removed = group.remove();
        removed
            .map_err(|error| DriverError::Setup { step: "orphans".to_owned(), reason: error.to_string() })?;
        leftovers += 1;
    }
    Ok(OrphanReport { sandboxes: u32::try_from(alive.len()).unwrap_or(u32::MAX), leftovers })
}

/// True when the process of a note was still alive; it is not for long.
fn kill_noted(path: &Path) -> bool {
    let note = fs::read_to_string(path).unwrap_or_default();
    let (process, freezer) = note.split_once('\n').unwrap_or((&note, ""));
    let Some((pid, identity)) = process.split_once(' ') else { return false };
    let Some(handle) = pid.parse().ok().and_then(Pid::from_raw) else { return false };
    // Opened before the identity is compared: the handle cannot come to mean another process afterwards.
    let Ok(pidfd) = pidfd_open(handle, PidfdFlags::empty()) else { return false };
    let is_same = identity_of(handle.as_raw_nonzero().get()).is_ok_and(|now| now == identity);
    let is_killed = is_same && pidfd_send_signal(&pidfd, Signal::KILL).is_ok();
    if is_killed && !freezer.trim_end().is_empty() {
        // It dies when it is let go, wherever the groups of this server are by now. Gone already is as good.
        let _ = fs::OpenOptions::new()
            .write(true)
            .open(freezer.trim_end())
            .and_then(|mut file| file.write_all(b"THAWED"));
    }
    is_killed
}

/// What no other process of this number has: when the machine and when the process started. One that has ended and only
/// waits to be noticed has none.
fn identity_of(pid: i32) -> io::Result<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // See proc_pid_stat(5): field 22, counted from after the name, which ends with the last parenthesis.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_name.split_ascii_whitespace();
    if fields.next() == Some("Z") {
        return Err(io::ErrorKind::NotFound.into());
    }
    let started = fields.nth(18).unwrap_or_default();
    Ok(format!("{} {started}", boot.trim()))
}
