//! What a command left in a folder: first every entry by name and kind, then content piece by piece.
//!
//! Nothing is left out silently: whoever asks decides about links, special files and odd names, so they are listed as
//! what they are. Nothing is followed and nothing that could block is opened.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat2, statat};
use rustix::io::Errno;

use super::{FileError, Project, beneath, check_path, errno_of};
use crate::protocol::{FetchPiece, ListedEntry, ListedKind};

/// Entries listed, folders included: more than an artifact may have files, so that the asker's own limit decides.
const MAX_ENTRIES: usize = 50_000;

/// Bytes of all names together. Escaped as JSON they are six times as many at worst, and the answer is one frame.
const MAX_NAME_BYTES: usize = 4 * 1024 * 1024;

/// Folders within folders; deeper ones can only have been made to be a nuisance.
const MAX_DEPTH: usize = 64;

impl Project {
    /// Everything beneath a folder of the project (`""`: beneath the project) but the folders themselves, in no
    /// particular order, named relative to it. A folder that is not there holds nothing; what stands in its place, a
    /// link or a file, is the one entry, under an empty name.
    pub fn list(&self, folder: &str) -> Result<Vec<ListedEntry>, FileError> {
        let place = if folder.is_empty() { "." } else { folder };
        if !folder.is_empty() {
            check_path(folder)?;
        }
        let entry = |kind| vec![ListedEntry { path: String::new(), kind, size: 0 }];
        match open_listed(&self.root, place) {
            Ok(opened) => {
                let mut listing = Listing::default();
                listing.folder(&opened, "", 0)?;
                Ok(listing.found)
            }
            Err(Errno::NOENT) => Ok(Vec::new()),
            Err(Errno::LOOP) => Ok(entry(ListedKind::Link)),
            Err(Errno::NOTDIR | Errno::XDEV | Errno::ACCESS) => Ok(entry(ListedKind::Other)),
            Err(error) => Err(FileError::of(folder, error)),
        }
    }

    /// Pieces of ordinary files, one after the other in `into`. For each how many bytes there were, which is less than
    /// asked for only at the end of the file; `None` where there is no such file.
    pub fn fetch(&self, pieces: &[FetchPiece], into: &mut Vec<u8>) -> Result<Vec<Option<u64>>, FileError> {
        pieces.iter().map(|piece| self.fetch_one(piece, into)).collect()
    }

    fn fetch_one(&self, piece: &FetchPiece, into: &mut Vec<u8>) -> Result<Option<u64>, FileError> {
        check_path(&piece.path)?;
        let Some(held) = self.open_held(&piece.path)? else { return Ok(None) };
        let file = File::from(held.file);
        let begin = into.len();
        // No more is set aside than there is: the asker's figure may be generous.
        let wanted = piece.max_bytes.min(held.size.saturating_sub(piece.offset));
        into.resize(begin.saturating_add(usize::try_from(wanted).unwrap_or(0)), 0);
        let mut filled = begin;
        while filled < into.len() {
            let at = piece.offset.saturating_add((filled - begin) as u64);
            match file.read_at(&mut into[filled..], at) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FileError::of(&piece.path, errno_of(&error))),
            }
        }
        into.truncate(filled);
        Ok(Some((filled - begin) as u64))
    }
}

/// Opens a folder for listing: beneath `at`, through no link and into no other mount.
fn open_listed(at: &OwnedFd, path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(at, path, flags, Mode::empty(), beneath())
}

#[derive(Default)]
struct Listing {
    found: Vec<ListedEntry>,
    entries: usize,
    name_bytes: usize,
}

impl Listing {
    fn folder(&mut self, folder: &OwnedFd, prefix: &str, depth: usize) -> Result<(), FileError> {
        if depth > MAX_DEPTH {
            return Err(FileError::TooMuch("levels"));
        }
        for entry in Dir::read_from(folder).map_err(|error| FileError::of(prefix, error))? {
            let entry = entry.map_err(|error| FileError::of(prefix, error))?;
            let bytes = entry.file_name().to_bytes();
            if matches!(bytes, b"." | b"..") {
                continue;
            }
            self.count(prefix.len() + bytes.len())?;
            let path =
                |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            match std::str::from_utf8(bytes) {
                Ok(name) => self.entry(folder, name, path(name), depth)?,
                Err(_) => {
                    let path = path(&String::from_utf8_lossy(bytes));
                    self.found.push(ListedEntry { path, kind: ListedKind::NotUnicode, size: 0 });
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, name_bytes: usize) -> Result<(), FileError> {
        self.entries += 1;
        self.name_bytes += name_bytes;
        match () {
            () if self.entries > MAX_ENTRIES => Err(FileError::TooMuch("files")),
            () if self.name_bytes > MAX_NAME_BYTES => Err(FileError::TooMuch("long names")),
            () => Ok(()),
        }
    }

    fn entry(&mut self, folder: &OwnedFd, name: &str, path: String, depth: usize) -> Result<(), FileError> {
        let stat = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // Gone while one looked: not there.
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(FileError::of(&path, error)),
        };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => match open_listed(folder, name) {
                Ok(inner) => return self.folder(&inner, &path, depth + 1),
                Err(Errno::NOENT) => return Ok(()),
                // Replaced by a link while one looked, closed, or another mount.
                Err(_) => ListedKind::Other,
            },
            FileType::RegularFile => ListedKind::File,
            FileType::Symlink => ListedKind::Link,
            _ => ListedKind::Other,
        };
        self.found.push(ListedEntry { path, kind, size: u64::try_from(stat.st_size).unwrap_or(0) });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn project() -> (tempfile::TempDir, Project) {
        let dir = tempfile::tempdir().unwrap();
        let [root, staging] = ["root", "staging"].map(|name| dir.path().join(name));
        std::fs::create_dir_all(root.join("dist/sub")).unwrap();
        std::fs::create_dir(&staging).unwrap();
        let project = Project::open(&root, &staging).unwrap();
        (dir, project)
    }

    fn listed(project: &Project, folder: &str) -> BTreeMap<String, ListedKind> {
        project.list(folder).unwrap().into_iter().map(|entry| (entry.path, entry.kind)).collect()
    }

    #[test]
    fn every_entry_is_listed_as_what_it_is() {
        let (dir, project) = project();
        let dist = dir.path().join("root/dist");
        std::fs::write(dist.join("sub/a.js"), "a").unwrap();
        std::fs::write(dist.join("two\nlines"), "").unwrap();
        std::fs::write(dist.join(OsStr::from_bytes(b"bad\xff")), "").unwrap();
        symlink("/etc", dist.join("out")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dist.join("socket")).unwrap();
        let expected = [
            ("bad\u{fffd}", ListedKind::NotUnicode),
            ("out", ListedKind::Link),
            ("socket", ListedKind::Other),
            ("sub/a.js", ListedKind::File),
            ("two\nlines", ListedKind::File),
        ];
        assert_eq!(listed(&project, "dist"), expected.map(|(name, kind)| (name.to_owned(), kind)).into());
        assert!(listed(&project, "").contains_key("dist/sub/a.js"));
    }

    #[test]
    fn what_stands_in_the_folders_place_is_named_and_not_followed() {
        let (dir, project) = project();
        let root = dir.path().join("root");
        symlink("dist", root.join("link")).unwrap();
        std::fs::write(root.join("file"), "").unwrap();
        assert_eq!(listed(&project, "link"), [(String::new(), ListedKind::Link)].into());
        assert_eq!(listed(&project, "link/sub"), [(String::new(), ListedKind::Link)].into());
        assert_eq!(listed(&project, "file"), [(String::new(), ListedKind::Other)].into());
        assert!(listed(&project, "none").is_empty());
        for place in ["../root", "/etc", "dist/..", "."] {
            assert!(matches!(project.list(place), Err(FileError::Path(_))), "{place}");
        }
    }

    #[test]
    fn pieces_are_what_is_there_and_never_more() {
        let (dir, project) = project();
        std::fs::write(dir.path().join("root/dist/a"), "0123456789").unwrap();
        let piece = |path: &str, offset, max_bytes| FetchPiece { path: path.to_owned(), offset, max_bytes };
        let pieces = [
            piece("dist/a", 0, 4),
            piece("dist/a", 4, u64::MAX),
            piece("dist/none", 0, 4),
            piece("dist/a", u64::MAX, u64::MAX),
        ];
        let mut content = Vec::new();
        let sizes = project.fetch(&pieces, &mut content).unwrap();
        assert_eq!(
            (sizes.as_slice(), content.as_slice()),
            (&[Some(4), Some(6), None, Some(0)][..], &b"0123456789"[..])
        );
    }

    #[test]
    fn a_folder_that_turns_into_a_link_again_and_again_never_leads_out() {
        let (dir, project) = project();
        let outside = dir.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("secret"), "secret").unwrap();
        let place = dir.path().join("root/dist/sub");
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::fs::remove_dir(&place).unwrap();
                    symlink(&outside, &place).unwrap();
                    std::fs::remove_file(&place).unwrap();
                    std::fs::create_dir(&place).unwrap();
                }
            });
            let piece = FetchPiece { path: "dist/sub/secret".to_owned(), offset: 0, max_bytes: 10 };
            for _ in 0..2_000 {
                let entries = project.list("dist").unwrap();
                assert!(entries.iter().all(|entry| !entry.path.contains("secret")), "{entries:?}");
                assert_eq!(project.fetch(std::slice::from_ref(&piece), &mut Vec::new()).unwrap(), [None]);
            }
            is_over.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn a_folder_has_at_most_so_many_entries() {
        let (dir, project) = project();
        let dist = dir.path().join("root/dist");
        for n in 1..MAX_ENTRIES {
            std::fs::write(dist.join(n.to_string()), "").unwrap();
        }
        assert!(project.list("dist").is_ok());
        std::fs::write(dist.join("one more"), "").unwrap();
        assert!(matches!(project.list("dist"), Err(FileError::TooMuch("files"))));
    }
}
