//! One batch of file changes: everything is staged first, then renamed in place.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::{FileError, Held, Project, check_path, errno_of, mode_of, open_folder, tree};
use crate::protocol::{AppliedCounts, PutPiece};

/// A batch in the making. Dropping it removes what was staged.
#[derive(Debug)]
pub struct Batch<'a> {
    project: &'a Project,
    staged: Vec<Staged>,
    removed: Vec<String>,
    counts: AppliedCounts,
    /// The staged file that the next piece continues.
    open: Option<File>,
}

#[derive(Debug)]
struct Staged {
    path: String,
    is_executable: bool,
    /// True for a file that came in pieces: it is compared with what is there only when it is complete.
    came_in_pieces: bool,
}

impl<'a> Batch<'a> {
    pub(super) fn new(project: &'a Project) -> Self {
        Self {
            project,
            staged: Vec::new(),
            removed: Vec::new(),
            counts: AppliedCounts::default(),
            open: None,
        }
    }

    /// Adds a file, or the next piece of one. A file that is there already, byte for byte, is only counted.
    pub fn put(&mut self, piece: &PutPiece, bytes: &[u8]) -> Result<(), FileError> {
        check_path(&piece.path)?;
        let file = match self.open.take() {
            Some(file) if self.staged.last().is_some_and(|staged| staged.path == piece.path) => file,
            Some(_) => return Err(FileError::Batch("a file that was to be continued was not")),
            None if !piece.continues && self.is_held(piece, bytes)? => {
                self.counts.unchanged += 1;
                return Ok(());
            }
            None => self.stage(piece)?,
        };
        let mut target = &file;
        target.write_all(bytes).map_err(|error| FileError::of(&piece.path, errno_of(&error)))?;
        if piece.continues {
            self.open = Some(file);
        }
        Ok(())
    }

    /// Adds a file to be removed; one that is not there is none.
    pub fn remove(&mut self, path: &str) -> Result<(), FileError> {
        check_path(path)?;
        self.removed.push(path.to_owned());
        Ok(())
    }

    /// Puts everything in place: removes, renames, and prunes folders that were left empty. After an error some files
    /// are as they were and some as they should be, each of them whole.
    pub fn commit(mut self) -> Result<AppliedCounts, FileError> {
        if self.open.is_some() {
            return Err(FileError::Batch("the last file is not complete"));
        }
        for path in std::mem::take(&mut self.removed) {
            if self.unlink(&path)? {
                self.counts.removed += 1;
            }
            self.removed.push(path);
        }
        for index in 0..self.staged.len() {
            self.place(index)?;
        }
        for path in &self.removed {
            self.prune_above(path);
        }
        Ok(self.counts)
    }

    fn stage(&mut self, piece: &PutPiece) -> Result<File, FileError> {
        let name = stage_name(self.staged.len());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let create = || openat(&self.project.staging, name.as_str(), flags, mode_of(piece.is_executable));
        let file = create().or_else(|error| match error {
            // Left by a batch that was cut off, or put there by somebody: out of the way.
            Errno::EXIST => tree::remove(&self.project.staging, &name).and_then(|()| create()),
            error => Err(error),
        });
        let file = file.map_err(|error| FileError::of(&piece.path, error))?;
        let set_mode = fchmod(&file, mode_of(piece.is_executable));
        set_mode.map_err(|error| FileError::of(&piece.path, error))?;
        let (path, is_executable) = (piece.path.clone(), piece.is_executable);
        self.staged.push(Staged { path, is_executable, came_in_pieces: piece.continues });
        Ok(File::from(file))
    }

    fn is_held(&self, piece: &PutPiece, bytes: &[u8]) -> Result<bool, FileError> {
        let Some(held) = self.project.open_held(&piece.path)? else { return Ok(false) };
        if held.size != bytes.len() as u64 || held.is_executable != piece.is_executable {
            return Ok(false);
        }
        same_content(&mut File::from(held.file), &mut &bytes[..])
            .map_err(|error| FileError::of(&piece.path, errno_of(&error)))
    }

    /// Renames one staged file to where it belongs.
    fn place(&mut self, index: usize) -> Result<(), FileError> {
        let staged = &self.staged[index];
        let name = stage_name(index);
        let failed = |error| FileError::of(&staged.path, error);
        if staged.came_in_pieces && self.is_held_staged(staged, &name)? {
            self.counts.unchanged += 1;
            return unlinkat(&self.project.staging, name, AtFlags::empty()).map_err(failed);
        }
        let (folder, leaf) = self.folder_of(&staged.path).map_err(failed)?;
        let rename = || renameat(&self.project.staging, name.as_str(), &folder, leaf);
        let renamed = rename().or_else(|error| match error {
            Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST => {
                tree::remove(&folder, leaf).and_then(|()| rename())
            }
            error => Err(error),
        });
        renamed.map_err(failed)?;
        self.counts.written += 1;
        Ok(())
    }

    fn is_held_staged(&self, staged: &Staged, name: &str) -> Result<bool, FileError> {
        let failed = |error| FileError::of(&staged.path, error);
        let Some(held) = self.project.open_held(&staged.path)? else { return Ok(false) };
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fresh = openat(&self.project.staging, name, flags, Mode::empty()).map_err(failed)?;
        let Some(fresh) = Held::of(fresh).map_err(failed)? else { return Ok(false) };
        if held.size != fresh.size || held.is_executable != staged.is_executable {
            return Ok(false);
        }
        same_content(&mut File::from(held.file), &mut File::from(fresh.file))
            .map_err(|error| failed(errno_of(&error)))
    }

    /// The folder a file goes into, made if need be. A link or a file where a folder should be is replaced.
    fn folder_of<'p>(&self, path: &'p str) -> Result<(OwnedFd, &'p str), Errno> {
        let Some((folder, leaf)) = path.rsplit_once('/') else {
            return Ok((open_folder(&self.project.root, ".")?, path));
        };
        match open_folder(&self.project.root, folder) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            other => return Ok((other?, leaf)),
        }
        let mut at = open_folder(&self.project.root, ".")?;
        for part in folder.split('/') {
            at = match open_folder(&at, part) {
                Ok(next) => next,
                Err(Errno::NOENT) => make_folder(&at, part)?,
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    unlinkat(&at, part, AtFlags::empty())?;
                    make_folder(&at, part)?
                }
                Err(error) => return Err(error),
            };
        }
        Ok((at, leaf))
    }

    /// True when there was something to remove. What is no file, or lies behind a link, is not there for us.
    fn unlink(&self, path: &str) -> Result<bool, FileError> {
        let (folder, leaf) = path.rsplit_once('/').unwrap_or((".", path));
        let removed = open_folder(&self.project.root, folder)
            .and_then(|folder| unlinkat(folder, leaf, AtFlags::empty()));
        match removed {
            Ok(()) => Ok(true),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ISDIR | Errno::XDEV) => Ok(false),
            Err(error) => Err(FileError::of(path, error)),
        }
    }

    /// Removes the folders above `path` as long as they are empty; never the root.
    fn prune_above(&self, path: &str) {
        let mut below = path;
        while let Some((folder, _)) = below.rsplit_once('/') {
            let (parent, name) = folder.rsplit_once('/').unwrap_or((".", folder));
            let pruned = open_folder(&self.project.root, parent)
                .and_then(|parent| unlinkat(parent, name, AtFlags::REMOVEDIR));
            if pruned.is_err() {
                return;
            }
            below = folder;
        }
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for index in 0..self.staged.len() {
            // Those in place are gone from here already.
            let _ = unlinkat(&self.project.staging, stage_name(index), AtFlags::empty());
        }
    }
}

fn stage_name(index: usize) -> String {
    format!("{index}")
}

fn make_folder(at: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    match mkdirat(at, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => open_folder(at, name),
        Err(error) => Err(error),
    }
}

/// Compares to the end of both.
fn same_content(one: &mut impl Read, other: &mut impl Read) -> std::io::Result<bool> {
    let (mut left, mut right) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let count = one.read(&mut left)?;
        if count == 0 {
            return Ok(other.read(&mut right[..1])? == 0);
        }
        match other.read_exact(&mut right[..count]) {
            Ok(()) if left[..count] == right[..count] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// Whether `name` in `folder` is a directory, without following it.
pub(super) fn is_folder(folder: &OwnedFd, name: &str) -> Result<bool, Errno> {
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}
