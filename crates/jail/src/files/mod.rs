//! The files of a project: written, read and hashed beneath one directory that hostile code may write to as well.
//!
//! Every path is resolved by the kernel beneath the project's directory without following a single symbolic link
//! (`openat2` with `RESOLVE_BENEATH`), from descriptors that were opened before any foreign code ran. Whatever the
//! sandboxed code puts in the way, it can spoil its own project and reach nothing else.

mod batch;
mod collect;
mod digest;
mod tree;

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use crate::walls::{Wall, stands};

pub use batch::Batch;

/// Beneath the project, through no link and into no other mount.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// How every path of a project is resolved.
fn beneath() -> ResolveFlags {
    if stands(Wall::BeneathProject) { BENEATH } else { ResolveFlags::empty() }
}

/// Why a file operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path is not a plain relative one.
    #[error("`{0}` is not a path in the project")]
    Path(String),
    /// The disk is full, or another limit is reached.
    #[error("{what}: {source}")]
    Limit {
        /// Which file.
        what: String,
        /// What the system said.
        source: Errno,
    },
    /// Anything else.
    #[error("{what}: {source}")]
    System {
        /// Which file.
        what: String,
        /// What the system said.
        source: Errno,
    },
    /// The pieces of a batch do not fit together.
    #[error("the batch makes no sense: {0}")]
    Batch(&'static str),
    /// More files, bytes or levels than a project may have.
    #[error("the project has too many {0}")]
    TooMuch(&'static str),
}

impl FileError {
    fn of(what: &str, source: Errno) -> Self {
        let what = what.to_owned();
        match source {
            Errno::NOSPC | Errno::DQUOT | Errno::NOMEM | Errno::MFILE | Errno::NFILE => {
                Self::Limit { what, source }
            }
            _ => Self::System { what, source },
        }
    }
}

/// A project's directory, and the directory on the same mount where its files are staged.
#[derive(Debug)]
pub struct Project {
    root: OwnedFd,
    staging: OwnedFd,
}

impl Project {
    /// Opens both directories.
    pub fn open(root: &Path, staging: &Path) -> io::Result<Self> {
        let open = |path: &Path| {
            openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        };
        Ok(Self { root: open(root)?, staging: open(staging)? })
    }

    /// Starts a batch; nothing changes in the project until [`Batch::commit`].
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// The content of an ordinary file, at most `max_bytes` of it; `None` when there is no such file.
    pub fn read(&self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, FileError> {
        check_path(path)?;
        let Some(held) = self.open_held(path)? else { return Ok(None) };
        let mut content = Vec::new();
        let file = std::fs::File::from(held.file);
        file.take(max_bytes)
            .read_to_end(&mut content)
            .map_err(|error| FileError::of(path, errno_of(&error)))?;
        Ok(Some(content))
    }

    /// Opens an ordinary file for reading; `None` when there is none. Never blocks, whatever stands there.
    fn open_held(&self, path: &str) -> Result<Option<Held>, FileError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat2(&self.root, path, flags, Mode::empty(), beneath()) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::XDEV | Errno::ACCESS) => {
                return Ok(None);
            }
            Err(error) => return Err(FileError::of(path, error)),
        };
        Held::of(file).map_err(|error| FileError::of(path, error))
    }
}

/// An ordinary file, opened.
struct Held {
    file: OwnedFd,
    size: u64,
    is_executable: bool,
}

impl Held {
    /// `None` when it is not an ordinary file.
    fn of(file: OwnedFd) -> Result<Option<Self>, Errno> {
        let stat = fstat(&file)?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Some(Self {
                file,
                size: u64::try_from(stat.st_size).unwrap_or(0),
                is_executable: mode.contains(Mode::XUSR),
            })),
            _ => Ok(None),
        }
    }
}

/// The kernel resolves paths safely; this refuses what is nonsense before it gets there.
fn check_path(path: &str) -> Result<(), FileError> {
    let is_plain = |segment: &str| !segment.is_empty() && segment != "." && segment != "..";
    match path.split('/').all(is_plain) && !path.contains('\0') {
        true => Ok(()),
        false => Err(FileError::Path(path.to_owned())),
    }
}

fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// The mode of a project file.
fn mode_of(is_executable: bool) -> Mode {
    Mode::from_raw_mode(if is_executable { 0o755 } else { 0o644 })
}

/// A folder of the project, to open things in.
fn open_folder(root: impl AsFd, path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(root, path, flags, Mode::empty(), beneath())
}
