//! Writes what the draft holds into a folder that somebody works in: whole files only, and never over an edit.
//!
//! A file is prepared aside and then changes places with the one in the folder, in one step of the kernel. Only then is looked
//! at what came out: when it is not what it should have been, somebody saved in that moment, and both go back.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use vitrine_model::{FileEntry, FileMode, ProjectPath};

use crate::commands::folder::entry_at;

/// Bits of a file that may be executed.
const EXECUTABLE: u32 = 0o111;

/// A folder to write into.
#[derive(Debug)]
pub(super) struct Mirror {
    root: PathBuf,
    /// On the same file system, looked at by nobody.
    scratch: PathBuf,
}

/// How a change of the folder went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Done.
    Done,
    /// The folder held something else than it should have: nothing was done, look again.
    Overtaken,
}

impl Mirror {
    pub(super) fn new(root: PathBuf, scratch: PathBuf) -> Self {
        Self { root, scratch }
    }

    /// The path gets this content, if the folder still holds `over` there.
    pub(super) fn write(
        &self,
        path: &ProjectPath,
        (content, mode): (&[u8], FileMode),
        over: Option<FileEntry>,
    ) -> io::Result<Written> {
        let target = self.root.join(path.as_str());
        self.make_room(path)?;
        let old = std::fs::symlink_metadata(&target).ok().map(|metadata| metadata.permissions());
        let prepared = self.prepare(content, mode, old)?;
        match over {
            None => appear(&prepared, &target),
            Some(over) => replace(&prepared, &target, over),
        }
    }

    /// The path goes, if the folder still holds `over` there; folders that are empty then go with it.
    pub(super) fn remove(&self, path: &ProjectPath, over: FileEntry) -> io::Result<Written> {
        let target = self.root.join(path.as_str());
        self.check_way(path)?;
        let aside = self.scratch.join("removed");
        match std::fs::rename(&target, &aside) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Written::Overtaken),
            Err(error) => return Err(error),
        }
        if entry_at(&aside)? != Some(over) {
            put_back(&aside, &target)?;
            return Ok(Written::Overtaken);
        }
        std::fs::remove_file(&aside)?;
        for folder in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
            // Fails when there is something in it, as it should.
            if std::fs::remove_dir(self.root.join(folder)).is_err() {
                break;
            }
        }
        Ok(Written::Done)
    }

    /// Folders above the file are made; a link in their place is not followed, wherever it leads.
    fn make_room(&self, path: &ProjectPath) -> io::Result<()> {
        self.check_way(path)?;
        match self.root.join(path.as_str()).parent() {
            Some(parent) => std::fs::create_dir_all(parent),
            None => Ok(()),
        }
    }

    fn check_way(&self, path: &ProjectPath) -> io::Result<()> {
        for folder in path.ancestors() {
            match std::fs::symlink_metadata(self.root.join(folder)) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return Err(io::Error::other(format!("`{folder}` is not a folder here"))),
                Err(error) if error.kind() == ErrorKind::NotFound => break,
                Err(error) => return Err(error),
            }
        }
        match std::fs::symlink_metadata(self.root.join(path.as_str())) {
            Ok(metadata) if !metadata.is_file() => {
                Err(io::Error::other("there is something else than a file"))
            }
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn prepare(&self, content: &[u8], mode: FileMode, old: Option<Permissions>) -> io::Result<PathBuf> {
        let prepared = self.scratch.join("prepared");
        match std::fs::remove_file(&prepared) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // What is new gets what the person's umask leaves of it.
        let new = if mode == FileMode::Executable { 0o777 } else { 0o666 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(new).open(&prepared)?;
        file.write_all(content)?;
        if let Some(old) = old {
            file.set_permissions(Permissions::from_mode(with_mode(old.mode(), mode)))?;
        }
        // The next look trusts what this says; a power cut must not leave an empty file under a known name.
        File::sync_data(&file)?;
        Ok(prepared)
    }
}

/// Executable for whoever may read it, or for nobody.
fn with_mode(old: u32, mode: FileMode) -> u32 {
    match mode {
        FileMode::Regular => old & !EXECUTABLE,
        FileMode::Executable => old | ((old & 0o444) >> 2) | 0o100,
    }
}

fn appear(prepared: &Path, target: &Path) -> io::Result<Written> {
    match renamed_new(prepared, target)? {
        true => Ok(Written::Done),
        false => overtaken(prepared),
    }
}

/// What was prepared is not needed.
fn overtaken(prepared: &Path) -> io::Result<Written> {
    std::fs::remove_file(prepared).map(|()| Written::Overtaken)
}

/// What was taken goes back; whoever put another file there in this moment keeps that, and gets this beside it.
fn put_back(aside: &Path, target: &Path) -> io::Result<()> {
    let mut name = target.as_os_str().to_owned();
    let mut place = target.to_owned();
    while !renamed_new(aside, &place)? {
        name.push(".saved");
        place = PathBuf::from(&name);
    }
    Ok(())
}

/// Renames unless there is something; `false` when there is.
fn renamed_new(from: &Path, to: &Path) -> io::Result<bool> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(error) if is_unsupported(error) => match to.symlink_metadata().is_ok() {
            true => Ok(false),
            false => std::fs::rename(from, to).map(|()| true),
        },
        Err(error) => Err(error.into()),
    }
}

fn replace(prepared: &Path, target: &Path, over: FileEntry) -> io::Result<Written> {
    if entry_at(target)? != Some(over) {
        return overtaken(prepared);
    }
    let written = entry_at(prepared)?;
    match renameat_with(CWD, prepared, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => {}
        Err(Errno::NOENT) => return overtaken(prepared),
        // Some file systems cannot: what was looked at a moment ago has to do.
        Err(error) if is_unsupported(error) => {
            return std::fs::rename(prepared, target).map(|()| Written::Done);
        }
        Err(error) => return Err(error.into()),
    }
    if entry_at(prepared)? == Some(over) {
        std::fs::remove_file(prepared)?;
        return Ok(Written::Done);
    }
    renameat_with(CWD, prepared, CWD, target, RenameFlags::EXCHANGE)?;
    match entry_at(prepared)? == written {
        true => overtaken(prepared),
        // Saved once more, into what had just appeared.
        false => put_back(prepared, target).map(|()| Written::Overtaken),
    }
}

fn is_unsupported(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        dir: tempfile::TempDir,
        mirror: Mirror,
    }

    fn bench() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let (root, scratch) = (dir.path().join("project"), dir.path().join("scratch"));
        std::fs::create_dir(&root).unwrap();
        std::fs::create_dir(&scratch).unwrap();
        let mirror = Mirror::new(root, scratch);
        Bench { dir, mirror }
    }

    impl Bench {
        fn put(&self, path: &str, text: &str) -> FileEntry {
            let at = self.mirror.root.join(path);
            std::fs::create_dir_all(at.parent().unwrap()).unwrap();
            std::fs::write(&at, text).unwrap();
            entry_at(&at).unwrap().unwrap()
        }

        fn read(&self, path: &str) -> Option<String> {
            std::fs::read_to_string(self.mirror.root.join(path)).ok()
        }

        fn write(&self, path: &str, text: &str, over: Option<FileEntry>) -> io::Result<Written> {
            self.mirror.write(&of(path), (text.as_bytes(), FileMode::Regular), over)
        }
    }

    fn of(path: &str) -> ProjectPath {
        ProjectPath::parse(path).unwrap()
    }

    #[test]
    fn files_appear_are_replaced_and_go() {
        let bench = bench();
        assert_eq!(bench.write("src/deep/a.ts", "1", None).unwrap(), Written::Done);
        let one = entry_at(&bench.mirror.root.join("src/deep/a.ts")).unwrap().unwrap();
        assert_eq!(bench.write("src/deep/a.ts", "2", Some(one)).unwrap(), Written::Done);
        assert_eq!(bench.read("src/deep/a.ts").as_deref(), Some("2"));
        let two = entry_at(&bench.mirror.root.join("src/deep/a.ts")).unwrap().unwrap();
        assert_eq!(bench.mirror.remove(&of("src/deep/a.ts"), two).unwrap(), Written::Done);
        assert!(!bench.mirror.root.join("src").exists(), "empty folders go with it");
        assert!(bench.mirror.root.exists());
        assert_eq!(std::fs::read_dir(&bench.mirror.scratch).unwrap().count(), 0);
    }

    #[test]
    fn an_edit_that_nobody_knew_of_is_not_written_over() {
        let bench = bench();
        let known = bench.put("a", "1");
        bench.put("a", "mine");
        assert_eq!(bench.write("a", "theirs", Some(known)).unwrap(), Written::Overtaken);
        assert_eq!(bench.write("a", "theirs", None).unwrap(), Written::Overtaken);
        assert_eq!(bench.mirror.remove(&of("a"), known).unwrap(), Written::Overtaken);
        assert_eq!(bench.read("a").as_deref(), Some("mine"));
        assert_eq!(std::fs::read_dir(&bench.mirror.scratch).unwrap().count(), 0);
    }

    #[test]
    fn a_link_is_not_followed_out_of_the_folder() {
        let bench = bench();
        let outside = bench.dir.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), "theirs").unwrap();
        std::os::unix::fs::symlink(&outside, bench.mirror.root.join("src")).unwrap();
        std::os::unix::fs::symlink(outside.join("file"), bench.mirror.root.join("link")).unwrap();
        assert!(bench.write("src/new", "x", None).is_err());
        assert!(bench.write("link", "x", None).is_err());
        let known = entry_at(&outside.join("file")).unwrap().unwrap();
        assert!(bench.mirror.remove(&of("src/file"), known).is_err());
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
        assert_eq!(std::fs::read_to_string(outside.join("file")).unwrap(), "theirs");
    }

    #[test]
    fn a_program_stays_one() {
        let bench = bench();
        let known = bench.put("run.sh", "1");
        let path = of("run.sh");
        bench.mirror.write(&path, (b"2", FileMode::Executable), Some(known)).unwrap();
        let now = entry_at(&bench.mirror.root.join("run.sh")).unwrap().unwrap();
        assert_eq!(now.mode, FileMode::Executable);
        assert_eq!(with_mode(0o100_600, FileMode::Executable), 0o100_700);
        assert_eq!(with_mode(0o100_755, FileMode::Regular), 0o100_644);
    }
}
