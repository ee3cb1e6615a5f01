//! Reading and writing the files of control groups.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A control group could not be made, written or removed.
#[derive(Debug, thiserror::Error)]
#[error("control group {path}: {source}")]
pub(in crate::local) struct GroupError {
    /// The directory or file.
    pub(in crate::local) path: PathBuf,
    /// What the system said.
    #[source]
    pub(in crate::local) source: io::Error,
}

/// Writes a setting that must hold.
pub(super) fn write(path: &Path, value: &str) -> Result<(), GroupError> {
    std::fs::write(path, value).map_err(|source| GroupError { path: path.to_owned(), source })
}

/// Writes a setting that not every kernel has.
pub(super) fn write_if_there(path: &Path, value: &str) {
    // Without creating it: in a directory that is none of the kernel's there would be a file now.
    let _ = std::fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(path)
        .and_then(|mut file| file.write_all(value.as_bytes()));
}

/// Makes a directory; fine when it is there.
pub(super) fn make_dir(path: &Path) -> Result<(), GroupError> {
    match std::fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(GroupError { path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

/// A file with one number.
pub(super) fn number(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// A number in a file of `name value` lines.
pub(super) fn field(path: &Path, name: &str) -> Option<u64> {
    let content = std::fs::read_to_string(path).ok()?;
    content.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The directories in `path`.
pub(super) fn subdirs(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}
