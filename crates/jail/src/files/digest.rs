//! What a project holds, by hash.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

use rustix::fs::{Dir, FileType, Mode, OFlags, openat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::{FileError, Held, Project, errno_of};
use crate::protocol::HeldEntry;

/// Entries looked at: four times what a draft may hold.
const MAX_ENTRIES: usize = 20_000;
/// Bytes hashed: twice what a draft may hold.
const MAX_BYTES: u64 = 512 * 1024 * 1024;
/// Bytes of all names together, so that the answer fits a frame.
const MAX_NAME_BYTES: usize = 4 * 1024 * 1024;
const MAX_DEPTH: usize = 64;

/// Folders that tools make, wherever they are.
const GENERATED: [&str; 12] = [
    "node_modules",
    ".git",
    ".hg",
    ".svn",
    ".vitrine",
    ".vite",
    ".vite-temp",
    ".astro",
    ".cache",
    ".next",
    ".turbo",
    ".parcel-cache",
];

/// Folders that tools make at the top.
const GENERATED_AT_TOP: [&str; 1] = ["dist"];

impl Project {
    /// Every ordinary file with its hash, in no particular order; without what tools generate, links and special files.
    pub fn digest(&self) -> Result<Vec<HeldEntry>, FileError> {
        let mut walk = Walk::default();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root =
            openat(&self.root, ".", flags, Mode::empty()).map_err(|error| FileError::of(".", error))?;
        walk.folder(&root, "", 0)?;
        Ok(walk.found)
    }
}

#[derive(Default)]
struct Walk {
    found: Vec<HeldEntry>,
    entries: usize,
    bytes: u64,
    name_bytes: usize,
}

impl Walk {
    fn folder(&mut self, folder: &OwnedFd, prefix: &str, depth: usize) -> Result<(), FileError> {
        if depth > MAX_DEPTH {
            return Err(FileError::TooMuch("levels"));
        }
        for entry in Dir::read_from(folder).map_err(|error| FileError::of(prefix, error))? {
            let entry = entry.map_err(|error| FileError::of(prefix, error))?;
            // No project path is anything but UTF-8.
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(FileError::TooMuch("files"));
            }
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            match entry.file_type() {
                FileType::Directory if is_generated(name, depth) => {}
                FileType::Directory => self.enter(folder, name, &path, depth)?,
                FileType::RegularFile => self.file(folder, name, path)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn enter(&mut self, folder: &OwnedFd, name: &str, path: &str, depth: usize) -> Result<(), FileError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(folder, name, flags, Mode::empty()) {
            Ok(inner) => self.folder(&inner, path, depth + 1),
            Err(error) => ignore_vanished(path, error),
        }
    }

    fn file(&mut self, folder: &OwnedFd, name: &str, path: String) -> Result<(), FileError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = match openat(folder, name, flags, Mode::empty()).and_then(Held::of) {
            Ok(Some(held)) => held,
            Ok(None) => return Ok(()),
            Err(error) => return ignore_vanished(&path, error),
        };
        self.bytes += held.size;
        self.name_bytes += path.len();
        if self.bytes > MAX_BYTES {
            return Err(FileError::TooMuch("bytes"));
        }
        if self.name_bytes > MAX_NAME_BYTES {
            return Err(FileError::TooMuch("long names"));
        }
        let is_executable = held.is_executable;
        let size = held.size;
        let sha256 =
            hash(File::from(held.file), size).map_err(|error| FileError::of(&path, errno_of(&error)))?;
        self.found.push(HeldEntry { path, sha256, is_executable });
        Ok(())
    }
}

fn is_generated(name: &str, depth: usize) -> bool {
    GENERATED.contains(&name) || (depth == 0 && GENERATED_AT_TOP.contains(&name))
}

/// What disappears, changes its kind or closes itself while one looks is not there.
fn ignore_vanished(path: &str, error: Errno) -> Result<(), FileError> {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::ACCESS => Ok(()),
        error => Err(FileError::of(path, error)),
    }
}

/// Hashes at most `size` bytes: a file that grows while it is read must not take for ever.
fn hash(file: File, size: u64) -> std::io::Result<String> {
    let mut file = file.take(size);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_at_most_so_many_files() {
        let dir = tempfile::tempdir().unwrap();
        let [root, staging] = ["root", "staging"].map(|name| dir.path().join(name));
        std::fs::create_dir(&root).unwrap();
        std::fs::create_dir(&staging).unwrap();
        let project = Project::open(&root, &staging).unwrap();
        for n in 0..MAX_ENTRIES {
            std::fs::write(root.join(n.to_string()), "").unwrap();
        }
        assert_eq!(project.digest().unwrap().len(), MAX_ENTRIES);
        std::fs::write(root.join("one more"), "").unwrap();
        assert!(matches!(project.digest(), Err(FileError::TooMuch("files"))));
    }
}
