//! Which app a folder belongs to, and what both held when they last agreed: `.vitrine/link.json` in the folder.
//!
//! It lies in the folder because it is about the folder: it goes along when that is moved, and away when that is deleted. No
//! draft can have the name, and a `.gitignore` of its own keeps it out of version control.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vitrine_model::{AppId, Tree};

use crate::Failure;
use crate::commands::folder::OWN_DIR;

/// The form of the file. One with another number was written by another version.
const FORMAT: u32 = 1;

const FILE: &str = "link.json";
const LOCK: &str = "lock";

/// What is remembered of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::commands) struct Link {
    format: u32,
    /// The app.
    pub(in crate::commands) app: AppId,
    /// The server that had it; for people, when it is not found.
    pub(super) server: String,
    /// What both held when they last agreed, file by file.
    #[serde(default)]
    pub(super) base: Tree,
}

impl Link {
    /// A folder that has just been given an app.
    pub(super) fn new(app: AppId, server: &str) -> Self {
        Self { format: FORMAT, app, server: server.to_owned(), base: Tree::new() }
    }

    /// What is remembered of a folder.
    pub(super) fn load(root: &Path) -> Result<Option<Self>, Failure> {
        let path = root.join(OWN_DIR).join(FILE);
        let unreadable = |error: &dyn std::fmt::Display| {
            let way = "remove it to begin anew: nothing of the project is in it";
            Failure::unusable(format!("{} cannot be read ({error}); {way}", path.display()))
        };
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&error)),
        };
        let link: Self = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
        match link.format {
            FORMAT => Ok(Some(link)),
            other => Err(unreadable(&format!("it has the form {other}, of another version"))),
        }
    }

    /// What is remembered of the folder, or of the nearest one above it.
    pub(in crate::commands) fn above(folder: &Path) -> Result<Option<Self>, Failure> {
        for folder in folder.ancestors() {
            if let Some(link) = Self::load(folder)? {
                return Ok(Some(link));
            }
        }
        Ok(None)
    }

    /// Remembers; a crash leaves what was there before, or this.
    pub(super) fn save(&self, own: &OwnDir) -> Result<(), Failure> {
        let text = serde_json::to_vec(self).map_err(Failure::failed)?;
        let (part, file) = (own.0.join("link.part"), own.0.join(FILE));
        let saved = std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, &file));
        saved.map_err(|error| Failure::failed(format!("{} cannot be written: {error}", file.display())))
    }
}

/// The folder's `.vitrine`, held by one process at a time.
#[derive(Debug)]
pub(super) struct OwnDir(PathBuf, #[expect(dead_code, reason = "held as long as this lives")] File);

impl OwnDir {
    /// Makes it where there is none; fails while another process has it.
    pub(super) fn take(root: &Path) -> Result<Self, Failure> {
        let dir = root.join(OWN_DIR);
        let unusable = |error: std::io::Error| Failure::unusable(format!("{}: {error}", dir.display()));
        std::fs::create_dir_all(&dir).map_err(unusable)?;
        std::fs::write(dir.join(".gitignore"), "*\n").map_err(unusable)?;
        let lock = File::create(dir.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self(dir, lock)),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::unusable(format!("another `vitrine dev` works on {} already", root.display())))
            }
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Where files are prepared before they appear in the folder; emptied.
    pub(super) fn scratch(&self) -> Result<PathBuf, Failure> {
        let scratch = self.0.join("scratch");
        let made = match std::fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => std::fs::create_dir_all(&scratch),
        };
        made.map_err(|error| Failure::unusable(format!("{}: {error}", scratch.display())))?;
        Ok(scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_remembers_its_app_and_so_do_the_folders_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let own = OwnDir::take(dir.path()).unwrap();
        assert_eq!(Link::load(dir.path()).unwrap(), None);
        let app = format!("app_{}", "a".repeat(26)).parse().unwrap();
        let link = Link::new(app, "http://localhost:4400");
        link.save(&own).unwrap();
        let inner = dir.path().join("src/pages");
        std::fs::create_dir_all(&inner).unwrap();
        assert_eq!(Link::above(&inner).unwrap(), Some(link));
        let ignored = std::fs::read_to_string(dir.path().join(".vitrine/.gitignore")).unwrap();
        assert_eq!(ignored, "*\n");
    }

    #[test]
    fn one_folder_is_worked_on_by_one_process() {
        let dir = tempfile::tempdir().unwrap();
        let first = OwnDir::take(dir.path()).unwrap();
        let failure = OwnDir::take(dir.path()).unwrap_err();
        assert_eq!(failure.code(), 2);
        assert!(failure.message().contains("already"), "{failure:?}");
        drop(first);
        OwnDir::take(dir.path()).unwrap();
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".vitrine")).unwrap();
        for text in ["", "{}", r#"{"format":2,"app":"app_x","server":""}"#] {
            std::fs::write(dir.path().join(".vitrine/link.json"), text).unwrap();
            assert_eq!(Link::load(dir.path()).unwrap_err().code(), 2, "{text}");
        }
    }
}
