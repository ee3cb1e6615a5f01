//! Removing whatever stands in the way, without following links and without deep recursion.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

use super::batch::is_folder;

/// Folders within folders; deeper ones can only have been made to be a nuisance.
const MAX_DEPTH: usize = 64;

/// Removes `name` in `folder`, with everything beneath it.
pub(super) fn remove(folder: &OwnedFd, name: &str) -> Result<(), Errno> {
    remove_at(folder, name, 0)
}

fn remove_at(folder: &OwnedFd, name: &str, depth: usize) -> Result<(), Errno> {
    if !is_folder(folder, name)? {
        return unlinkat(folder, name, AtFlags::empty());
    }
    if depth > MAX_DEPTH {
        return Err(Errno::LOOP);
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let inner = openat(folder, name, flags, Mode::empty())?;
    for entry in Dir::read_from(&inner)? {
        let entry = entry?;
        match entry.file_name().to_str() {
            Ok("." | "..") => {}
            Ok(name) => remove_at(&inner, name, depth + 1)?,
            // A name that is not UTF-8 is not ours to interpret; the folder stays, and says so.
            Err(_) => return Err(Errno::NOTEMPTY),
        }
    }
    unlinkat(folder, name, AtFlags::REMOVEDIR)
}
